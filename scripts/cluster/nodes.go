package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// The processes, by the names their certificates begin with, and who else has a
// certificate.
var (
	nodes    = []string{"nats-1", "nats-2", "nats-3"}
	edges    = []string{"edge-emisweb", "edge-systmone"}
	replicas = []string{"exchange-1", "exchange-2", "exchange-3"}
	people   = []string{"operations", "watch", "privacy", "release", "servers"}
)

const domain = ".estuary.example"

// cluster is one run of the profile.
type cluster struct {
	root, folder string
	shipped      string // docs/deploy/cluster
	authority    *authority
	ports        map[string]string // free ones, by what they are for
}

func newCluster(root, folder string) (*cluster, error) {
	a, err := newAuthority()
	if err != nil {
		return nil, err
	}
	c := &cluster{root: root, folder: folder, shipped: filepath.Join(root, "docs", "deploy", "cluster"), authority: a, ports: map[string]string{}}
	wanted := []string{"emisweb", "systmone", "edge-emisweb", "edge-systmone", "page"}
	for _, node := range nodes {
		wanted = append(wanted, node, node+" routes")
	}
	for _, name := range wanted {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // only once all are chosen, so that no two are the same
		_, c.ports[name], _ = net.SplitHostPort(l.Addr().String())
	}
	return c, nil
}

// build builds a program of go.mod into the folder.
func (c *cluster) build(ctx context.Context, name, of string) error {
	command := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(c.folder, "bin", name), of)
	command.Dir = c.root
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w\n%s", of, err, out)
	}
	return nil
}

// prepareNodes writes the nodes' files as they are shipped, and everybody's keys.
func (c *cluster) prepareNodes() error {
	list, err := c.authority.revoked()
	if err != nil {
		return err
	}
	pins := ""
	for _, node := range nodes {
		own, err := c.authority.issue(node+domain, "localhost", "127.0.0.1")
		if err != nil {
			return err
		}
		pins += own.pin
		files := map[string][]byte{"tls/node.pem": own.pem, "tls/node.key": own.key, "tls/ca.pem": c.authority.pem()}
		for _, name := range []string{"node.conf", "accounts.conf"} {
			if files[name], err = os.ReadFile(filepath.Join(c.shipped, name)); err != nil {
				return err
			}
		}
		if err := write(filepath.Join(c.folder, node), files); err != nil {
			return err
		}
	}
	for _, name := range slices.Concat(edges, replicas, people) {
		own, err := c.authority.issue(name + domain)
		if err != nil {
			return err
		}
		if err := write(filepath.Join(c.folder, name), map[string][]byte{"tls/own.pem": own.pem, "own.key": own.key,
			"tls/ca.pem": c.authority.pem(), "tls/crl.pem": list, "tls/nats.pin": []byte(pins)}); err != nil {
			return err
		}
	}
	return nil
}

// urls are the addresses of the nodes for clients.
func (c *cluster) urls() string {
	var all []string
	for _, node := range nodes {
		all = append(all, "tls://localhost:"+c.ports[node])
	}
	return strings.Join(all, ",")
}

// node is one node's process: its environment is what node.env has on site.
func (c *cluster) node(name string) func() *exec.Cmd {
	return func() *exec.Cmd {
		command := exec.Command(filepath.Join(c.folder, "bin", "nats-server"), "-c", "node.conf")
		command.Dir = filepath.Join(c.folder, name)
		command.Env = append(os.Environ(), "NODE="+name, "LISTEN=127.0.0.1:"+c.ports[name], "ROUTES_LISTEN=127.0.0.1:"+c.ports[name+" routes"])
		for i, other := range nodes {
			command.Env = append(command.Env, fmt.Sprintf("ROUTE_%d=nats-route://localhost:%s", i+1, c.ports[other+" routes"]))
		}
		return command
	}
}

// joined waits until the three nodes are one cluster: each is asked how many
// answer.
func (c *cluster) joined(ctx context.Context) error {
	return until(ctx, "the nodes did not become one cluster", func() bool {
		return !slices.ContainsFunc(nodes, func(node string) bool {
			answers, err := c.asked("tls://localhost:"+c.ports[node], "$SYS.REQ.SERVER.PING.STATSZ", len(nodes))
			return err != nil || len(answers) < len(nodes)
		})
	})
}

// asked are the answers, so many at most, to a question that operations asks.
func (c *cluster) asked(urls, subject string, most int) ([]*nats.Msg, error) {
	own := filepath.Join(c.folder, "operations")
	nc, err := nats.Connect(urls, nats.RootCAs(filepath.Join(own, "tls", "ca.pem")), nats.ClientCert(filepath.Join(own, "tls", "own.pem"), filepath.Join(own, "own.key")))
	if err != nil {
		return nil, err
	}
	defer nc.Close()
	inbox := nc.NewInbox()
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		return nil, err
	}
	if err := nc.PublishRequest(subject, inbox, nil); err != nil {
		return nil, err
	}
	var answers []*nats.Msg
	for len(answers) < most {
		answer, err := sub.NextMsg(time.Second)
		if err != nil {
			return answers, err
		}
		answers = append(answers, answer)
	}
	return answers, nil
}

// supervisor keeps processes running.
type supervisor struct {
	folder  string
	running sync.WaitGroup
}

// start runs a process until ctx ends, and again a second after it ended by
// itself. Its pid is in FOLDER/NAME.pid, what it says in FOLDER/NAME.log.
func (s *supervisor) start(ctx context.Context, name string, command func() *exec.Cmd) {
	s.running.Go(func() {
		for ctx.Err() == nil {
			if err := s.once(ctx, name, command()); err != nil {
				fmt.Fprintf(os.Stderr, "cluster: %s: %v\n", name, err)
			}
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
	})
}

// once runs a process to its end. When ctx ends it is asked to stop, and after
// 40 s killed.
func (s *supervisor) once(ctx context.Context, name string, command *exec.Cmd) error {
	log, err := os.OpenFile(filepath.Join(s.folder, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	command.Stdout, command.Stderr = log, log
	tied(command)
	if err := command.Start(); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(s.folder, name+".pid"), fmt.Appendf(nil, "%d\n", command.Process.Pid), 0o600); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		_ = command.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
	}
	_ = command.Process.Signal(os.Interrupt)
	select {
	case <-ended:
	case <-time.After(40 * time.Second):
		_ = command.Process.Kill()
		<-ended
	}
	return nil
}

// wait returns when every process has ended.
func (s *supervisor) wait() { s.running.Wait() }

// until waits for something to become true, for a minute.
func until(ctx context.Context, otherwise string, is func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for !is() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", otherwise, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
	return nil
}
