package bridge

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/linkspan/linkspan/bridge/audit"
	"github.com/linkspan/linkspan/bridge/certs"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/pairs/system"
)

// Grade is what a check found.
type Grade string

// Grades. With a fault the daemon does not start, or what it is for does not work.
const (
	CheckOK      Grade = "ok"
	CheckWarning Grade = "warning"
	CheckFault   Grade = "fault"
)

// Finding is one line of a check: what was looked at, how it is, and what to do
// where it is not well. It holds no secret and nothing of a patient.
type Finding struct {
	What   string `json:"what"`
	Grade  Grade  `json:"grade"`
	Says   string `json:"says"`
	Remedy string `json:"remedy,omitempty"`
}

const (
	checkWait    = 5 * time.Second     // for one other machine
	checkSoon    = 30 * 24 * time.Hour // a certificate that ends within it is a warning
	checkTooFull = 64 << 20            // and below which it is a fault
)

// CheckOptions are what a check is given besides the configuration.
type CheckOptions struct {
	Now func() time.Time
	// Hear is how long the heartbeats of the other roles are waited for; a beat is
	// status.Beat. 0 waits for none.
	Hear time.Duration
}

// checker gathers findings.
type checker struct {
	config   Config
	pair     pairs.Pair // none where the configuration names none that there is
	now      func() time.Time
	hear     time.Duration
	findings []Finding
}

// Check looks at everything an instance with this configuration needs: before
// going live, and after any change. It serves nothing, changes nothing and asks
// nobody for a record; where it connects to a system it sends nothing. unread is
// the error of ReadConfig, whose faults are findings too.
func Check(ctx context.Context, c Config, unread error, o CheckOptions) []Finding {
	k := &checker{config: c, now: o.Now, hear: o.Hear}
	k.faults("configuration", unread, "set the variable right; linkspan run --help says what each is for", "every variable can be read")
	if pair, err := pairs.Find(c.Pair); err == nil {
		k.pair = pair
		k.files()
		k.agreement()
		k.tables(ctx)
	}
	for _, s := range []system.System{k.pair.A, k.pair.B} {
		if c.Has(s.Name) {
			k.wire(ctx, s)
		}
	}
	k.listener("operations page", "LINKSPAN_CONSOLE_LISTEN", c.Console.Listen, c.Console.off())
	k.listener("operations listener", "LINKSPAN_NATS_LISTEN", c.NATS.Listen, c.NATS.Listen == "")
	k.nats(ctx)
	k.hub(ctx)
	k.data()
	k.limits()
	if c.Has(RoleExchange) {
		k.audit(ctx)
	}
	k.clock()
	return k.findings
}

func (k *checker) put(what string, grade Grade, remedy, format string, a ...any) {
	if grade == CheckOK {
		remedy = ""
	}
	k.findings = append(k.findings, Finding{What: what, Grade: grade, Says: fmt.Sprintf(format, a...), Remedy: remedy})
}

// faults makes a finding of each of the errors that were joined, or one that all is
// well.
func (k *checker) faults(what string, err error, remedy, well string) {
	if err == nil {
		k.put(what, CheckOK, "", "%s", well)
		return
	}
	for _, one := range joinedErrors(err) {
		k.put(what, CheckFault, remedy, "%v", one)
	}
}

// joinedErrors are those that errors.Join has put together.
func joinedErrors(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, one := range joined.Unwrap() {
		all = append(all, joinedErrors(one)...)
	}
	return all
}

// files reads every file the configuration names, as a start does.
func (k *checker) files() {
	k.faults("files", k.config.checkFiles(k.now), "mend or replace the file; keys want mode 0600 and the daemon's own user", "every file the configuration names can be read, and fits the others")
	uses := map[string]tlsFiles{"nats": k.config.NATS.tls(), "console": k.config.Console.tls()}
	for name, side := range k.config.Sides {
		if k.config.Has(name) {
			uses[name] = side.tls()
		}
	}
	for use, f := range uses {
		if len(f.missing()) > 0 {
			continue
		}
		store, err := certs.Open(f.options(use, k.now))
		if err != nil {
			continue // told above
		}
		for _, end := range store.Ends() {
			left := end.Until.Sub(k.now())
			grade := CheckOK
			if left < checkSoon {
				grade = CheckWarning
			}
			k.put("certificates", grade, "have it renewed; the other end's pins need a new key before it is used", "%s: %s ends on %s, in %d days", use, end.What, end.Until.Format(time.DateOnly), int(left.Hours()/24))
		}
		store.Close()
	}
}

// agreement says whether the link is enabled.
func (k *checker) agreement() {
	g, err := openAgreement(k.config.Agreement, k.config.Economy, k.pair)
	if err != nil {
		return // told with the files
	}
	a := g.now()
	grade := CheckOK
	if !a.Links() {
		grade = CheckFault
	}
	k.put("agreement", grade, "a controller of each side has to enable the link in the agreement: docs/agreement.md", "%s", a.Enabling())
	if last, err := time.Parse(time.DateOnly, a.Until); err == nil {
		left := last.AddDate(0, 0, 1).Sub(k.now())
		const remedy = "have both controllers sign the next one; a file put in place is followed without a restart"
		switch {
		case left <= 0:
			k.put("agreement", CheckFault, remedy, "it ended on %s: every request is refused", a.Until)
		case left < checkSoon:
			k.put("agreement", CheckWarning, remedy, "its last day is %s, in %d days", a.Until, int(left.Hours()/24))
		}
	}
	if k.config.Has(RoleExchange) && k.config.Environment == EnvironmentLive && len(a.Approvers) == 0 {
		k.put("agreement", CheckFault, "name the people who may approve mapping tables, with their keys: linkspan tables key", "no approver, so no table can act in live")
	}
}

// tables loads the set that is active, as a start does.
func (k *checker) tables(ctx context.Context) {
	if !k.config.Has(RoleExchange) {
		return
	}
	g, err := openAgreement(k.config.Agreement, k.config.Economy, k.pair)
	if err != nil {
		return
	}
	keeper := k.config.tableKeeper(k.pair, g, k.now)
	policy, faults := keeper.policy(ctx)
	if len(faults) > 0 {
		for _, f := range faults {
			k.put("dictionaries", CheckFault, cmp.Or(f.Mend, "name dictionary files in LINKSPAN_DICTIONARIES, or take the setting away"), "%v", f)
		}
		return
	}
	loaded := keeper.folder.Current(policy)
	if err := loaded.Err(); err != nil {
		k.faults("tables", err, "linkspan tables check names every fault; linkspan tables approve gives what is missing", "")
		return
	}
	k.put("tables", CheckOK, "", "set %.16s of %d tables loads with its approvals", loaded.Set.Digest(), len(loaded.Tables))
	for _, w := range loaded.Warnings {
		k.put("tables", CheckWarning, w.Mend, "%v", w)
	}
}

// wire looks whether a system's interface takes a connection, with TLS and pins as
// the edge does it, and whether the listener's address is free. Nothing is sent.
func (k *checker) wire(ctx context.Context, s system.System) {
	c, what := k.config.Sides[s.Name], s.Name+" interface"
	name := strings.ToUpper(s.Name)
	bounded, cancel := context.WithTimeout(ctx, checkWait)
	defer cancel()
	if c.Address != "" {
		conn, err := new(net.Dialer).DialContext(bounded, "tcp", hostAndPort(c.Address))
		switch {
		case err != nil:
			k.put(what, CheckFault, "is the system's own interface running, and does a firewall let this machine reach LINKSPAN_"+name+"_ADDRESS?", "%v", err)
		case c.Plain(plaintextAddress):
			_ = conn.Close() // nothing was sent on it
			k.put(what, CheckOK, "", "takes a connection, in plain text as the configuration says")
		default:
			k.secured(bounded, what, name, s.Name, c, conn)
		}
	}
	k.listener(s.Name+" listener", "LINKSPAN_"+name+"_LISTEN", c.Listen, c.Listen == "")
}

func (k *checker) secured(ctx context.Context, what, name, use string, c SideConfig, conn net.Conn) {
	defer func() { _ = conn.Close() }()
	store, err := certs.Open(c.tls().options(use, k.now))
	if err != nil {
		return // told with the files
	}
	defer store.Close()
	if err := tls.Client(conn, store.Client(host(c.Address))).HandshakeContext(ctx); err != nil {
		k.put(what, CheckFault, "compare the authorities, names, pins and revocation lists of LINKSPAN_"+name+"_* with what the other end uses now", "TLS: %v", err)
		return
	}
	k.put(what, CheckOK, "", "takes a connection; its certificate comes from the authorities, has a name and a pin of ours")
}

// hostAndPort is that of an address, which may be a URL.
func hostAndPort(address string) string {
	scheme, rest, found := strings.Cut(address, "://")
	if !found {
		scheme, rest = "", address
	}
	rest, _, _ = strings.Cut(rest, "/")
	if _, _, err := net.SplitHostPort(rest); err != nil && scheme != "" {
		return net.JoinHostPort(rest, scheme)
	}
	return rest
}

// listener looks whether an address can be taken. A daemon that is running has it
// already.
func (k *checker) listener(what, variable, address string, off bool) {
	if off {
		return
	}
	socket, err := net.Listen("tcp", address)
	if err != nil {
		k.put(what, CheckWarning, "right where this instance is running; otherwise name another address in "+variable, "%v", err)
		return
	}
	_ = socket.Close() // nobody has connected
	k.put(what, CheckOK, "", "%s is free", address)
}

// data looks at the folder of what this instance keeps, and its disk.
func (k *checker) data() {
	dir := k.config.Data
	if dir == "" {
		return // told with the configuration
	}
	info, err := os.Stat(dir)
	for errors.Is(err, os.ErrNotExist) && filepath.Dir(dir) != dir { // a start makes it
		dir = filepath.Dir(dir)
		info, err = os.Stat(dir)
	}
	switch {
	case err != nil:
		k.put("data folder", CheckFault, "make it, owned by the daemon's user: LINKSPAN_DATA", "%v", err)
		return
	case !info.IsDir():
		k.put("data folder", CheckFault, "name a folder in LINKSPAN_DATA", "%s is no folder", dir)
		return
	case dir == k.config.Data && !ownedByUs(info):
		k.put("data folder", CheckFault, "run the check as the daemon's user, or chown the folder to it", "%s belongs to another user", dir)
	case dir == k.config.Data && info.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/':
		k.put("data folder", CheckWarning, "chmod 700", "others may look into %s", dir)
	default:
		k.put("data folder", CheckOK, "", "%s", k.config.Data)
	}
	free, known := freeBytes(dir)
	grade := CheckOK
	switch {
	case !known:
		return
	case free < checkTooFull:
		grade = CheckFault
	case free < diskLow:
		grade = CheckWarning
	}
	k.put("disk", grade, "make room: on a full disk every request is refused, for it cannot be audited", "%d MiB are free where the audit log is", free>>20)
}

// audit proves the log that is there, without opening it for writing.
func (k *checker) audit(ctx context.Context) {
	dir, instance := filepath.Join(k.config.Data, "audit"), k.config.Instance
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		k.put("audit log", CheckOK, "", "there is none yet; the first start begins it")
		return
	}
	v, err := audit.VerifyAgainst(ctx, dir, instance, audit.Evidence{})
	if err == nil {
		k.put("audit log", CheckOK, "", "%d records, a whole chain; linkspan audit verify holds it against its checkpoints", v.Last.Seq)
		return
	}
	k.put("audit log", CheckFault, "linkspan audit verify says more; docs/audit.md says what to do", "%v", err)
}

// limits looks whether so many files may be open as connections can come, with
// those of the exchanges under way. A daemon raises its own limit as far as it
// may, as this process has.
func (k *checker) limits() {
	may, known := openFiles()
	if !known {
		return
	}
	want := uint64(64 + 4*k.config.Slots)
	for name, side := range k.config.Sides {
		if k.config.Has(name) {
			want += uint64(10 * side.Connections) // those told "busy" among them
		}
	}
	if may < want {
		k.put("open files", CheckWarning, "LimitNOFILE= of the unit, or ulimit -n", "%d may be open, and %d could be wanted", may, want)
		return
	}
	k.put("open files", CheckOK, "", "%d may be open, %d could be wanted", may, want)
}

// clock looks at what can be seen of the clock without asking anybody.
func (k *checker) clock() {
	if year := k.now().Year(); year < 2026 {
		k.put("clock", CheckFault, "set the clock: claims, certificates and rows of tables go by it", "it says %d", year)
		return
	}
	const remedy = "let a time service set it: claims made more than 60 s ahead or 300 s back are refused"
	switch synchronised, known := clockSynchronised(); {
	case known && !synchronised:
		k.put("clock", CheckWarning, remedy, "no time service has set it since the start")
	case known:
		k.put("clock", CheckOK, "", "a time service keeps it")
	default:
		k.put("clock", CheckOK, "", "%s; whether a time service keeps it cannot be seen here", k.now().Format(time.DateTime))
	}
}
