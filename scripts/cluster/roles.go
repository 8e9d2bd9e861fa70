package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// prepareRoles writes the settings of the edges and replicas as they are
// shipped, but for where files are.
func (c *cluster) prepareRoles() error {
	agreement, err := os.ReadFile(filepath.Join(c.shipped, "agreement.json"))
	if err != nil {
		return err
	}
	link, patient := secret(), secret()
	for _, name := range slices.Concat(edges, replicas) {
		shipped := name
		if slices.Contains(replicas, name) {
			shipped = replicas[0]
		}
		settings, err := os.ReadFile(filepath.Join(c.shipped, shipped+".env"))
		if err != nil {
			return err
		}
		own := filepath.Join(c.folder, name)
		text := strings.NewReplacer("/etc/linkspan/", own+"/", "/run/credentials/linkspan.service/", own+"/", "/var/lib/linkspan", own+"/data",
			"LINKSPAN_INSTANCE="+shipped, "LINKSPAN_INSTANCE="+name).Replace(string(settings))
		if err := write(own, map[string][]byte{"linkspan.env": []byte(text), "agreement.json": agreement, "link.key": link, "patient.key": patient,
			"systmone.settings": []byte("api-key:demo-key\ndevice-id:5ca1ab1e0ddba115\n")}); err != nil {
			return err
		}
	}
	return nil
}

// loopback are the settings of an instance that are others on this machine than
// on site.
func (c *cluster) loopback(name string) []string {
	set := []string{"LINKSPAN_ENVIRONMENT=test", "LINKSPAN_NATS_URL=" + c.urls(), "LINKSPAN_NATS_NAMES=localhost", "LINKSPAN_CONSOLE_LISTEN=off"}
	switch name {
	case "edge-emisweb":
		set = append(set, "LINKSPAN_EMISWEB_ADDRESS=127.0.0.1:"+c.ports["emisweb"], "LINKSPAN_EMISWEB_LISTEN=127.0.0.1:"+c.ports[name], "LINKSPAN_EMISWEB_PLAINTEXT=listen,address",
			"LINKSPAN_EMISWEB_CERT=", "LINKSPAN_EMISWEB_KEY=", "LINKSPAN_EMISWEB_CA=", "LINKSPAN_EMISWEB_NAMES=", "LINKSPAN_EMISWEB_PINS=", "LINKSPAN_EMISWEB_CRL=")
	case "edge-systmone":
		set = append(set, "LINKSPAN_SYSTMONE_ADDRESS=127.0.0.1:"+c.ports["systmone"], "LINKSPAN_SYSTMONE_LISTEN=127.0.0.1:"+c.ports[name])
	case replicas[0]:
		set[len(set)-1] = "LINKSPAN_CONSOLE_LISTEN=127.0.0.1:" + c.ports["page"]
	}
	return set
}

func (c *cluster) startRoles(ctx context.Context, s *supervisor) {
	program := filepath.Join(c.folder, "bin", "linkspan")
	for _, system := range []string{"emisweb", "systmone"} {
		s.start(ctx, "standin-"+system, func() *exec.Cmd {
			return exec.Command(program, "standin", system, "--files", filepath.Join(c.root, "testdata", "patients"), "--listen", "127.0.0.1:"+c.ports[system])
		})
	}
	for _, name := range slices.Concat(edges, replicas) {
		s.start(ctx, name, func() *exec.Cmd {
			command := exec.Command(program, "run", "--env-file", filepath.Join(c.folder, name, "linkspan.env"))
			command.Env = append(os.Environ(), c.loopback(name)...)
			return command
		})
	}
}

// answered waits until every instance says that it does well.
func (c *cluster) answered(ctx context.Context) error {
	return until(ctx, "not every instance does well; see the logs in "+c.folder, func() bool {
		answers, err := c.asked(c.urls(), "linkspan.estuary.status", len(edges)+len(replicas))
		for _, answer := range answers {
			var report struct{ Status string }
			if json.Unmarshal(answer.Data, &report) != nil || report.Status != "ok" {
				return false
			}
		}
		return err == nil
	})
}

// told is what somebody needs who wants to look at it.
func (c *cluster) told() string {
	var b strings.Builder
	fmt.Fprintf(&b, "emisweb asks at http://127.0.0.1:%s/ITK\n", c.ports["edge-emisweb"])
	fmt.Fprintf(&b, "systmone asks at 127.0.0.1:%s\n", c.ports["edge-systmone"])
	fmt.Fprintf(&b, "page http://127.0.0.1:%s/\n", c.ports["page"])
	fmt.Fprintf(&b, "operations certificate in %s\n", filepath.Join(c.folder, "operations"))
	return b.String()
}
