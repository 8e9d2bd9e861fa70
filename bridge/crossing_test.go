package bridge_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge"
	"github.com/linkspan/linkspan/bridge/audit"
	"github.com/linkspan/linkspan/bridge/wire"
)

// trick is what the adversarial holder does to one request. All but the first
// two give the bridge an answer it must refuse.
type trick int

const (
	honest      trick = iota
	delayed           // the right answer, after a while
	replaced          // the answer to an earlier request, in place of this one's
	lateFirst         // the answer to an earlier request, then this one's
	twice             // this one's answer two times over
	otherRecord       // this request's ids around another patient's record
	otherIDs          // this patient's record with ids of no request
	cut               // half an answer
	tricks
)

// trickOn spreads the tricks over the requests: half are answered properly.
func trickOn(i int) trick {
	n := trick(i * 2654435761 >> 7 % 14)
	if n >= tricks {
		return honest
	}
	return n
}

// adversary is one system that holds records and answers for them as it likes.
// As the asker's own system it answers properly.
type adversary struct {
	name   string
	crowd  []person
	index  map[string]int
	holds  func(i int) bool // whether patient i is asked of this system
	proper wire.Handler

	mu     sync.Mutex
	before []byte // an answer given to an earlier request
	spoilt map[int]trick
}

// earlier gives the answer to an earlier request and keeps this one for later.
func (a *adversary) earlier(answer []byte) []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	old := a.before
	a.before = answer
	return old
}

func (a *adversary) spoils(i int, by trick) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.spoilt[i] = by
}

// handle answers one request as an adversary, if it is asked as the holder.
func (a *adversary) handle(ctx context.Context, native []byte, from wire.Peer) []byte {
	i, known := a.index[number(native)]
	right := a.proper(ctx, native, from)
	if !known || !a.holds(i) {
		return right
	}
	by := trickOn(i)
	switch by {
	case delayed:
		timer := time.NewTimer(time.Duration(i%7) * time.Millisecond)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		return right
	case replaced, lateFirst:
		old := a.earlier(right)
		if old == nil {
			return right
		}
		a.spoils(i, by)
		if by == replaced {
			return old
		}
		return append(bytes.Clone(old), right...)
	case twice:
		a.spoils(i, by)
		return append(bytes.Clone(right), right...)
	case otherRecord:
		other := a.crowd[(i+1)%len(a.crowd)]
		a.spoils(i, by)
		return a.proper(ctx, bytes.ReplaceAll(native, []byte(a.crowd[i].number), []byte(other.number)), from)
	case otherIDs:
		a.spoils(i, by)
		return a.proper(ctx, anyID.ReplaceAll(native, []byte("${1}"+uuid.NewString()+"<")), from)
	case cut:
		a.spoils(i, by)
		if from.Hangup != nil {
			from.Hangup()
		}
		return right[:len(right)/2]
	}
	return right
}

// anyID is the id of a request of the bridge's own, in either system's form.
var anyID = regexp.MustCompile(`(<RequestUID>|<(?:\w+:)?MessageID[^>]*>)[^<]*<`)

// What nobody else's record may hold.
var (
	tokens  = regexp.MustCompile(`CNRY\d{6}X`)
	numbers = regexp.MustCompile(`\b999\d{7}\b`)
)

// strange is the first token or number in an answer that is not the patient's
// own, "" where there is none.
func strange(answer []byte, p person) string {
	for _, found := range tokens.FindAll(answer, -1) {
		if string(found) != p.token {
			return string(found)
		}
	}
	for _, found := range numbers.FindAll(answer, -1) {
		if string(found) != p.number {
			return string(found)
		}
	}
	return ""
}

// TestNoCrossings has 64 askers ask for distinct patients at once, of holders
// that delay, swap, repeat, cut and mix up their answers: no answer ever holds
// anything of another patient, every request ends in exactly one native answer
// and one audit record, and what the holders spoilt is what is refused
// (safety H-02, H-30, P-04, P-05, P-19).
func TestNoCrossings(t *testing.T) {
	const askers, round = 64, 320
	people := crowd(max(sized(2000, 100_000), 2000)) // the race detector sees all of them
	index := map[string]int{}
	for i, p := range people {
		index[p.number] = i
	}
	world := everywhere(people)
	holders := map[string]wire.Handler{}
	adversaries := map[string]*adversary{}
	for _, name := range []string{"emisweb", "systmone"} {
		a := &adversary{name: name, crowd: people, index: index, holds: func(i int) bool { return asks(i) != name },
			proper: turns(world.as(name)), spoilt: map[int]trick{}}
		adversaries[name], holders[name] = a, a.handle
	}
	var outcomes atomic.Int64
	clock := &shifting{}
	e := start(t, setup{holders: holders, options: counting(&outcomes, clock), config: func(c *bridge.Config) {
		c.Slots = 4 * askers
		c.Deadline = time.Minute
	}})

	var crossings, released, refused atomic.Int64
	one := func(a asker, i int) error {
		p := people[i]
		answer, err := a.ask(t.Context(), p.asking(t, a.from, fmt.Sprintf("cmarlow%d", i%97)))
		if err != nil {
			return err
		}
		if found := strange(answer, p); found != "" {
			crossings.Add(1)
			return fmt.Errorf("the answer holds %s of another patient", found)
		}
		no, err := isRefusal(a.from, answer)
		if err != nil {
			return err
		}
		spoilt := adversaries[holder(a.from)].by(i)
		switch {
		case no && spoilt == honest:
			return fmt.Errorf("answered properly by the holder and refused: %s", answer)
		case !no && spoilt != honest:
			return fmt.Errorf("released, although the holder played trick %d", spoilt)
		case !no && !bytes.Contains(answer, []byte(p.token)):
			return errors.New("a record without its content")
		case no:
			refused.Add(1)
		default:
			released.Add(1)
		}
		return nil
	}
	e.drive(t, clock, askers, round, len(people), one)
	injected := len(adversaries["emisweb"].spoilt) + len(adversaries["systmone"].spoilt)
	t.Logf("%d requests by %d askers: %d crossings, %d released, %d answers spoilt by the holders, %d refused", len(people), askers, crossings.Load(), released.Load(), injected, refused.Load())
	require.Zero(t, crossings.Load())
	require.EqualValues(t, injected, refused.Load())
	require.Greater(t, injected, len(people)/4, "the holders played too few tricks")
	require.EqualValues(t, len(people), released.Load()+refused.Load())
	require.EqualValues(t, len(people), outcomes.Load())
	require.NoError(t, e.Stop(context.Background()))
	ledger := auditOf(t, e.data)
	require.Len(t, ledger, len(people))
	answered := 0
	for id, l := range ledger {
		require.Equal(t, 1, l.asked, id)
		require.Len(t, l.closed, 1, id)
		if l.closed[0].Event == audit.EventAnswered {
			answered++
		}
	}
	require.EqualValues(t, released.Load(), answered)
}

// by is the trick that was played on patient i, honest where none was.
func (a *adversary) by(i int) trick {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.spoilt[i]
}
