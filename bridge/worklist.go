package bridge

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/linkspan/linkspan/mapping/traffic"
	"github.com/linkspan/linkspan/pairs"
)

// maxUnmappedEvents bounds event.unmapped in one minute. Someone who typed a
// whole code list into a record must not fill the subject; what is held back is
// counted, in the next event and in the work list.
const maxUnmappedEvents = 100

// workList counts the codes that exchanges ask the tables for and keeps the
// counts in the data folder: the work list of those who write tables. It names
// a code only once its scheme's syntax holds, and never its words (DESIGN.md
// decision 16).
type workList struct {
	counts   *traffic.Log
	file     string
	instance string
	publish  func(kind string, event any)
	now      func() time.Time
	log      *zap.Logger

	changed atomic.Bool // since the last save
	failing bool        // the last save; of the goroutine that keeps
	mu      sync.Mutex
	minute  time.Time // the start of the minute that named counts in
	named   int
	held    int // first sightings no event told of yet
}

// UnmappedEvent is event.unmapped: a code that no row decides was seen for the
// first time ever on this instance. One without a code only says how many
// others no event named.
type UnmappedEvent struct {
	Instance string `json:"instance"`
	Scheme   string `json:"scheme,omitempty"`
	Code     string `json:"code,omitempty"`
	TermCode string `json:"term_code,omitempty"`
	Kind     string `json:"kind,omitempty"`
	To       string `json:"to,omitempty"` // the schemes tried, joined by a space
	// HeldBack is how many first sightings went by without an event since the
	// last, because there were too many in a minute. They are in the work list.
	HeldBack int `json:"held_back,omitempty"`
}

// startWorkList goes on with the counts in the data folder. A damaged file is
// set aside and said so. One that cannot be read is left as it is: this run
// counts from nothing and saves nothing, for no exchange depends on the work
// list.
func (b *Bridge) startWorkList() *workList {
	w := &workList{file: filepath.Join(b.config.Data, traffic.FileName), instance: b.config.Instance, publish: b.publish, now: b.now, log: b.log}
	counts, damage, err := traffic.Load(w.file)
	if err != nil {
		b.log.Error("work list: this run's counts will not be saved", zap.Error(err))
		counts, w.file = &traffic.Log{}, ""
	}
	if damage != nil {
		b.log.Warn("work list", zap.Error(damage))
	}
	w.counts = counts
	b.background(func(ctx context.Context) { w.keep(ctx, b.pace.save) })
	return w
}

// begin is called at the start of an exchange: it sets the day of what follows,
// so that a look-up need not ask the clock.
func (w *workList) begin() { w.counts.SetDay(w.now().Format(time.DateOnly)) }

// looked counts one look-up of an entry's own code. Where the receiver takes no
// code of the kind no table could help, so it is no work for one.
func (w *workList) looked(l pairs.Lookup) {
	if len(l.To) == 0 {
		return
	}
	key := traffic.Key{Code: l.Code, To: joined(l.To), Contexts: joined(l.Contexts), Kind: l.Entry.Kind.String()}
	key.Code.Term = ""
	first := w.counts.Saw(key, l.Result.Answer)
	w.changed.Store(true)
	if first {
		w.tell(key)
	}
}

// joined is a list of words with a space between.
func joined[S ~string](words []S) string {
	if len(words) == 1 {
		return string(words[0])
	}
	var b strings.Builder
	for i, word := range words {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(string(word))
	}
	return b.String()
}

// tell publishes a first sighting, or holds it back.
func (w *workList) tell(k traffic.Key) {
	if held, ok := w.room(1); ok {
		w.publish("unmapped", UnmappedEvent{Instance: w.instance, Scheme: string(k.Code.Scheme), Code: k.Code.Value, TermCode: k.Code.TermCode,
			Kind: k.Kind, To: k.To, HeldBack: held})
	}
}

// room takes one event of the minute for n sightings and gives the sightings
// held back till now; without room it holds them back.
func (w *workList) room(n int) (held int, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now := w.now(); now.Sub(w.minute) >= time.Minute || now.Before(w.minute) {
		w.minute, w.named = now, 0
	}
	if w.named >= maxUnmappedEvents {
		w.held += n
		return 0, false
	}
	held, w.held = w.held, 0
	if n == 0 && held == 0 {
		return 0, false
	}
	w.named++
	return held, true
}

// keep saves the counts at the given pace until ctx ends, and once more then.
func (w *workList) keep(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			w.save()
			return
		case <-tick.C:
			w.save()
			w.tellHeld()
		}
	}
}

// tellHeld publishes how many first sightings were held back, where no further
// one said so.
func (w *workList) tellHeld() {
	if held, ok := w.room(0); ok {
		w.publish("unmapped", UnmappedEvent{Instance: w.instance, HeldBack: held})
	}
}

// save writes the counts where they changed. A disk that refuses is said once
// and tried again at the next pace: no exchange depends on the work list.
func (w *workList) save() {
	if w.file == "" || !w.changed.Swap(false) {
		return
	}
	err := w.counts.Save(w.file)
	if err != nil {
		w.changed.Store(true)
		if !w.failing {
			w.log.Warn("work list", zap.Error(err))
		}
	}
	w.failing = err != nil
}
