package bridge_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge"
	"github.com/linkspan/linkspan/bridge/audit"
	"github.com/linkspan/linkspan/bridge/status"
	"github.com/linkspan/linkspan/bridge/wire"
)

// threeNodes is the profile of docs/deploy/cluster.md, from the files it ships: three
// nodes of nats-server as processes of their own, and an edge for each side and
// three replicas of the exchange likewise, over the systems' real wires.
type threeNodes struct {
	t         *testing.T
	folder    string // of scripts/cluster
	urls      string
	people    []person
	edges     map[string]*daemon // by system
	exchanges []*daemon
	configs   map[string]bridge.Config // by instance
}

// startNodes starts the nodes, and then every instance.
func startNodes(t *testing.T, people []person) *threeNodes {
	t.Helper()
	c := &threeNodes{t: t, folder: filepath.Join(t.TempDir(), "cluster"), people: people, edges: map[string]*daemon{}, configs: map[string]bridge.Config{}}
	program := filepath.Join(t.TempDir(), "cluster")
	out, err := exec.Command("go", "build", "-o", program, "../scripts/cluster").CombinedOutput()
	require.NoError(t, err, "%s", out)
	command := exec.Command(program, "-nodes", "-for", "30m", c.folder)
	stdout, err := command.StdoutPipe()
	require.NoError(t, err)
	stderr := &lockedBuffer{}
	command.Stderr = stderr
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		_ = command.Process.Signal(os.Interrupt)
		require.NoError(t, command.Wait(), "%s", stderr.text())
	})
	for lines := bufio.NewScanner(stdout); lines.Text() != "ready"; {
		require.True(t, lines.Scan(), "the cluster did not start: %s", stderr.text())
		if urls, ok := strings.CutPrefix(lines.Text(), "nodes "); ok {
			c.urls = urls
		}
	}
	base := whole(t, "estuary", practices(t, people))
	base.LinkKey, base.PatientKey = filepath.Join(t.TempDir(), "link.key"), filepath.Join(t.TempDir(), "patient.key")
	for _, key := range []string{base.LinkKey, base.PatientKey} {
		require.NoError(t, os.WriteFile(key, []byte(strings.Repeat("ab", 32)), 0o600))
	}
	base.Deadline, base.Slots = 8*time.Second, 64
	instance := func(name, role string) *daemon {
		own := base
		own.Instance, own.Roles, own.Data, own.NATS = name, []string{role}, t.TempDir(), c.nats(name)
		c.configs[name] = own
		d := daemonOf(t, people, own)
		d.start("", 0)
		return d
	}
	for n := range 3 {
		c.exchanges = append(c.exchanges, instance(fmt.Sprintf("exchange-%d", n+1), bridge.RoleExchange))
	}
	for system := range bothSystems() {
		c.edges[system] = instance("edge-"+system, system)
	}
	c.serves()
	return c
}

// nats is how somebody with a certificate reaches the nodes.
func (c *threeNodes) nats(who string) bridge.NATSConfig {
	own := filepath.Join(c.folder, who)
	return bridge.NATSConfig{URL: c.urls, Cert: filepath.Join(own, "tls", "own.pem"), Key: filepath.Join(own, "own.key"), CA: filepath.Join(own, "tls", "ca.pem"),
		Names: []string{"localhost"}, Pins: filepath.Join(own, "tls", "nats.pin"), CRL: []string{filepath.Join(own, "tls", "crl.pem")}}
}

// connect is a connection of somebody with a certificate.
func (c *threeNodes) connect(who string, options ...nats.Option) *nats.Conn {
	c.t.Helper()
	n := c.nats(who)
	nc, err := nats.Connect(c.urls, append(options, nats.RootCAs(n.CA), nats.ClientCert(n.Cert, n.Key))...)
	require.NoError(c.t, err)
	c.t.Cleanup(nc.Close)
	return nc
}

// serves waits until records of both systems are released again.
func (c *threeNodes) serves() {
	c.t.Helper()
	for system, edge := range c.edges {
		require.Eventually(c.t, func() bool { return edge.ask(system, c.people[0]) }, time.Minute, 50*time.Millisecond, "%s is not served: %s", system, edge.stderr.text())
	}
}

// node is the process of one node.
func (c *threeNodes) node(n int) *os.Process {
	c.t.Helper()
	text, err := os.ReadFile(filepath.Join(c.folder, fmt.Sprintf("nats-%d.pid", n)))
	require.NoError(c.t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	require.NoError(c.t, err)
	p, err := os.FindProcess(pid)
	require.NoError(c.t, err)
	return p
}

// stop stops every instance as an operator does.
func (c *threeNodes) stop() {
	for _, edge := range c.edges {
		edge.stop()
	}
	for _, exchange := range c.exchanges {
		exchange.stop()
	}
}

// storm is a number of askers of both systems that ask until it is ended, each
// for one patient after another.
type storm struct {
	working                    sync.WaitGroup
	over                       atomic.Bool
	asked, released, refused   atomic.Int64
	mu                         sync.Mutex
	crossed, unanswered, wrong []string
}

func (c *threeNodes) storm(askers int) *storm {
	s := &storm{}
	for k := range askers {
		from := asks(k)
		s.working.Go(func() {
			client := wire.NewClient(bothSystems()[from].Wire, c.edges[from].addresses[from], wire.ClientOptions{ThrottleDisabled: true, Limit: 64 << 20})
			defer client.Close()
			for i := k; !s.over.Load(); i += askers {
				s.one(c, client, from, i)
			}
		})
	}
	return s
}

// one asks once. The asker waits longer than the edge may take, so that whoever
// has no answer then was not told in time.
func (s *storm) one(c *threeNodes, client *wire.Client, from string, i int) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*c.configs["exchange-1"].Deadline)
	defer cancel()
	p := c.people[i%len(c.people)]
	answer, err := client.Do(ctx, p.asking(c.t, from, fmt.Sprintf("cmarlow%d", s.asked.Add(1)%97)), nil)
	note := func(list *[]string, what string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		*list = append(*list, what)
	}
	if err != nil {
		note(&s.unanswered, fmt.Sprintf("%s, request %d: %v", from, i, err))
		return
	}
	if found := strange(answer, p); found != "" {
		note(&s.crossed, found)
	}
	refused, err := isRefusal(from, answer)
	switch {
	case err != nil:
		note(&s.wrong, err.Error())
	case refused:
		s.refused.Add(1)
	case !bytes.Contains(answer, []byte(p.token)):
		note(&s.wrong, "a record without its content")
	default:
		s.released.Add(1)
		c.edges[from].kept(from, answer)
	}
}

// end ends the storm. Every asker had an answer, and none was somebody else's.
func (s *storm) end(t *testing.T) {
	t.Helper()
	s.over.Store(true)
	s.working.Wait()
	require.Empty(t, s.crossed, "crossed")
	require.Empty(t, s.unanswered, "without a native answer in time")
	require.Empty(t, s.wrong)
	require.Equal(t, s.asked.Load(), s.released.Load()+s.refused.Load())
	require.Positive(t, s.released.Load())
}

// proven fails unless the chain of each replica's log holds and every record that
// an asker received stands in one of them, by the hash of exactly those bytes.
func (c *threeNodes) proven() (released int) {
	c.t.Helper()
	have := map[string]int{}
	for n, exchange := range c.exchanges {
		instance := fmt.Sprintf("exchange-%d", n+1)
		_, err := audit.Verify(filepath.Join(exchange.data, "audit"), instance)
		require.NoError(c.t, err)
		_, err = audit.Read(filepath.Join(exchange.data, "audit"), instance, func(_ audit.Receipt, e audit.Entry) error {
			if e.Event == audit.EventAnswered {
				have[e.ContentSHA256]++
			}
			return nil
		})
		require.NoError(c.t, err)
	}
	for _, edge := range c.edges {
		for _, sum := range edge.released {
			require.Positive(c.t, have[sum], "a record was released without its audit record")
			have[sum]--
			released++
		}
	}
	return released
}

// TestClusterSurvivesKills kills nodes and replicas with SIGKILL, one after
// another and together, while askers of both systems ask: every one gets the
// right record or a native failure, nothing crosses, and nothing is released that
// is in no replica's audit log. In the end the whole of it serves again.
func TestClusterSurvivesKills(t *testing.T) {
	c := startNodes(t, crowd(64))
	s := c.storm(6)
	rounds := sized(6, 60)
	if set, err := strconv.Atoi(os.Getenv("LINKSPAN_ROUNDS")); err == nil {
		rounds = set
	}
	for n := range rounds {
		node, replica := n%3+1, c.exchanges[(n+1)%3]
		if n%3 != 1 {
			require.NoError(t, c.node(node).Kill())
		}
		if n%3 != 0 {
			require.NoError(t, replica.command.Process.Kill())
			require.Error(t, <-replica.ended)
		}
		c.serves() // by what is left
		if n%3 != 0 {
			replica.start("", 0)
		}
		c.whole()
	}
	s.end(t)
	c.serves()
	c.stop()
	released := c.proven()
	t.Logf("%d rounds of kills: %d requests, %d records, %d refused natively, 0 without an answer, 0 crossed, %d released and each in an audit log",
		rounds, s.asked.Load(), s.released.Load(), s.refused.Load(), released)
}

// whole waits until operations hears every instance again and each node has the
// others.
func (c *threeNodes) whole() {
	c.t.Helper()
	nc := c.connect("operations", nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond))
	defer nc.Close()
	require.Eventually(c.t, func() bool {
		return len(answers(nc, "$SYS.REQ.SERVER.PING.STATSZ", 3)) == 3 && len(answers(nc, "linkspan.estuary.status", 5)) == 5
	}, time.Minute, 50*time.Millisecond)
}

// answers are those to one question, until there are so many or two seconds pass
// without one.
func answers(nc *nats.Conn, subject string, most int) []*nats.Msg {
	inbox := nc.NewInbox()
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		return nil
	}
	defer func() { _ = sub.Unsubscribe() }()
	if nc.PublishRequest(subject, inbox, nil) != nil {
		return nil
	}
	var all []*nats.Msg
	for len(all) < most {
		m, err := sub.NextMsg(2 * time.Second)
		if err != nil {
			break
		}
		all = append(all, m)
	}
	return all
}

// TestClusterAccounts holds the accounts that are shipped against what they are
// for: everybody has what its role needs, and nothing of anybody else's.
func TestClusterAccounts(t *testing.T) {
	c := startNodes(t, crowd(4))
	defer c.stop()

	t.Run("every instance may do what its role needs", func(t *testing.T) {
		for name, config := range c.configs {
			for _, f := range bridge.Check(t.Context(), config, nil, bridge.CheckOptions{Now: time.Now}) {
				if strings.HasPrefix(f.What, "NATS") {
					require.Equal(t, bridge.CheckOK, f.Grade, "%s: %s: %s", name, f.What, f.Says)
				}
			}
		}
	})

	t.Run("operations hears and asks every instance", func(t *testing.T) {
		nc := c.connect("operations")
		refused := make(chan error, 1)
		nc.SetErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err })
		heard := make(chan *nats.Msg, 64)
		_, err := nc.ChanSubscribe("linkspan.estuary.>", heard)
		require.NoError(t, err)
		require.NoError(t, nc.Flush())
		require.ErrorIs(t, <-refused, nats.ErrPermissionViolation, "all subjects are more than it may")
		for _, subject := range []string{"linkspan.estuary.heartbeat.*", "linkspan.estuary.event.*"} {
			_, err := nc.ChanSubscribe(subject, heard)
			require.NoError(t, err)
		}
		require.Len(t, answers(nc, "linkspan.estuary.metrics", 5), 5)
		require.Len(t, answers(nc, "linkspan.estuary.tables", 3), 3)
		require.NotEmpty(t, answers(nc, "$SRV.PING", 5))
		for name := range c.configs {
			m, err := nc.Request("linkspan.estuary.control."+name+".reload", []byte(`{"by":"A. Reed","why":"test"}`), 20*time.Second)
			require.NoError(t, err, name)
			require.Empty(t, m.Header.Get("Nats-Service-Error"), name)
		}
		events, instances := map[string]int{}, map[string]bool{}
		for len(events) < len(c.configs) || len(instances) < len(c.configs) {
			m := next(t, heard)
			if strings.Contains(m.Subject, ".heartbeat.") {
				var r status.Report
				require.NoError(t, json.Unmarshal(m.Data, &r))
				instances[r.Instance] = true
			}
			if m.Subject == "linkspan.estuary.event.control" {
				events[string(m.Data)]++
			}
		}
		for event, n := range events {
			require.Equal(t, 1, n, "told once: %s", event)
		}
	})

	t.Run("health is of the whole link", func(t *testing.T) {
		nc := c.connect("watch")
		require.Eventually(t, func() bool {
			m, err := nc.Request("linkspan.estuary.health", nil, 5*time.Second)
			return err == nil && bytes.Contains(m.Data, []byte(`"status":"ok"`))
		}, time.Minute, 50*time.Millisecond)
	})

	t.Run("nobody hears or asks what is another's", func(t *testing.T) {
		record := []string{"linkspan.estuary.exchange.emisweb", "linkspan.estuary.exchange.systmone", "linkspan.estuary.emisweb.read.X99001", "linkspan.estuary.systmone.read.X99002",
			"linkspan.estuary.emisweb.native", "linkspan.estuary.systmone.native", "linkspan.estuary.audit", "linkspan.estuary.audit.exchange-1", "linkspan.estuary.control.exchange-1.drain"}
		may := map[string][]string{
			"edge-emisweb": {"linkspan.estuary.exchange.emisweb", "linkspan.estuary.emisweb.read.X99001"}, "edge-systmone": {"linkspan.estuary.exchange.systmone", "linkspan.estuary.systmone.read.X99002"},
			"operations": {"linkspan.estuary.control.exchange-1.drain"}, "watch": nil, "privacy": {"linkspan.estuary.audit", "linkspan.estuary.audit.exchange-1"}, "release": nil, "servers": nil}
		for who, allowed := range may {
			nc := c.connect(who, nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
			heard, err := nc.SubscribeSync(nc.NewInbox())
			require.NoError(t, err)
			for _, subject := range record {
				if !slices.Contains(allowed, subject) {
					require.NoError(t, nc.PublishRequest(subject, heard.Subject, nil))
				}
			}
			require.NoError(t, nc.Flush())
			for { // denied, or it is exported to others
				m, err := heard.NextMsg(500 * time.Millisecond)
				if err != nil {
					require.Contains(t, []error{nats.ErrTimeout, nats.ErrNoResponders}, err)
				} else {
					require.Equal(t, "503", m.Header.Get("Status"), "%s is answered: %s", who, m.Data)
				}
				if errors.Is(err, nats.ErrTimeout) {
					break
				}
			}
		}
	})

	t.Run("a route wants the name of a node", func(t *testing.T) {
		text, err := os.ReadFile(filepath.Join(c.folder, "nats-1.log"))
		require.NoError(t, err)
		_, after, found := strings.Cut(string(text), "Listening for route connections on ")
		require.True(t, found)
		routes, _, _ := strings.Cut(after, "\n")
		node := filepath.Join(c.folder, "nats-2", "tls")
		require.Contains(t, c.joins(routes, filepath.Join(node, "node.pem"), filepath.Join(node, "node.key")), "PONG")
		for _, who := range []string{"edge-emisweb", "exchange-1", "servers"} {
			own := c.nats(who)
			said := c.joins(routes, own.Cert, own.Key)
			require.Contains(t, said, "Authorization Violation", who)
			require.NotContains(t, said, "PONG", who)
		}
	})
}

// next is the next message, which must come before the test's own end.
func next(t *testing.T, messages <-chan *nats.Msg) *nats.Msg {
	t.Helper()
	select {
	case m := <-messages:
		return m
	case <-time.After(time.Minute):
		require.Fail(t, "nothing more is heard")
		return nil
	}
}

// joins opens a route as the owner of a certificate, as a node does, and returns
// what the other node says until it answers or hangs up.
func (c *threeNodes) joins(routes, cert, key string) string {
	pair, err := tls.LoadX509KeyPair(cert, key)
	require.NoError(c.t, err)
	authority, err := os.ReadFile(c.nats("operations").CA)
	require.NoError(c.t, err)
	roots := x509.NewCertPool()
	require.True(c.t, roots.AppendCertsFromPEM(authority))
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: 20 * time.Second}, "tcp", routes, &tls.Config{ServerName: "localhost", RootCAs: roots, Certificates: []tls.Certificate{pair}})
	require.NoError(c.t, err)
	defer conn.Close()
	require.NoError(c.t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	_, err = conn.Write([]byte(`CONNECT {"verbose":false,"pedantic":false,"tls_required":true,"name":"another","cluster":"estuary"}` + "\r\nPING\r\n"))
	require.NoError(c.t, err)
	var said strings.Builder
	for lines := bufio.NewScanner(conn); !strings.Contains(said.String(), "PONG") && lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
	}
	return said.String()
}
