package admit_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/linkspan/linkspan/bridge/admit"
	"github.com/linkspan/linkspan/record"
)

// clock is a clock the test sets.
type clock struct{ now time.Time }

func newClock() *clock { return &clock{time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time          { return c.now }
func (c *clock) forward(d time.Duration) { c.now = c.now.Add(d) }

// desk is a gate with its clock, and what it told.
type desk struct {
	*clock
	*admit.Gate
	t      *testing.T
	dir    string
	o      admit.Options
	events []admit.Event
}

func open(t *testing.T, o admit.Options) *desk {
	d := &desk{clock: newClock(), t: t, dir: t.TempDir(), o: o}
	d.o.Now = d.Now
	d.o.Event = func(e admit.Event) { d.events = append(d.events, e) }
	d.reopen()
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d
}

func (d *desk) reopen() {
	if d.Gate != nil {
		require.NoError(d.t, d.Close())
	}
	g, err := admit.Open(d.dir, "emisweb", d.o)
	require.NoError(d.t, err)
	d.Gate = g
}

// ask is one request that ends with an outcome, and what the gate said of it.
func (d *desk) ask(user, id string, outcome record.Reason) record.Reason {
	if err := d.Request(user, "A28999", id, []byte("<request>"+id+"</request>")); err != nil {
		return record.ReasonOf(err)
	}
	d.Answered(user, "A28999", outcome)
	return ""
}

func TestReplayIsRefusedWhenever(t *testing.T) {
	for _, later := range []time.Duration{0, 299 * time.Second, 301 * time.Second, 24*time.Hour - 1} {
		for _, restart := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v restart=%v", later, restart), func(t *testing.T) {
				d := open(t, admit.Options{})
				require.Equal(t, record.Reason(""), d.ask("u1", "5F0C2C0E-6A55", ""))
				d.forward(later)
				if restart {
					d.reopen()
				}
				require.Equal(t, record.ReasonReplayed, d.ask("u1", "5F0C2C0E-6A55", ""))
				require.Equal(t, record.ReasonReplayed, d.ask("u2", " 5f0c2c0e-6a55\n", ""))
				require.Equal(t, record.ReasonReplayed, record.ReasonOf(d.Request("u1", "A28999", "5F0C2C0E-6A55", []byte("other"))))
				require.Equal(t, admit.KindReplayed, d.events[0].Kind)
				require.Equal(t, admit.KindReused, d.events[2].Kind)
			})
		}
	}
}

func TestMessageIsForgottenAfterADay(t *testing.T) {
	d := open(t, admit.Options{})
	require.Equal(t, record.Reason(""), d.ask("u1", "id-1", ""))
	d.forward(24 * time.Hour)
	require.Equal(t, record.Reason(""), d.ask("u1", "id-1", ""))
	d.forward(time.Hour)
	d.reopen()
	require.Equal(t, record.ReasonReplayed, d.ask("u1", "id-1", ""))
}

// TestAskingTwiceIsNoReplay: without an id of its own a message is the same
// question asked again.
func TestAskingTwiceIsNoReplay(t *testing.T) {
	d := open(t, admit.Options{})
	for range 3 {
		require.Equal(t, record.Reason(""), d.ask("u1", "", ""))
		require.Equal(t, record.Reason(""), d.ask("u1", " \n", ""))
	}
	require.Empty(t, d.events)
}

// TestClockSetBackForgetsNothing: what seems to lie ahead is remembered too.
func TestClockSetBackForgetsNothing(t *testing.T) {
	d := open(t, admit.Options{})
	require.Equal(t, record.Reason(""), d.ask("u1", "id-1", ""))
	d.forward(-48 * time.Hour)
	d.reopen()
	require.Equal(t, record.ReasonReplayed, d.ask("u1", "id-1", ""))
}

// TestRecord101InAnHour (threat T-06).
func TestRecord101InAnHour(t *testing.T) {
	d := open(t, admit.Options{})
	for i := range 100 {
		require.Equal(t, record.Reason(""), d.ask("u1", fmt.Sprint(i), ""))
		d.forward(30 * time.Second)
	}
	require.Empty(t, d.events)
	require.Equal(t, record.Reason(""), d.ask("u1", "100", ""), "it is an event, not a refusal")
	require.Equal(t, []admit.Event{{Kind: admit.KindRecords, User: "u1", Organisation: "A28999", Count: 101}}, d.events)
	require.Equal(t, record.Reason(""), d.ask("u1", "101", ""))
	require.Len(t, d.events, 1, "one event in an hour")
	require.Equal(t, record.Reason(""), d.ask("u2", "102", ""))
	require.Len(t, d.events, 1, "another user is another count")
	d.forward(time.Hour)
	require.Equal(t, record.Reason(""), d.ask("u1", "103", ""))
	require.Len(t, d.events, 1)
}

func TestHardRateIsRefused(t *testing.T) {
	d := open(t, admit.Options{Records: 1000})
	for i := range 300 {
		require.Equal(t, record.Reason(""), d.ask("u1", fmt.Sprint(i), ""))
	}
	require.Equal(t, record.ReasonLimited, d.ask("u1", "300", ""))
	require.Equal(t, record.ReasonLimited, d.ask("u1", "301", ""))
	require.Equal(t, []admit.Event{{Kind: admit.KindRequests, User: "u1", Organisation: "A28999", Count: 300}}, d.events)
	d.forward(time.Hour - 1)
	d.reopen()
	require.Equal(t, record.ReasonLimited, d.ask("u1", "300", ""), "a restart gives nothing back")
	d.forward(1)
	require.Equal(t, record.Reason(""), d.ask("u1", "300", ""), "what was refused may be sent again")
}

// TestMiss21InAnHour (threat T-11): after it nothing more is looked up.
func TestMiss21InAnHour(t *testing.T) {
	for _, outcome := range []record.Reason{record.ReasonNotFound, record.ReasonWrongPatient} {
		d := open(t, admit.Options{})
		for i := range 20 {
			require.Equal(t, record.Reason(""), d.ask("u1", fmt.Sprint(i), outcome))
		}
		require.Empty(t, d.events)
		require.Equal(t, record.Reason(""), d.ask("u1", "20", outcome))
		require.Equal(t, []admit.Event{{Kind: admit.KindMisses, User: "u1", Organisation: "A28999", Count: 21}}, d.events)
		for _, restart := range []bool{false, true} {
			if restart {
				d.reopen()
			}
			require.Equal(t, record.ReasonLimited, d.ask("u1", "21", outcome))
			require.Equal(t, record.Reason(""), d.ask("u2", fmt.Sprint("other", restart), ""))
		}
		d.forward(time.Hour)
		require.Equal(t, record.Reason(""), d.ask("u1", "21", outcome))
	}
}

// TestOutcomesThatTellNothing do not use up the look-ups.
func TestOutcomesThatTellNothing(t *testing.T) {
	d := open(t, admit.Options{})
	for i := range 100 {
		require.Equal(t, record.Reason(""), d.ask("u1", fmt.Sprint(i), record.ReasonTimeout))
	}
	require.Empty(t, d.events)
}

// TestLookUpsInHandCount: many at once find out no more than one by one.
func TestLookUpsInHandCount(t *testing.T) {
	d := open(t, admit.Options{})
	taken := 0
	for i := range 64 {
		if d.Request("u1", "A28999", fmt.Sprint(i), nil) == nil {
			taken++
		}
	}
	require.Equal(t, 21, taken)
	for range taken {
		d.Answered("u1", "A28999", record.ReasonNotFound)
	}
	require.Equal(t, record.ReasonLimited, d.ask("u1", "after", ""))
	require.Len(t, d.events, 1)

	d = open(t, admit.Options{})
	for i := range 21 {
		require.NoError(t, d.Request("u1", "A28999", fmt.Sprint(i), nil))
	}
	require.Equal(t, record.ReasonLimited, d.ask("u1", "while in hand", ""))
	d.forward(10 * time.Minute)
	require.Equal(t, record.Reason(""), d.ask("u1", "after", ""), "what never was answered is not in hand for ever")
}

// TestOrganisationBudgets (threat T-07): made-up users do not help.
func TestOrganisationBudgets(t *testing.T) {
	d := open(t, admit.Options{OrganisationMisses: 5, OrganisationRecords: 7, OrganisationRequests: 12})
	for i := range 8 {
		require.Equal(t, record.Reason(""), d.ask(fmt.Sprint("u", i), fmt.Sprint(i), ""))
	}
	require.Equal(t, []admit.Event{{Kind: admit.KindRecords, Organisation: "A28999", Count: 8}}, d.events)
	for i := range 4 {
		require.Equal(t, record.Reason(""), d.ask(fmt.Sprint("v", i), fmt.Sprint("v", i), record.ReasonNotFound))
	}
	require.Equal(t, record.ReasonLimited, d.ask("w", "w", ""), "12 requests")
	require.Equal(t, admit.KindRequests, d.events[1].Kind)
	require.Empty(t, d.events[1].User)
	require.NoError(t, d.Request("w", "B82999", "w", nil), "another organisation")

	d = open(t, admit.Options{OrganisationMisses: 5})
	for i := range 6 {
		require.Equal(t, record.Reason(""), d.ask(fmt.Sprint("u", i), fmt.Sprint(i), record.ReasonNotFound))
	}
	require.Equal(t, record.ReasonLimited, d.ask("w", "w", ""))
	require.Equal(t, []admit.Event{{Kind: admit.KindMisses, Organisation: "A28999", Count: 6}}, d.events)
}

// TestUnnamedAskersAreNotCounted: they end at the agreement; but they cannot
// replay, and cannot make the memory grow beyond what it may hold.
func TestUnnamedAskersAreNotCounted(t *testing.T) {
	d := open(t, admit.Options{Remembered: 500})
	for i := range 500 {
		require.NoError(t, d.Request("", "", fmt.Sprint(i), nil))
	}
	require.Equal(t, record.ReasonReplayed, record.ReasonOf(d.Request("", "", "7", nil)))
	require.Equal(t, record.ReasonLimited, record.ReasonOf(d.Request("", "", "500", nil)))
	require.Equal(t, admit.KindFull, d.events[1].Kind)
	d.forward(24 * time.Hour)
	require.NoError(t, d.Request("", "", "500", nil))
}

// TestNothingReadableIsKept: neither the files nor their names hold what was
// asked, by whom, or in which message.
func TestNothingReadableIsKept(t *testing.T) {
	d := open(t, admit.Options{})
	body := []byte("<nhsNumber>9990001057</nhsNumber><familyName>Canary</familyName>")
	require.NoError(t, d.Request("dr.canary", "A28999", "5f0c2c0e-6a55-4b0e-9a57-6d9d7a1b7c11", body))
	d.Answered("dr.canary", "A28999", record.ReasonNotFound)
	names, err := filepath.Glob(filepath.Join(d.dir, "*"))
	require.NoError(t, err)
	require.Len(t, names, 2)
	for _, name := range names {
		kept, err := os.ReadFile(name)
		require.NoError(t, err)
		for _, word := range []string{"9990001057", "anary", "A28999", "5f0c2c0e", "nhs"} {
			require.NotContains(t, string(kept), word)
			require.NotContains(t, filepath.Base(name), word)
		}
		info, err := os.Stat(name)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
	plain := sha256.Sum256(body)
	kept, err := os.ReadFile(filepath.Join(d.dir, "emisweb.admit"))
	require.NoError(t, err)
	require.NotContains(t, string(kept), string(plain[:16]), "a hash without a key would let anybody guess")
}

// TestOfManyAtOnceOneIsTaken: 64 senders of one message, and of many others.
func TestOfManyAtOnceOneIsTaken(t *testing.T) {
	g, err := admit.Open(t.TempDir(), "emisweb", admit.Options{Requests: 1 << 20, OrganisationRequests: 1 << 20})
	require.NoError(t, err)
	var taken, replayed atomic.Int64
	var wg sync.WaitGroup
	for sender := range 64 {
		wg.Go(func() {
			for i := range 20 {
				user := fmt.Sprint("u", sender)
				if err := g.Request(user, "", fmt.Sprint("message ", i), nil); err == nil {
					taken.Add(1)
					g.Answered(user, "", "")
				} else if record.ReasonOf(err) == record.ReasonReplayed {
					replayed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 20, taken.Load())
	require.EqualValues(t, 64*20-20, replayed.Load())
	require.NoError(t, g.Close())
}

// TestGateBehavesAsItsRule compares the gate with the rule written down plainly,
// whatever is asked, whenever, and however often it is started anew.
func TestGateBehavesAsItsRule(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp("", "admit")
		require.NoError(rt, err)
		defer os.RemoveAll(dir)
		c := newClock()
		o := admit.Options{Misses: 2, Requests: 6, OrganisationMisses: 1000, Now: c.Now}
		g, err := admit.Open(dir, "x", o)
		require.NoError(rt, err)
		type asked struct {
			user, id string
			at       time.Time
			missed   bool
		}
		var log []asked
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			switch rapid.IntRange(0, 5).Draw(rt, "step") {
			case 0:
				c.forward(time.Duration(rapid.Int64Range(0, int64(25*time.Hour)).Draw(rt, "forward")))
			case 1:
				c.forward(time.Duration(rapid.Int64Range(0, int64(30*time.Minute)).Draw(rt, "a little forward")))
			case 2:
				require.NoError(rt, g.Close())
				g, err = admit.Open(dir, "x", o)
				require.NoError(rt, err)
			default:
				a := asked{fmt.Sprint("u", rapid.IntRange(0, 1).Draw(rt, "user")), fmt.Sprint(rapid.IntRange(0, 8).Draw(rt, "id")), c.now, rapid.Bool().Draw(rt, "missed")}
				want := record.Reason("")
				requests, misses := 0, 0
				for _, b := range log {
					if b.id == a.id && c.now.Sub(b.at) < 24*time.Hour {
						want = record.ReasonReplayed
					}
					if b.user == a.user && c.now.Sub(b.at) < time.Hour {
						requests++
						if b.missed {
							misses++
						}
					}
				}
				if want == "" && (requests >= 6 || misses > 2) {
					want = record.ReasonLimited
				}
				err := g.Request(a.user, "O", a.id, nil)
				if want != "" {
					require.Error(rt, err)
					require.Equal(rt, want, record.ReasonOf(err))
					continue
				}
				require.NoError(rt, err)
				outcome := record.Reason("")
				if a.missed {
					outcome = record.ReasonNotFound
				}
				g.Answered(a.user, "O", outcome)
				log = append(log, a)
			}
		}
		require.NoError(rt, g.Close())
	})
}

func BenchmarkRequest(b *testing.B) {
	g, err := admit.Open(b.TempDir(), "emisweb", admit.Options{Requests: 1 << 30, OrganisationRequests: 1 << 30, Remembered: 1 << 30})
	require.NoError(b, err)
	body := bytes.Repeat([]byte("x"), 4<<10)
	n := 0
	for b.Loop() {
		n++
		require.NoError(b, g.Request("u", "A28999", fmt.Sprint(n), body))
		g.Answered("u", "A28999", "")
	}
	require.NoError(b, g.Close())
}
