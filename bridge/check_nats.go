package bridge

import (
	"context"
	"encoding/json"
	"maps"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"github.com/linkspan/linkspan/bridge/natsd"
	"github.com/linkspan/linkspan/bridge/status"
)

// nats connects to the servers the roles are to talk by, asks what this instance
// may do there, and looks who else is there. An embedded server is only our own.
func (k *checker) nats(ctx context.Context) {
	c := k.config
	if c.NATS.URL == "" {
		k.put("NATS", CheckOK, "", "the embedded server; all roles are in this process")
		return
	}
	b := &Bridge{config: c, log: zap.NewNop(), now: k.now, operations: &operations{}, failed: make(chan error, 1)}
	defer func() { _ = b.Stop(context.WithoutCancel(ctx)) }()
	servers, err := b.servers()
	if err != nil {
		k.faults("NATS", err, "mend the setting or the file", "")
		return
	}
	var last atomic.Pointer[string] // of what went wrong
	last.Store(new(string))
	servers.Log = func(level, message string) {
		if level != "info" {
			last.Store(&message)
		}
	}
	servers.Closed = nil
	nc, err := natsd.ConnectExternal(servers, "linkspan-check-"+c.Instance)
	if err != nil {
		k.put("NATS", CheckFault, "mend LINKSPAN_NATS_URL", "%v", err)
		return
	}
	defer nc.Close()
	bounded, cancel := context.WithTimeout(ctx, checkWait)
	defer cancel()
	for !nc.IsConnected() {
		if !every(bounded, 50*time.Millisecond) {
			break
		}
	}
	if !nc.IsConnected() {
		k.put("NATS", CheckFault, "are the servers running, reachable, and of the authorities, names and pins in LINKSPAN_NATS_*; are the credentials theirs?", "no server could be connected to. %s", *last.Load())
		return
	}
	trip, err := nc.RTT()
	if err != nil {
		k.put("NATS", CheckFault, "look at the servers", "%v", err)
		return
	}
	k.put("NATS", CheckOK, "", "connected to %s in %s", nc.ConnectedServerName(), trip.Round(10*time.Microsecond))
	if need := int64(chunkRoom); nc.MaxPayload() < need {
		k.put("NATS message size", CheckFault, "raise max_payload of the servers", "%d bytes; a piece of a record wants %d", nc.MaxPayload(), need)
	}
	k.permissions(ctx, nc)
	k.others(ctx, nc)
}

// permissions holds what the roles use against what the server says this user may
// do. Where it does not say, each subject is subscribed to for a moment; what may
// be published is not tried, for somebody could act on it.
func (k *checker) permissions(ctx context.Context, nc *nats.Conn) {
	if k.pair.Name == "" {
		return // which subjects there are is not known
	}
	c := k.config
	asking, asked := context.WithTimeout(ctx, 2*time.Second)
	defer asked()
	may, err := natsd.ReadPermissions(asking, nc)
	if err != nil {
		const remedy = "let the user publish $SYS.REQ.USER.INFO: the server then says what it may publish, too"
		for _, need := range k.needs() {
			if !need.publish && !natsd.TrySubscribe(nc, need.subject, checkWait) {
				k.put("NATS permissions", CheckFault, "let the user do so: docs/subjects.md says who uses what", "may not subscribe to %s: it would look like silence", need.subject)
			}
		}
		k.put("NATS permissions", CheckWarning, remedy, "%v; subscriptions were tried, publishing was not", err)
		return
	}
	denied := 0
	for _, need := range k.needs() {
		if need.publish && !may.MayPublish(need.subject) || !need.publish && !may.MaySubscribe(need.subject) {
			denied++
			k.put("NATS permissions", CheckFault, "let user "+may.User+" of account "+may.Account+" do so: docs/subjects.md says who uses what", "may not %s %s: it would look like silence", need.verb(), need.subject)
		}
	}
	if !may.MayAnswer() {
		denied++
		k.put("NATS permissions", CheckFault, "let user "+may.User+" publish on _INBOX.>, or set allow_responses", "may not answer: whoever asks this instance would hear silence")
	}
	if denied == 0 {
		k.put("NATS permissions", CheckOK, "", "user %s of account %s may use every subject of roles %s", may.User, may.Account, strings.Join(c.Roles, " "))
	}
}

// ahead is by how much clocks may differ: a request from a clock that is further
// ahead is refused, and one that is a sixth of that off is on its way there.
const ahead = time.Minute

// others says which instances are heard, and whether a role is missing or a clock
// differs. They are asked how they do, and where this user may not ask, as in an
// account of one side, their heartbeats are waited for.
func (k *checker) others(ctx context.Context, nc *nats.Conn) {
	if k.hear == 0 || k.pair.Name == "" {
		return
	}
	reports := make(chan *nats.Msg, 256)
	subjects, inbox := NewSubjects(k.config.Economy), nc.NewInbox()
	for _, subject := range []string{subjects.Heartbeat("*"), inbox} {
		sub, err := nc.ChanSubscribe(subject, reports)
		if err != nil {
			return // told with the permissions
		}
		defer func() { _ = sub.Unsubscribe() }()
	}
	_ = nc.PublishRequest(subjects.Status(), inbox, nil)
	ctx, cancel := context.WithTimeout(ctx, k.hear)
	defer cancel()
	missing := map[string]bool{RoleExchange: true, k.pair.A.Name: true, k.pair.B.Name: true}
	for _, own := range k.config.Roles {
		delete(missing, own)
	}
	var names []string
	for len(missing) > 0 && ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case m := <-reports:
			var r status.Report
			if json.Unmarshal(m.Data, &r) != nil || r.Form != status.Form || r.Economy != k.config.Economy || slices.Contains(names, r.Instance) {
				continue
			}
			names = append(names, r.Instance)
			for _, role := range r.Roles {
				delete(missing, role)
			}
			k.differs(r.Instance, r.At.Sub(k.now()))
		}
	}
	for _, role := range slices.Sorted(maps.Keys(missing)) {
		k.put("other roles", CheckWarning, "start it, and run the check on its machine", "nobody with the role %s was heard in %s", role, k.hear)
	}
	if len(missing) == 0 {
		k.put("other roles", CheckOK, "", "heard: %s", strings.Join(names, " "))
	}
}

// differs tells of an instance whose clock is another.
func (k *checker) differs(instance string, by time.Duration) {
	switch {
	case by.Abs() > ahead:
		k.put("clock", CheckFault, "let one time service set both clocks: claims made more than 60 s ahead or 300 s back are refused", "that of %s differs by %s", instance, by.Round(time.Second))
	case by.Abs() > ahead/6:
		k.put("clock", CheckWarning, "let one time service set both clocks: claims made more than 60 s ahead or 300 s back are refused", "that of %s differs by %s", instance, by.Round(time.Second))
	}
}

// hub looks whether a server of the hub takes a connection. The link does without.
func (k *checker) hub(ctx context.Context) {
	if k.config.NATS.Leaf == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, checkWait)
	defer cancel()
	var last error
	for _, address := range natsd.Addresses(k.config.NATS.Leaf) {
		host := address.Host
		if address.Port() == "" {
			host = net.JoinHostPort(address.Hostname(), "7422")
		}
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", host)
		if err == nil {
			_ = conn.Close() // nothing was sent on it
			k.put("operations hub", CheckOK, "", "%s takes a connection; the log of a start says whether it takes this area", host)
			return
		}
		last = err
	}
	k.put("operations hub", CheckWarning, "is it running, and does a firewall let this machine reach LINKSPAN_NATS_LEAF? The link does without", "%v", last)
}

// chunkRoom is the least a server has to take in one message.
const chunkRoom = 64 << 10

// need is a subject that this instance's roles publish on or subscribe to.
type need struct {
	subject string
	publish bool
}

func (n need) verb() string {
	if n.publish {
		return "publish on"
	}
	return "subscribe to"
}

// needs are what the roles do, as docs/subjects.md says.
func (k *checker) needs() []need {
	s, c := NewSubjects(k.config.Economy), k.config
	hears := func(subject string) need { return need{subject, false} }
	asks := func(subject string) need { return need{subject, true} }
	all := []need{hears(s.Heartbeat("*")), asks(s.Heartbeat(c.heartbeatRole())), hears(s.Event(">")), hears(s.Health()), hears(s.Status()), hears(s.Metrics()),
		hears("$SRV.PING"), hears("$SRV.INFO"), hears("$SRV.STATS"), hears("_INBOX.>")}
	for _, verb := range ControlVerbs() {
		all = append(all, hears(s.Control(c.Instance, verb)))
	}
	for _, kind := range []string{"audit", "certificates", "clock", "wire", "control", "agreement", "overload"} {
		all = append(all, asks(s.Event(kind)))
	}
	for _, name := range []string{k.pair.A.Name, k.pair.B.Name} {
		if c.Has(name) {
			all = append(all, hears(s.Native(name)), asks(s.Exchange(name)), asks(s.Event("access")))
		}
		if c.Has(RoleExchange) {
			all = append(all, hears(s.Exchange(name)))
		}
	}
	if c.Has(RoleExchange) {
		all = append(all, hears(s.Tables()), hears(s.Audit()), hears(s.AuditOf(c.Instance)),
			asks(s.Event("exchange")), asks(s.Event("breakglass")), asks(s.Event("tables")), asks(s.Event("unmapped")))
	}
	g, err := openAgreement(c.Agreement, c.Economy, k.pair)
	if err != nil {
		return all
	}
	for name, side := range g.now().Sides {
		for _, o := range side.Organisations {
			if c.Has(name) {
				all = append(all, hears(s.Read(name, o.ODS)))
			}
			if c.Has(RoleExchange) {
				all = append(all, asks(s.Read(name, o.ODS)))
			}
		}
	}
	if c.TablesFrom == TablesFromNATS {
		all = append(all, asks("$JS.API.>"), asks("$JS.FC.>"))
	}
	return all
}
