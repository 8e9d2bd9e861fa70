package admit_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

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
