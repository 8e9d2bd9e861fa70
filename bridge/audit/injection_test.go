package audit

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// FuzzInjection: whatever an asker's message puts into an entry, one record is
// one line, as many lines as records, each of them JSON that says what was put
// in and nothing that a terminal or another reader would obey (safety T-14).
func FuzzInjection(f *testing.F) {
	f.Add("u1", "direct care", "W1")
	f.Add("u1\n{\"seq\":1}", "a\r\nb", "\x1b[2J\x1b]0;owned\x07")
	f.Add(`"}}`, `\u000a`, "\u2028\u2029\u0085\u009b31m\u007f\u202e\U000e0001")
	f.Add(`","hash":"`, `{"seq":2,"prev":"`, "\x00\xff\xfe")
	f.Fuzz(func(t *testing.T, user, purpose, warning string) {
		var b []byte
		d := &disk{room: -1}
		log := newLog("one", d, state{last: genesis("one")})
		put := []Entry{
			{User: user, Purpose: purpose, Warnings: []string{warning}},
			{UserName: warning, Sections: map[string]Counts{user: {State: purpose}}, Sources: map[string]string{purpose: warning}},
			{Event: user, Cause: purpose, Checks: []string{warning, user}, BreakGlass: warning},
		}
		for _, e := range put {
			_, err := log.Append(e)
			require.NoError(t, err)
		}
		b = d.written
		last := genesis("one")
		for i, line := range bytes.SplitAfter(b, []byte{'\n'})[:len(put)] {
			receipt, body, err := parseLine(line, last)
			require.NoError(t, err)
			last = receipt
			var e Entry
			require.NoError(t, json.Unmarshal(body, &e))
			event, when := glance(body)
			require.Equal(t, e.Event, event, "record %d", i)
			require.True(t, e.Time.Equal(when))
		}
		require.Equal(t, len(put), bytes.Count(b, []byte{'\n'}))
		require.True(t, utf8.Valid(b))
		for _, r := range string(b) {
			require.True(t, unicode.IsPrint(r) || r == '\n', "%U in the log", r)
		}
		n := 0
		_, torn, err := walk(bytes.NewReader(b), "one", genesis("one"), 0, func(_ Receipt, line, body []byte) error {
			require.True(t, json.Valid(line))
			var got Entry
			require.NoError(t, json.Unmarshal(body, &got))
			if utf8.ValidString(user) && utf8.ValidString(purpose) && utf8.ValidString(warning) {
				want := put[n]
				want.Instance = "one"
				got.Time = time.Time{}
				require.Equal(t, want, got)
			}
			n++
			return nil
		})
		require.NoError(t, err)
		require.Empty(t, torn)
		require.Equal(t, len(put), n)
	})
}
