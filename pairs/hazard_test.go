package pairs_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/record"
)

// The tests of hazards are named after the row of the hazard table they prove
// (docs/safety). They carry entries of one system to the other, every way there
// is, with the starter tables, and read what the other system would read.

// way is one direction of the link, into one document.
type way struct{ from, into string }

func ways() []way {
	return []way{{"emisweb", "systmone"}, {"systmone", "medicalrecord"}, {"systmone", "openhr"}}
}

// of picks what is the source's own: EMIS Web's or SystmOne's.
func (w way) of(emis, systm mapping.Code) mapping.Code {
	if w.from == "emisweb" {
		return emis
	}
	return systm
}

// enum is an enumerated value of the source.
func (w way) enum(emis, systm string) mapping.Code {
	name, value, _ := strings.Cut(map[string]string{"emisweb": emis, "systmone": systm}[w.from], " ")
	if value == "" {
		return mapping.Code{}
	}
	return mapping.Code{Scheme: mapping.Scheme(w.from + "." + name), Value: value}
}

// asthma is a code that both systems file and the starter tables carry.
func (w way) asthma() mapping.Code { return snomed("195967001", "Asthma") }

// aspirin is a drug that the starter tables carry.
func (w way) aspirin() mapping.Code {
	return mapping.Code{Scheme: mapping.DMD, Value: "319775004", Term: "Aspirin 75mg tablets"}
}

// crossed is a record that went over.
type crossed struct {
	rec  *record.Record // as translated
	got  *record.Record // as the receiver reads it
	out  []byte
	text string // all a reader sees, a line for each piece
}

// link opens the pair once for a test, by the document of the way.
type hazards struct {
	t      testing.TB
	tables *mapping.Set
	links  map[string]*pairs.Link
}

func newHazards(t testing.TB) *hazards {
	h := &hazards{t: t, tables: starter(t), links: map[string]*pairs.Link{}}
	for _, format := range emisFormats {
		h.links[format] = openLink(t, format)
	}
	return h
}

func (h *hazards) direction(w way) *pairs.Direction {
	consumer, format := "emisweb", w.into
	if w.into == "systmone" {
		consumer, format = "systmone", "medicalrecord"
	}
	d, err := h.links[format].Direction(consumer, h.tables)
	require.NoError(h.t, err)
	return d
}

// cross carries entries over, asked for whole.
func (h *hazards) cross(w way, entries ...*record.Entry) crossed {
	h.t.Helper()
	return h.send(w, recordOf(entries...), whole())
}

// send carries a record over; the last link of conservation holds.
func (h *hazards) send(w way, rec *record.Record, q *record.Request) crossed {
	h.t.Helper()
	d := h.direction(w)
	nhs, err := record.ParseNHSNumber("9998193036")
	require.NoError(h.t, err)
	rec.Patient = record.Patient{NHS: nhs, Surname: "Quillfeather", Forenames: "Nora", BirthDate: date("1958-03-07")}
	rec.Source.System = d.Holder.Title
	d.Translate(rec, q, q)
	out, err := d.Consumer.Codec.EncodeResponse(q, record.Answered(rec), id)
	require.NoError(h.t, err, w)
	require.NoError(h.t, d.Sent(rec, out), w)
	got, err := d.Consumer.Codec.DecodeResponse(h.t.Context(), out)
	require.NoError(h.t, err, w)
	return crossed{rec: rec, got: got.Record(), out: out, text: shown(h.t, out)}
}

// shown is the text of a message: character data and attribute values.
func shown(t testing.TB, out []byte) string {
	t.Helper()
	var b strings.Builder
	r := xml.NewDecoder(bytes.NewReader(out))
	for {
		token, err := r.Token()
		if errors.Is(err, io.EOF) {
			return b.String()
		}
		require.NoError(t, err)
		switch token := token.(type) {
		case xml.CharData:
			b.Write(token)
			b.WriteByte('\n')
		case xml.StartElement:
			for _, a := range token.Attr {
				b.WriteString(a.Value + "\n")
			}
		}
	}
}

// entries are those the receiver reads beside the head of the record.
func (c crossed) entries() []*record.Entry {
	var rest []*record.Entry
	for _, e := range c.got.Entries {
		if words := said(e); !strings.Contains(words, "View only. Not part of your record.") && e.Kind != record.KindDemographics && !strings.Contains(words, "Linkspan") {
			rest = append(rest, e)
		}
	}
	return rest
}

// entry finds the one entry of the receiver that begins with the words.
func (c crossed) entry(t testing.TB, words string) *record.Entry {
	t.Helper()
	var found *record.Entry
	for _, e := range c.got.Entries {
		if strings.HasPrefix(e.Text, words) || e.Code.Term != "" && len(e.Texts) > 0 && strings.HasPrefix(e.Texts[0].Value, words) {
			require.Nil(t, found, "two entries say %q", words)
			found = e
		}
	}
	require.NotNil(t, found, "no entry says %q", words)
	return found
}

// said is everything an entry of the receiver says.
func said(e *record.Entry) string {
	lines := append([]string{e.Text, record.CodeWords(e.Code), e.Date.Words()}, e.Notes...)
	for _, text := range e.Texts {
		lines = append(lines, text.Label+": "+text.Value)
	}
	for _, q := range e.Qualifiers {
		lines = append(lines, q.Name+": "+q.Value)
	}
	e.EachFact(func(f record.Fact) { lines = append(lines, f.Line()) })
	if e.Allergy != nil {
		lines = append(lines, fmt.Sprintf("ended %t absent %t", e.Allergy.Ended, e.Allergy.Absent))
	}
	return strings.Join(lines, "\n")
}

// coded reports an entry that went out as what it is.
func isCoded(e *record.Entry) bool { return e.Outcome == record.Exact || e.Outcome == record.Mapped }
