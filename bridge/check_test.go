package bridge_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge"
	"github.com/linkspan/linkspan/bridge/certs"
	"github.com/linkspan/linkspan/bridge/certs/certstest"
	"github.com/linkspan/linkspan/bridge/governance"
	"github.com/linkspan/linkspan/bridge/standin"
	"github.com/linkspan/linkspan/bridge/wire"
)

// checkable is a configuration of a link that ran, whose systems are there.
func checkable(t *testing.T, s setup) bridge.Config {
	var config bridge.Config
	change := s.config
	s.config = func(c *bridge.Config) {
		if change != nil {
			change(c)
		}
		config = *c
	}
	e := start(t, s)
	require.NoError(t, e.Stop(context.Background()))
	require.NoError(t, os.Chmod(config.Data, 0o700)) // as a start that makes it does
	return config
}

// graded are the findings of one grade, as "what: says -> remedy".
func graded(all []bridge.Finding, grade bridge.Grade) (lines []string) {
	for _, f := range all {
		if f.Grade == grade {
			lines = append(lines, f.What+": "+f.Says+" -> "+f.Remedy)
		}
	}
	return lines
}

// What is well is found well, every kind of check has its line, and looking
// changes nothing.
func TestCheckFindsNothingWhereAllIsWell(t *testing.T) {
	c := checkable(t, setup{})
	before, err := os.ReadDir(c.Data)
	require.NoError(t, err)
	all := bridge.Check(t.Context(), c, nil, bridge.CheckOptions{Now: time.Now})
	require.Empty(t, graded(all, bridge.CheckFault))
	for _, what := range []string{"configuration", "files", "agreement", "tables", "emisweb interface", "emisweb listener", "systmone interface", "systmone listener",
		"NATS", "data folder", "audit log"} {
		require.Contains(t, strings.Join(graded(all, bridge.CheckOK), "\n"), what+": ", what)
	}
	require.Equal(t, "clock", all[len(all)-1].What) // which this machine may have nobody to keep
	after, err := os.ReadDir(c.Data)
	require.NoError(t, err)
	require.Equal(t, len(before), len(after))
}

// Every kind of finding stands in docs/check.md.
func TestEveryCheckIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../docs/check.md")
	require.NoError(t, err)
	for _, file := range []string{"check.go", "check_nats.go"} {
		code, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, found := range regexp.MustCompile(`k\.(?:put|faults|listener)\("([a-zA-Z ]+)"`).FindAllSubmatch(code, -1) {
			require.Contains(t, string(page), string(found[1]), "docs/check.md")
		}
	}
}

// One thing that is broken is one line with its remedy.
func TestCheckFindsWhatIsBroken(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, taken.Close()) }()
	side := func(c *bridge.Config, name string, change func(*bridge.SideConfig)) {
		sides := map[string]bridge.SideConfig{}
		for each, s := range c.Sides {
			if each == name {
				change(&s)
			}
			sides[each] = s
		}
		c.Sides = sides
	}
	good := checkable(t, setup{})
	for name, broken := range map[string]struct {
		change func(*testing.T, *bridge.Config)
		grade  bridge.Grade
		want   []string // of the one line
	}{
		"nobody listens": {func(_ *testing.T, c *bridge.Config) {
			side(c, "systmone", func(s *bridge.SideConfig) { s.Address = closed.Addr().String() })
		}, bridge.CheckFault, []string{"systmone interface: ", "refused", "LINKSPAN_SYSTMONE_ADDRESS"}},
		"the address is taken": {func(_ *testing.T, c *bridge.Config) {
			side(c, "emisweb", func(s *bridge.SideConfig) { s.Listen = taken.Addr().String() })
		}, bridge.CheckWarning, []string{"emisweb listener: ", "in use", "LINKSPAN_EMISWEB_LISTEN"}},
		"the page's address is taken": {func(_ *testing.T, c *bridge.Config) { c.Console.Listen = taken.Addr().String() },
			bridge.CheckWarning, []string{"operations page: ", "LINKSPAN_CONSOLE_LISTEN"}},
		"no hub": {func(_ *testing.T, c *bridge.Config) { c.NATS.Leaf = "tls://" + closed.Addr().String() },
			bridge.CheckWarning, []string{"operations hub: ", "refused", "LINKSPAN_NATS_LEAF"}},
		"too few files": {func(_ *testing.T, c *bridge.Config) { c.Slots = 1 << 40 }, bridge.CheckWarning, []string{"open files: ", "LimitNOFILE="}},
		"no agreement":  {func(_ *testing.T, c *bridge.Config) { c.Agreement += ".not" }, bridge.CheckFault, []string{"files: agreement: ", "no such file"}},
		"a signer that is not there": {func(_ *testing.T, c *bridge.Config) {
			side(c, "emisweb", func(s *bridge.SideConfig) { s.Signer = "/nowhere.pem" })
		}, bridge.CheckFault, []string{"files: emisweb: ", "no such file"}},
		"a damaged set": {func(t *testing.T, c *bridge.Config) {
			c.Tables = t.TempDir()
			require.NoError(t, os.MkdirAll(filepath.Join(c.Tables, "sets"), 0o700))
			require.NoError(t, os.WriteFile(filepath.Join(c.Tables, "sets", "ACTIVE"), []byte("not a pointer\n"), 0o600))
		}, bridge.CheckFault, []string{"tables: ", "linkspan tables check"}},
		"a dictionary that is not there": {func(_ *testing.T, c *bridge.Config) { c.Dictionaries = []string{"/nowhere.txt"} }, bridge.CheckFault, []string{"dictionaries: "}},
		"the data folder is a file":      {func(_ *testing.T, c *bridge.Config) { c.Data = c.Agreement }, bridge.CheckFault, []string{"data folder: ", "LINKSPAN_DATA"}},
		"others may look": {func(t *testing.T, c *bridge.Config) {
			c.Data = t.TempDir()
			require.NoError(t, os.Chmod(c.Data, 0o755))
		}, bridge.CheckWarning, []string{"data folder: ", "chmod 700"}},
		"an edited audit log": {func(t *testing.T, c *bridge.Config) {
			dir := t.TempDir()
			require.NoError(t, os.CopyFS(dir, os.DirFS(c.Data)))
			require.NoError(t, os.Chmod(dir, 0o700))
			logs, err := filepath.Glob(filepath.Join(dir, "audit", "one*.audit"))
			require.NoError(t, err)
			require.Len(t, logs, 1)
			text, err := os.ReadFile(logs[0])
			require.NoError(t, err)
			text[len(text)/2] ^= 1
			require.NoError(t, os.WriteFile(logs[0], text, 0o600))
			c.Data = dir
		}, bridge.CheckFault, []string{"audit log: ", "linkspan audit verify"}},
		"no NATS server": {func(_ *testing.T, c *bridge.Config) {
			c.NATS = bridge.NATSConfig{URL: "nats://" + closed.Addr().String(), Plaintext: true}
			c.LinkKey = c.Agreement // not looked at here
		}, bridge.CheckFault, []string{"NATS: no server could be connected to", "LINKSPAN_NATS_"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := good
			broken.change(t, &c)
			var lines []string
			for _, line := range graded(bridge.Check(t.Context(), c, nil, bridge.CheckOptions{Now: time.Now}), broken.grade) {
				if strings.HasPrefix(line, broken.want[0]) {
					lines = append(lines, line)
				}
			}
			require.NotEmpty(t, lines)
			require.LessOrEqual(t, len(lines), 2)
			for _, want := range broken.want {
				require.Contains(t, lines[0], want)
			}
		})
	}
	faults := graded(bridge.Check(t.Context(), good, errors.Join(errors.New("LINKSPAN_SLOTS: want more"), errors.New("LINKSPAN_X is not a setting")), bridge.CheckOptions{Now: time.Now}), bridge.CheckFault)
	require.Len(t, faults, 2, "each fault of the configuration is a line")
	unknown := good
	unknown.Pair, unknown.Console.Listen = "emisweb-nobody", taken.Addr().String()
	lines := strings.Join(graded(bridge.Check(t.Context(), unknown, errors.New("LINKSPAN_PAIR: no such pair"), bridge.CheckOptions{Now: time.Now}), bridge.CheckWarning), "\n")
	require.Contains(t, lines, "operations page: ", "what does not need the pair is looked at without")
}

// A link that a controller has not enabled is a fault.
func TestCheckFindsALinkThatIsNotEnabled(t *testing.T) {
	c := checkable(t, setup{agreement: func(a *governance.Agreement) { delete(a.Enabled, "systmone") }})
	faults := graded(bridge.Check(t.Context(), c, nil, bridge.CheckOptions{Now: time.Now}), bridge.CheckFault)
	require.Len(t, faults, 1)
	require.Contains(t, faults[0], "systmone: not enabled")
	require.Contains(t, faults[0], "docs/agreement.md")
}

// An agreement ends: a month before that is a warning, and after it a fault.
func TestCheckFindsAnAgreementThatEnds(t *testing.T) {
	day := func(days int) string { return time.Now().AddDate(0, 0, days).Format(time.DateOnly) }
	for until, want := range map[string]bridge.Grade{day(20): bridge.CheckWarning, day(0): bridge.CheckWarning, day(60): ""} {
		c := checkable(t, setup{agreement: func(a *governance.Agreement) { a.Until = until }})
		all := bridge.Check(t.Context(), c, nil, bridge.CheckOptions{Now: time.Now})
		if want == "" {
			require.NotContains(t, strings.Join(graded(all, bridge.CheckWarning), "\n"), "agreement: ")
			continue
		}
		require.Contains(t, strings.Join(graded(all, want), "\n"), "agreement: its last day is "+until, until)
		later := bridge.Check(t.Context(), c, nil, bridge.CheckOptions{Now: func() time.Time { return time.Now().AddDate(0, 0, 21) }})
		require.Contains(t, strings.Join(graded(later, bridge.CheckFault), "\n"), "agreement: it ended on "+until)
	}
}

// Who else is there is heard, and whose clock is another; who is not is named.
func TestCheckHearsTheOthers(t *testing.T) {
	a := startArea(t)
	var config bridge.Config
	behind := func(o bridge.Options) bridge.Options {
		o.Now = func() time.Time { return time.Now().Add(-2 * time.Minute) }
		return o
	}
	a.instance("x", setup{options: behind}, bridge.RoleExchange)
	a.instance("e", setup{config: func(c *bridge.Config) { config = *c }}, "emisweb")
	look := func(hear time.Duration) []bridge.Finding {
		c := config
		c.NATS.URL = a.link
		return bridge.Check(t.Context(), c, nil, bridge.CheckOptions{Now: time.Now, Hear: hear})
	}
	all := look(100 * time.Millisecond)
	require.Contains(t, strings.Join(graded(all, bridge.CheckWarning), "\n"), "other roles: nobody with the role systmone was heard")
	require.NotContains(t, strings.Join(graded(all, bridge.CheckWarning), "\n"), "role exchange")
	require.Contains(t, strings.Join(graded(all, bridge.CheckFault), "\n"), "clock: that of x differs by -2m")
	a.instance("s", setup{}, "systmone")
	require.Contains(t, strings.Join(graded(look(20*time.Second), bridge.CheckOK), "\n"), "other roles: heard: ", "and no longer waited for")
}

// What the check takes a role to need is what the catalogue says it uses: no
// subject that is not in it, and of the link's own all but what others publish.
func TestCheckNeedsWhatTheCatalogueHas(t *testing.T) {
	c := checkable(t, setup{config: func(c *bridge.Config) { c.TablesFrom = bridge.TablesFromDirectory }})
	c.TablesFrom = bridge.TablesFromNATS
	needed := map[string]bool{}
	for subject := range bridge.Needs(c) {
		if subject == "_INBOX.>" || strings.HasPrefix(subject, "$JS.") {
			continue
		}
		// A wildcard stands for every row below it.
		matched := false
		for _, row := range bridge.Catalogue() {
			if row.Matches(strings.NewReplacer("*", "x").Replace(subject)) || strings.HasSuffix(subject, ".>") && strings.HasPrefix(row.Wildcard(), strings.Replace(strings.TrimSuffix(subject, ">"), ".test.", ".*.", 1)) {
				matched, needed[row.Pattern] = true, true
			}
		}
		require.True(t, matched, "%s is in no row of the catalogue", subject)
	}
	for _, row := range bridge.Catalogue() {
		if strings.HasPrefix(row.Pattern, "linkspan.") {
			require.True(t, needed[row.Pattern], "%s is needed by no role", row.Pattern)
		}
	}
}

// A subject that is denied looks like silence: each is named beforehand.
func TestCheckFindsDeniedSubjects(t *testing.T) {
	s := natsServer(t, &server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true, Users: []*server.User{
		{Username: "all", Password: "pw"},
		{Username: "mute", Password: "pw", Permissions: &server.Permissions{Publish: &server.SubjectPermission{Allow: []string{"linkspan.>", "$SYS.REQ.USER.INFO"}}}},
		{Username: "answers", Password: "pw", Permissions: &server.Permissions{Publish: &server.SubjectPermission{Allow: []string{"linkspan.>", "$SYS.REQ.USER.INFO"}},
			Response: &server.ResponsePermission{MaxMsgs: 100, Expires: time.Minute}}},
		{Username: "silent", Password: "pw", Permissions: &server.Permissions{
			Publish:   &server.SubjectPermission{Allow: []string{"linkspan.>"}},
			Subscribe: &server.SubjectPermission{Allow: []string{">"}, Deny: []string{"linkspan.test.exchange.systmone"}}}},
		{Username: "some", Password: "pw", Permissions: &server.Permissions{
			Publish:   &server.SubjectPermission{Allow: []string{">"}, Deny: []string{"linkspan.test.emisweb.read.>"}},
			Subscribe: &server.SubjectPermission{Allow: []string{"linkspan.test.>", "$SRV.>", "_INBOX.>"}, Deny: []string{"linkspan.test.exchange.systmone"}}}}}})
	c := checkable(t, setup{})
	key := filepath.Join(t.TempDir(), "link.key")
	require.NoError(t, os.WriteFile(key, []byte(strings.Repeat("ab", 32)), 0o600))
	c.LinkKey = key
	as := func(user string) []bridge.Finding {
		c.NATS = bridge.NATSConfig{URL: "nats://" + user + ":pw@" + s.Addr().String(), Plaintext: true}
		return bridge.Check(t.Context(), c, nil, bridge.CheckOptions{Now: time.Now})
	}
	all := as("all")
	require.Empty(t, graded(all, bridge.CheckFault))
	require.Contains(t, strings.Join(graded(all, bridge.CheckOK), "\n"), "NATS permissions: user all")
	mute := graded(as("mute"), bridge.CheckFault)
	require.Len(t, mute, 1)
	require.Contains(t, mute[0], "may not answer")
	require.Empty(t, graded(as("answers"), bridge.CheckFault))
	faults := graded(as("some"), bridge.CheckFault)
	require.Len(t, faults, 2)
	require.Contains(t, faults[0]+faults[1], "may not publish on linkspan.test.emisweb.read.X99001")
	require.Contains(t, faults[0]+faults[1], "may not subscribe to linkspan.test.exchange.systmone")
	require.NotContains(t, faults[0]+faults[1], ":pw@")
	silent := as("silent")
	require.Contains(t, strings.Join(graded(silent, bridge.CheckFault), "\n"), "may not subscribe to linkspan.test.exchange.systmone: it would look like silence")
	require.Len(t, graded(silent, bridge.CheckFault), 1)
	require.Contains(t, strings.Join(graded(silent, bridge.CheckWarning), "\n"), "subscriptions were tried, publishing was not")
}

// storeOf is what the other end of a wire is judged by there.
func storeOf(t *testing.T, area *certstest.Authority, own, peer certstest.Leaf) *certs.Store {
	s, err := certs.Open(area.Files(own, []string{"linkspan.test"}, peer))
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

// An interface with another key than the one pinned is found before anybody asks.
func TestCheckFindsAnotherKey(t *testing.T) {
	area := certstest.New(t, "area")
	own, practice, stranger := area.Issue("linkspan.test"), area.Issue("practice.test"), area.Issue("practice.test")
	files := area.Files(own, []string{"practice.test"}, practice)
	c := checkable(t, setup{})
	look := func(as certstest.Leaf) []bridge.Finding {
		sides := map[string]bridge.SideConfig{}
		for name, side := range c.Sides {
			l, err := wire.Listen(t.Context(), native(name), "127.0.0.1:0", stand(t, name, standin.Options{}).Handle,
				wire.ListenOptions{TLS: storeOf(t, area, as, own).Server()})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, l.Shutdown(context.Background())) })
			over(&side, files)
			side.Address = l.Addr().String()
			sides[name] = side
		}
		with := c
		with.Sides = sides
		return bridge.Check(t.Context(), with, nil, bridge.CheckOptions{Now: time.Now})
	}
	good := look(practice)
	require.Empty(t, graded(good, bridge.CheckFault))
	require.Contains(t, strings.Join(graded(good, bridge.CheckWarning), "\n")+strings.Join(graded(good, bridge.CheckOK), "\n"), "certificates: emisweb: ")
	faults := graded(look(stranger), bridge.CheckFault)
	require.Len(t, faults, 2)
	for _, fault := range faults {
		require.Contains(t, fault, " interface: TLS: ")
		require.Contains(t, fault, "pins")
	}
}
