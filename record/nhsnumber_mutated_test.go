package record_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/record"
)

// validNumber states the rules of an NHS number once more (safety CS-04): ten
// digits, or three, three and four with one blank or one hyphen between; the
// check digit; not one digit ten times. White space around it does not count.
func validNumber(s string) (digits string, ok bool) {
	s = strings.Trim(s, " \t\r\n")
	for _, mark := range []string{" ", "-"} {
		if p := strings.Split(s, mark); len(p) == 3 && len(p[0]) == 3 && len(p[1]) == 3 && len(p[2]) == 4 {
			s = p[0] + p[1] + p[2]
		}
	}
	if len(s) != 10 {
		return "", false
	}
	sum, alike := 0, true
	for i := range 10 {
		d := int(s[i]) - '0'
		if d < 0 || d > 9 {
			return "", false
		}
		if i < 9 {
			sum += d * (10 - i)
		}
		alike = alike && s[i] == s[0]
	}
	last := 11 - sum%11
	if last == 11 {
		last = 0
	}
	return s, !alike && last == int(s[9]-'0')
}

// mutations are how numbers go wrong on their way.
var mutations = []struct {
	name   string
	mutate func(r *rand.Rand, n string) string
	never  bool // what comes out is never a number
}{
	{"one digit", func(r *rand.Rand, n string) string {
		i := r.IntN(10)
		return n[:i] + string(rune('0'+(int(n[i]-'0')+1+r.IntN(9))%10)) + n[i+1:]
	}, true},
	{"two neighbours", func(r *rand.Rand, n string) string {
		i := r.IntN(9)
		return n[:i] + string([]byte{n[i+1], n[i]}) + n[i+2:]
	}, false}, // they may be alike
	{"two digits", func(r *rand.Rand, n string) string {
		b := []byte(n)
		for range 2 {
			b[r.IntN(10)] = byte('0' + r.IntN(10))
		}
		return string(b)
	}, false},
	{"any digits", func(r *rand.Rand, n string) string {
		b := []byte(n)
		for i := range b {
			b[i] = byte('0' + r.IntN(10))
		}
		return string(b)
	}, false},
	{"one digit lost", func(r *rand.Rand, n string) string { i := r.IntN(10); return n[:i] + n[i+1:] }, true},
	{"one digit twice", func(r *rand.Rand, n string) string { i := r.IntN(10); return n[:i] + n[i:i+1] + n[i:] }, true},
	{"one digit ten times", func(r *rand.Rand, n string) string { return strings.Repeat(n[:1], 10) }, true},
	{"a letter", func(r *rand.Rand, n string) string {
		i := r.IntN(10)
		return n[:i] + string("OIlSBxX٣०"[r.IntN(7)]) + n[i+1:]
	}, true},
	{"a layout", func(r *rand.Rand, n string) string {
		mark := []string{" ", "-", "  ", ".", "/", "\u00a0", "–"}
		return n[:3] + mark[r.IntN(7)] + n[3:6] + mark[r.IntN(7)] + n[6:]
	}, false},
	{"another grouping", func(r *rand.Rand, n string) string {
		i := 1 + r.IntN(8)
		for i == 3 {
			i = 1 + r.IntN(8)
		}
		return n[:i] + " " + n[i:]
	}, true},
	{"around it", func(r *rand.Rand, n string) string {
		around := []string{" ", "\t", "\r\n", "", "+", "'", "NHS ", "\x00", "\ufeff", "\u00a0"}
		return around[r.IntN(10)] + n + around[r.IntN(10)]
	}, false},
}

// soundNumber draws a number, of the test range or of any.
func soundNumber(r *rand.Rand, test bool) string {
	for {
		nine := make([]byte, 9)
		for i := range nine {
			nine[i] = byte('0' + r.IntN(10))
		}
		if test {
			copy(nine, "999")
		}
		if n, ok := validNumber(string(nine) + string(rune('0'+check(string(nine))%10))); ok {
			return n
		}
	}
}

// TestMutatedNumbers changes numbers as they go wrong in life and asks that
// what is read is exactly what the rules let pass (safety H-02).
func TestMutatedNumbers(t *testing.T) {
	total := 50_000
	if soak() {
		total = 1_000_000
	}
	r := rand.New(rand.NewPCG(4, 999))
	passed, tried := map[string]int{}, map[string]int{}
	for i := range total {
		n := soundNumber(r, i%2 == 0)
		m := mutations[i%len(mutations)]
		bad := m.mutate(r, n)
		got, err := record.ParseNHSNumber(bad)
		digits, ok := validNumber(bad)
		tried[m.name]++
		if !ok {
			if err == nil {
				t.Fatalf("%s: %q was read", m.name, bad)
			}
			continue
		}
		if err != nil || got.Digits() != digits {
			t.Fatalf("%s: %q was not read as it is", m.name, bad)
		}
		if m.never {
			t.Fatalf("%s: %q is a number", m.name, bad)
		}
		passed[m.name]++
	}
	for _, m := range mutations {
		require.NotZero(t, tried[m.name])
		t.Logf("%s: %d tried, %d are numbers all the same", m.name, tried[m.name], passed[m.name])
	}
}

// A number is read in the permitted layouts, and in no other.
func TestNumberLayouts(t *testing.T) {
	const n = "9998193036"
	layouts := 0
	for _, mark := range []string{"", " ", "-", ".", "  ", "\t", "\u00a0", "–", "_"} {
		for i := 1; i < 10; i++ {
			for j := i; j < 10; j++ {
				s := n[:i] + mark + n[i:j] + mark + n[j:]
				_, want := validNumber(s)
				_, err := record.ParseNHSNumber(s)
				require.Equal(t, want, err == nil, "%q", s)
				if err == nil && mark != "" {
					layouts++
					require.Contains(t, []string{"999 819 3036", "999-819-3036"}, s)
				}
			}
		}
	}
	require.Equal(t, 2, layouts)
}
