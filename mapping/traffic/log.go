// Package traffic counts the codes that real exchanges asked the tables for: the work list of those who write tables.
//
// It holds codes, kinds of entry, numbers and days. It holds no patient, no term, no text of a message, no time finer
// than a day, and nothing that fails the syntax of its coding scheme: that is counted and never named (DESIGN decision
// 16). It is no audit log: it may be deleted, and counting starts anew.
package traffic

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/linkspan/linkspan/mapping"
)

// MaxKeys bounds the distinct keys of one log where Log.Limit is zero: more than any site's real list of codes in use.
const MaxKeys = 200_000

// maxCount is where a count stays, so that a sum of two cannot overflow.
const maxCount = math.MaxInt / 2

// Key is what one look-up asked the tables.
type Key struct {
	Code     mapping.Code // without Term
	To       string       // the target schemes in order of preference, joined by a space
	Contexts string       // the table contexts, most specific first, joined by a space
	Kind     string       // the kind of entry, in lower case
}

// Seen is what is known of one key.
type Seen struct {
	Key
	Count int
	// Unmapped is how many of Count no row decided: unmapped, ambiguous or inexact. What a no-map row decides is done.
	Unmapped int
	// Last is the answer of the latest sighting.
	Last mapping.Answer
	// First and Latest are the days of the first and the latest sighting, YYYY-MM-DD; empty where no day was set.
	First, Latest string
}

// Log counts. The zero Log is ready, and any number of goroutines may use it.
type Log struct {
	// Limit is the most distinct keys, MaxKeys where zero. It is set before the first use. Sightings of further keys are
	// counted as Others.
	Limit int

	mu        sync.Mutex
	day       string
	seen      map[Key]*Seen
	others    Others
	malformed int

	saving sync.Mutex
}

// Others are the sightings of keys that found no room.
type Others struct{ Count, Unmapped int }

// SetDay sets the day, YYYY-MM-DD, of the sightings that follow. Anything else is no day and leaves their day unknown.
func (l *Log) SetDay(day string) {
	if !isDay(day) {
		day = ""
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.day = strings.Clone(day)
}

// Saw counts one look-up and what it came to. First is true the first time ever that no row decided this key: the moment
// for an event. Enumerated values are ignored, and so is a code's Term. What fails its scheme's syntax, whatever the
// answer says, and a key that is not made of words the product itself uses, count as malformed and leave no other trace.
func (l *Log) Saw(k Key, a mapping.Answer) (first bool) {
	if k.Code.Scheme.Enumeration() {
		return false
	}
	k.Code.Term = ""
	wellFormed := a != mapping.Malformed && k.sound() && known(a)
	l.mu.Lock()
	defer l.mu.Unlock()
	if !wellFormed {
		l.malformed = sum(l.malformed, 1)
		return false
	}
	s := Seen{Key: k, Count: 1, Last: a, First: l.day, Latest: l.day}
	if undecided(a) {
		s.Unmapped = 1
	}
	return l.add(s, true)
}

// add adds sightings under the lock, and reports whether they are the first that no row decided. Now says that they
// happen at this moment, so that theirs is the last answer.
func (l *Log) add(s Seen, now bool) (first bool) {
	had := l.seen[s.Key]
	if had == nil {
		if len(l.seen) >= l.limit() {
			l.others.Count = sum(l.others.Count, s.Count)
			l.others.Unmapped = sum(l.others.Unmapped, s.Unmapped)
			return false
		}
		if l.seen == nil {
			l.seen = map[Key]*Seen{}
		}
		// The strings of a key may be parts of a whole message, which must not live on in the log.
		kept := s
		kept.Key = s.Key.clone()
		l.seen[kept.Key] = &kept
		return s.Unmapped > 0
	}
	first = had.Unmapped == 0 && s.Unmapped > 0
	had.Count = sum(had.Count, s.Count)
	had.Unmapped = sum(had.Unmapped, s.Unmapped)
	// Of two answers of one day from two logs the order is not known: unmapped, the last by name, is the one to look at.
	if now || s.Latest > had.Latest || s.Latest == had.Latest && s.Last > had.Last {
		had.Last = s.Last
	}
	had.Latest = max(had.Latest, s.Latest)
	if had.First == "" || s.First != "" && s.First < had.First {
		had.First = s.First
	}
	return first
}

func (l *Log) limit() int {
	if l.Limit > 0 {
		return l.Limit
	}
	return MaxKeys
}

// Merge adds the sightings of other logs, as those of several instances of one economy. The logs may be in use.
func (l *Log) Merge(logs ...*Log) {
	for _, other := range logs {
		seen, others, malformed := other.copy()
		l.mu.Lock()
		for _, s := range seen {
			l.add(s, false)
		}
		l.others.Count = sum(l.others.Count, others.Count)
		l.others.Unmapped = sum(l.others.Unmapped, others.Unmapped)
		l.malformed = sum(l.malformed, malformed)
		l.mu.Unlock()
	}
}

// Seen are the keys seen, most frequent first, equal ones in the order of scheme, code, kind, targets and contexts.
func (l *Log) Seen() []Seen {
	seen, _, _ := l.copy()
	return seen
}

// Others are the sightings that found no room.
func (l *Log) Others() Others {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.others
}

// Malformed is how many sightings failed their scheme's syntax.
func (l *Log) Malformed() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.malformed
}

// copy is all the log holds at one moment, sorted as Seen.
func (l *Log) copy() ([]Seen, Others, int) {
	l.mu.Lock()
	seen := make([]Seen, 0, len(l.seen))
	for _, s := range l.seen {
		seen = append(seen, *s)
	}
	others, malformed := l.others, l.malformed
	l.mu.Unlock()
	slices.SortFunc(seen, func(a, b Seen) int {
		return cmp.Or(b.Count-a.Count, a.Key.compare(b.Key))
	})
	return seen, others, malformed
}

// undecided reports the answers that are work for the tables, as the translation of a record counts them.
func undecided(a mapping.Answer) bool {
	return a == mapping.Unmapped || a == mapping.Ambiguous || a == mapping.Inexact
}

func known(a mapping.Answer) bool {
	return undecided(a) || a == mapping.Mapped || a == mapping.Same || a == mapping.AnswerNoMap
}

// sound reports a key that may be named: a code of its scheme's syntax, and words of ours beside it.
func (k Key) sound() bool {
	return k.Code.Valid() && words(k.To) && words(k.Contexts) && words(k.Kind)
}

// words reports lower-case words, digits, dots and hyphens joined by single spaces: what schemes, contexts and kinds are
// made of. Typed text seldom is, and the length is bounded for what is.
func words(s string) bool {
	if len(s) > 200 {
		return false
	}
	for i := range len(s) {
		switch b := s[i]; {
		case b >= 'a' && b <= 'z', b >= '0' && b <= '9', b == '-', b == '.':
		case b == ' ' && i > 0 && i < len(s)-1 && s[i-1] != ' ':
		default:
			return false
		}
	}
	return true
}

func (k Key) clone() Key {
	return Key{
		Code: mapping.Code{Scheme: mapping.Scheme(strings.Clone(string(k.Code.Scheme))),
			Value: strings.Clone(k.Code.Value), TermCode: strings.Clone(k.Code.TermCode)},
		To: strings.Clone(k.To), Contexts: strings.Clone(k.Contexts), Kind: strings.Clone(k.Kind),
	}
}

func (k Key) compare(o Key) int {
	return cmp.Or(
		strings.Compare(string(k.Code.Scheme), string(o.Code.Scheme)), strings.Compare(k.Code.Value, o.Code.Value),
		strings.Compare(k.Code.TermCode, o.Code.TermCode), strings.Compare(k.Kind, o.Kind),
		strings.Compare(k.To, o.To), strings.Compare(k.Contexts, o.Contexts))
}

func sum(a, b int) int { return min(a+b, maxCount) }

func isDay(s string) bool {
	_, err := time.Parse(time.DateOnly, s)
	return err == nil
}
