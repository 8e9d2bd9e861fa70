package systmone

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/record"
)

func seed(f *testing.F, patterns ...string) {
	for _, pattern := range patterns {
		files, err := filepath.Glob(filepath.Join(testdata, pattern))
		require.NoError(f, err)
		for _, file := range files {
			msg, err := os.ReadFile(file)
			require.NoError(f, err)
			f.Add(msg)
		}
	}
	f.Add([]byte("<ClientIntegrationResponse><Response><Identity/></Response></ClientIntegrationResponse>"))
	f.Add([]byte("<ClientIntegrationRequest/>"))
}

// Whatever is answered, nothing panics, an error leaves nothing behind, and a
// record balances and can be sent on.
func FuzzDecodeResponse(f *testing.F) {
	seed(f, "patients/*/systmone.*.xml", "failures/systmone-*.xml")
	f.Fuzz(func(t *testing.T, msg []byte) {
		c := newTestCodec(t)
		p, err := c.DecodeResponse(context.Background(), msg)
		if err != nil {
			require.Equal(t, record.Response{}, p)
			require.NotEqual(t, record.ReasonInternal, record.ReasonOf(err))
			return
		}
		rec := p.Record()
		if rec == nil {
			return
		}
		carried(t, rec)
		for _, s := range record.Sections() {
			require.True(t, rec.Tally(s).Balanced())
		}
		decode(t, encode(t, rec))
	})
}

// Whatever is asked, nothing panics, an error leaves no patient behind, and a
// request that is read can be asked of a holder.
func FuzzDecodeRequest(f *testing.F) {
	seed(f, "requests/systmone-*.xml")
	f.Fuzz(func(t *testing.T, msg []byte) {
		c := newTestCodec(t)
		q, err := c.DecodeRequest(context.Background(), msg)
		if err != nil {
			require.True(t, q.Patient.NHS.IsZero())
			require.NotEqual(t, record.ReasonInternal, record.ReasonOf(err))
			return
		}
		require.NotZero(t, q.Sections)
		out, err := c.EncodeRequest(&q, answerID)
		require.NoError(t, err)
		again, err := c.DecodeRequest(context.Background(), out)
		require.NoError(t, err)
		require.Equal(t, q.Patient, again.Patient)
	})
}
