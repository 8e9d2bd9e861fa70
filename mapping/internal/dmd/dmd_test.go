package dmd

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// records reads a file to its end or its fault.
func records(in io.Reader) (got []Record, err error) {
	r := NewReader(in)
	for {
		record, err := r.Next()
		if errors.Is(err, io.EOF) {
			return got, nil
		}
		if err != nil {
			return got, err
		}
		record.any = false
		got = append(got, *record)
	}
}

func TestRecords(t *testing.T) {
	got, err := records(strings.NewReader("\ufeff" + `<?xml version="1.0" encoding="utf-8"?>
<!-- a release -->
<VIRTUAL_MED_PRODUCTS xmlns="urn:x"><VMPS>
<VMP><VPID> 39689111000001106 </VPID><VPIDPREV>319799004</VPIDPREV><NM>Am<!-- x -->oxicillin &amp;
  water</NM><INVALID>1</INVALID><CODE>7</CODE></VMP>
<VMP/></VMPS>
<AMP><APID>1</APID><VPID>2</VPID><DESC><![CDATA[a < b]]></DESC></AMP>
<VMPP><VPPID>3</VPPID><PACK><APPID>4</APPID></PACK><VPID>5</VPID></VMPP>
<V><IDCURRENT>6</IDCURRENT><IDPREVIOUS>7</IDPREVIOUS></V><VTM><VTMID>8</VTMID><VTMIDPREV/></VTM>
</VIRTUAL_MED_PRODUCTS>
`))
	require.NoError(t, err)
	require.Equal(t, []Record{
		{VMP: "39689111000001106", PreviousVMP: "319799004", Name: "Amoxicillin & water", Invalid: "1", Line: 5},
		{AMP: "1", VMP: "2", Description: "a < b", Line: 7},
		{AMPP: "4", Line: 8},
		{VMPP: "3", VMP: "5", Line: 8},
		{Current: "6", Previous: "7", Line: 9},
		{VTM: "8", Line: 9},
	}, got)
}

// endless says one thing for ever.
type endless string

func (e endless) Read(p []byte) (int, error) {
	n := 0
	for n+len(e) <= len(p) {
		n += copy(p[n:], e)
	}
	return n, nil
}

func TestRefused(t *testing.T) {
	for text, want := range map[string]string{
		"<!DOCTYPE a [<!ENTITY e 'x'>]><A/>": "line 1: a document type (DOCTYPE); ",
		"<A>&e;</A>":                         "line 1: not well-formed XML; ",
		"<A>\n<B></A></B>":                   "line 2: not well-formed XML; ",
		"<A>\n<B>":                           "line 2: the file ends in the middle; ",
		"":                                   "line 1: the file ends in the middle; ",
		"<A><B":                              "line 1: the file ends in the middle; ",
		"<A/>\n<A/>":                         "line 2: more after the end; ",
		"<A/>x":                              "line 1: text outside the document; ",
		"x<A/>":                              "line 1: text outside the document; ",
		"<A>\xff</A>":                        "line 1: not UTF-8; ",
		`<?xml version="1.0" encoding="windows-1252"?><A/>`:             "line 1: not UTF-8; ",
		strings.Repeat("<A>", 17):                                       "line 1: more than 16 elements inside each other; ",
		"<A><V><VPID>1</VPID>\n<VPID>2</VPID></V></A>":                  "line 2: two elements VPID in one record; ",
		"<A>" + strings.Repeat(strings.Repeat("x", 4096)+"<!---->", 20): "line 1: a tag or a text of more than 65536 bytes; ",
	} {
		_, err := records(iotest.OneByteReader(strings.NewReader(text)))
		require.ErrorContains(t, err, want, text[:min(len(text), 40)])
		var e *Error
		require.ErrorAs(t, err, &e)
		require.NoError(t, e.Unwrap())
	}
	for head, more := range map[string]string{"<A>": "x", "<A ": "b='c' ", "<A><!--": "<", "<A><![CDATA[": "x", "<": "x", "<?": "x", "<!DOCTYPE ": "x"} {
		_, err := records(io.MultiReader(strings.NewReader(head), endless(more)))
		require.ErrorContains(t, err, "a tag or a text of more than 65536 bytes; ", head)
	}
}

// TestReadersErrors: what the disk says is kept for whoever asks, and is no word of the message.
func TestReadersErrors(t *testing.T) {
	disk := errors.New("disk")
	for _, head := range []string{"", "<A>", "<A><V><VPID>1"} {
		_, err := records(io.MultiReader(strings.NewReader(head), iotest.ErrReader(disk)))
		require.ErrorIs(t, err, disk)
		require.ErrorContains(t, err, "the file could not be read on; ")
	}
}

func FuzzReader(f *testing.F) {
	f.Add("<A><!-- --><VMP><VPID>39689111000001106</VPID><VPIDPREV>319775004</VPIDPREV><NM>x</NM></VMP></A>")
	f.Add("<!DOCTYPE a><A/>")
	f.Fuzz(func(t *testing.T, text string) {
		_, err := records(strings.NewReader(text))
		var e *Error
		if err != nil && (!errors.As(err, &e) || e.What == "" || e.Mend == "" || e.Line < 1) {
			t.Fatal("a fault that does not say itself: ", err)
		}
	})
}
