package systmone

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/record"
)

// What SystmOne sent, sent on to a SystmOne, reads as what was sent. Items
// whose content is not published cannot be written as they came, and are left
// out.
func TestResponse_RoundTrip(t *testing.T) {
	for _, name := range clean {
		t.Run(name, func(t *testing.T) {
			first := published(decode(t, patientFile(t, name)))
			want := dump(published(decode(t, patientFile(t, name))))
			out := encode(t, carried(t, first))
			require.False(t, bytes.ContainsRune(out, '\n'), "one line")
			again := withoutHead(t, decode(t, out))
			sameRecord(t, want, dump(again))
		})
	}
}

// A message written, read and written again does not change.
func TestResponse_Stable(t *testing.T) {
	for _, name := range patients {
		first := encode(t, carried(t, decode(t, patientFile(t, name))))
		second := encode(t, carried(t, withoutHead(t, decode(t, first))))
		third := encode(t, carried(t, withoutHead(t, decode(t, second))))
		require.Equal(t, string(second), string(third), name)
		require.Equal(t, string(first), string(encode(t, carried(t, decode(t, patientFile(t, name))))), "the same bytes every time")
	}
}

// What is sent for each patient after the head, whose words are not ours.
func TestResponse_Golden(t *testing.T) {
	for _, name := range patients {
		out := encode(t, carried(t, decode(t, patientFile(t, name))))
		from, to := bytes.Index(out, []byte("<Event ")), bytes.Index(out, []byte("</Event>"))+len("</Event>")
		golden(t, slices.Concat(out[:from], out[to:]), "golden", name, "systmone.sent.xml")
	}
}

// published leaves out what has no published form: the unrecognised, which
// would come back as notes, and appointments and visits.
func published(rec *record.Record) *record.Record {
	gone := map[*record.Entry]bool{}
	var kept []*record.Entry
	for _, e := range rec.Entries {
		if e.Kind == record.KindUnrecognised || e.Kind == record.KindAdministration && e.Text != taskText {
			gone[e] = true
			continue
		}
		kept = append(kept, e)
	}
	for _, e := range kept {
		if c := e.Consultation; c != nil {
			c.Items = slices.DeleteFunc(c.Items, func(i record.Item) bool { return gone[i.Entry] })
		}
	}
	rec.Entries = kept
	return rec
}
