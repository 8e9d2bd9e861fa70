package bridge

import (
	"context"
	"strings"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/linkspan/linkspan/bridge/natsd"
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
	may, err := natsd.ReadPermissions(bounded, nc)
	if err != nil {
		k.put("NATS permissions", CheckWarning, "let the user publish $SYS.REQ.USER.INFO, and see what it may do", "%v; what is denied looks like silence", err)
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
		all = append(all, asks("$JS.API.INFO"))
	}
	return all
}
