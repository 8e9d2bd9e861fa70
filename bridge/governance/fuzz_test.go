package governance_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge/governance"
	"github.com/linkspan/linkspan/record"
)

// FuzzRead reads any text. What it takes for an agreement never lets a request
// through that names nobody, says no purpose or has no consent of its own.
func FuzzRead(f *testing.F) {
	f.Add(whole)
	f.Add(strings.ReplaceAll(whole, `"asks": true`, `"asks": true, "identity": "number", "own_copy": "none", "deceased_days": 28, "break_glass": true, "until": "2027-03-31"`))
	f.Add(strings.Replace(whole, `"asks": true`, `"asks": true, "roles": {"GP": {"sections": ["summary"], "actions": ["break-glass"]}}, "switched_off": [{"what": "asking", "by": "A", "on": "2026-11-01", "why": "b"}]`, 1))
	f.Add(`{"economy": "a", "pair": "b", "enabled": null, "sides": {"a": {}, "b": null}}`)
	f.Add(`[{}]`)
	f.Add(``)
	f.Fuzz(func(t *testing.T, text string) {
		a, err := governance.Read(strings.NewReader(text))
		if err != nil {
			require.Nil(t, a)
			require.ErrorContains(t, err, "agreement: ")
			return
		}
		require.Len(t, a.Sides, 2)
		require.Len(t, a.Digest(), 64)
		again, err := governance.Read(strings.NewReader(text))
		require.NoError(t, err)
		require.Equal(t, a, again)
		for _, consumer := range []string{"emisweb", "systmone"} {
			q := asking(consumer, record.AllSections)
			q.Request.Requester.User, q.Given.User = "", ""
			d, err := a.Decide(q)
			require.Error(t, err, "nobody asks")
			require.Zero(t, d.Sections)
			if d, err = a.Decide(asking(consumer, record.AllSections)); err == nil {
				require.True(t, a.Links())
				require.NotEmpty(t, d.Claims.User)
				require.Equal(t, "direct care", d.Claims.Purpose)
				require.NotEmpty(t, d.Claims.Consent)
			}
		}
	})
}

// FuzzExclusions reads any text. A set it takes has an id and a version, and
// excludes what its rows name.
func FuzzExclusions(f *testing.F) {
	f.Add(sensitive)
	f.Add("# id: a\n# version: 1\nscheme\tcode\n")
	f.Add("scheme\tcode\nreadv2\t%\n")
	f.Add("# id: a\n# version: 1\nscheme\tcode\nreadv2\t14L..%\nreadv2\t14L..00%\n")
	f.Fuzz(func(t *testing.T, text string) {
		var x governance.Exclusions
		if err := x.Load(strings.NewReader(text)); err != nil {
			require.True(t, x.Has("readv2", "A...."), "none was loaded")
			return
		}
		require.NotEmpty(t, x.Version())
		for line := range strings.Lines(text) {
			scheme, code, ok := strings.Cut(strings.TrimRight(line, "\r\n"), "\t")
			if ok && !strings.HasPrefix(line, "#") && scheme != "scheme" && !strings.HasPrefix(line, "\ufeff") && strings.TrimRight(code, ".%") != "" {
				require.True(t, x.Has(scheme, strings.TrimSuffix(code, "%")))
			}
		}
	})
}
