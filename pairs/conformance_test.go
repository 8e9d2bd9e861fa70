package pairs_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

// The tests of this file hold for the codec of every system. What a system
// says natively is in ../testdata, in files that begin with its name.

// native is a file of ../testdata.
func native(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../testdata", name))
	require.NoError(t, err)
	return text
}

// files are the native files of one system that match, by name.
func files(t testing.TB, s system.System, pattern string) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("../testdata", strings.ReplaceAll(pattern, "{system}", s.Name)))
	require.NoError(t, err)
	require.NotEmpty(t, names, s.Name)
	found := map[string][]byte{}
	for _, name := range names {
		short, err := filepath.Rel("../testdata", name)
		require.NoError(t, err)
		found[short] = native(t, short)
	}
	return found
}

const (
	responses = "patients/*/{system}.*"
	failures  = "failures/{system}-*"
	requests  = "requests/{system}-*"
)

// codecs calls f with the codec of every system, with small limits where
// given.
func codecs(t *testing.T, limits xmlio.Limits, f func(t *testing.T, s system.System, c system.Codec)) {
	t.Helper()
	for _, s := range pairs.Systems() {
		t.Run(s.Name, func(t *testing.T) {
			c, err := s.New(system.Options{Limits: limits})
			require.NoError(t, err)
			f(t, s, c)
		})
	}
}

// TestResponsesGoAndComeBack writes what was read and reads it again: the
// entries are the same in their words, codes, dates and values.
func TestResponsesGoAndComeBack(t *testing.T) {
	codecs(t, xmlio.Limits{}, func(t *testing.T, s system.System, c system.Codec) {
		for name, in := range files(t, s, responses) {
			p, err := c.DecodeResponse(t.Context(), in)
			require.NoError(t, err, name)
			require.NotNil(t, p.Record(), name)
			rec := p.Record()
			rec.CarryExact()
			c.Fit(rec)
			rec.Settle(record.AllSections)
			out, err := c.EncodeResponse(whole(), p, id)
			require.NoError(t, err, name)
			twice, err := c.EncodeResponse(whole(), p, id)
			require.NoError(t, err, name)
			require.Equal(t, out, twice, name)
			again, err := c.DecodeResponse(t.Context(), out)
			require.NoError(t, err, name)
			require.NotNil(t, again.Record(), name)
			require.Equal(t, rec.Patient.NHS, again.Record().Patient.NHS, name)
			missing(t, name, sent(rec), again.Record())
		}
	})
}

// sent is the record less what is not written: what is withheld, says nothing
// of its own or could not be read.
func sent(rec *record.Record) *record.Record {
	left := &record.Record{}
	for _, e := range rec.Entries {
		switch e.Outcome {
		case record.WithheldEntry, record.Duplicate, record.FailedEntry:
		default:
			left.Add(e)
		}
	}
	return left
}

// TestRequestsGoAndComeBack reads a request, writes it for the holder and
// reads that.
func TestRequestsGoAndComeBack(t *testing.T) {
	codecs(t, xmlio.Limits{}, func(t *testing.T, s system.System, c system.Codec) {
		for name, in := range files(t, s, requests) {
			q, err := c.DecodeRequest(t.Context(), in)
			require.NoError(t, err, name)
			out, err := c.EncodeRequest(&q, id)
			require.NoError(t, err, name)
			again, err := c.DecodeRequest(t.Context(), out)
			require.NoError(t, err, name)
			require.Equal(t, q.Patient.NHS, again.Patient.NHS, name)
			if len(again.Codes) > 0 { // without any it asks for more, and what is more is left out after
				require.Equal(t, q.Codes, again.Codes, name)
			}
			require.Equal(t, days(q.Effective), days(again.Effective), name)
			require.Equal(t, days(q.Entered), days(again.Entered), name)
			require.Equal(t, q.Sections&again.Sections, q.Sections, name)
		}
	})
}

// days is a period without the clock, which a system may add.
func days(p record.Period) [2]string { return [2]string{p.From.Day(), p.To.Day()} }

// TestFailuresAreFailures reads the native failures, and writes one for every
// reason and reads it: a failure, as lasting as it was.
func TestFailuresAreFailures(t *testing.T) {
	codecs(t, xmlio.Limits{}, func(t *testing.T, s system.System, c system.Codec) {
		for name, in := range files(t, s, failures) {
			p, err := c.DecodeResponse(t.Context(), in)
			require.NoError(t, err, name)
			require.NotNil(t, p.Failure(), name)
			require.Nil(t, p.Record(), name)
			for _, other := range pairs.Systems() { // and it crosses as one
				asker, err := other.New(system.Options{})
				require.NoError(t, err)
				out, err := asker.EncodeResponse(whole(), p, id)
				require.NoError(t, err, name)
				again, err := asker.DecodeResponse(t.Context(), out)
				require.NoError(t, err, name)
				require.Equal(t, p.Failure().Permanent(), again.Failure().Permanent(), "%s at %s", name, other.Name)
			}
		}
		for _, reason := range record.Reasons() {
			for _, native := range []string{"", "No <such> thing & no other"} {
				f := record.Refused(record.Failure{Reason: reason, Native: native})
				out, err := c.EncodeResponse(whole(), f, id)
				require.NoError(t, err, reason)
				again, err := c.DecodeResponse(t.Context(), out)
				require.NoError(t, err, reason)
				require.Nil(t, again.Record(), reason)
				require.NotNil(t, again.Failure(), reason)
				require.Equal(t, f.Failure().Permanent(), again.Failure().Permanent(), "%s %q", reason, native)
			}
		}
	})
}

// TestCutAnywhere refuses a message cut at any byte: no record, and no request
// beside what names it. Large messages are cut in strides, and at each of
// their last bytes.
func TestCutAnywhere(t *testing.T) {
	codecs(t, xmlio.Limits{}, func(t *testing.T, s system.System, c system.Codec) {
		cut := func(in []byte, refused func(part []byte) error) {
			whole := len(bytes.TrimRight(in, " \r\n\t"))
			for n := 0; n < whole; n += 1 + min(whole-n, whole)/120 {
				require.Error(t, refused(in[:n]), n)
			}
		}
		for _, in := range files(t, s, responses) {
			cut(in, func(part []byte) error {
				p, err := c.DecodeResponse(t.Context(), part)
				require.Nil(t, p.Record())
				return err
			})
		}
		for _, in := range files(t, s, failures) {
			cut(in, func(part []byte) error {
				_, err := c.DecodeResponse(t.Context(), part)
				return err
			})
		}
		for _, in := range files(t, s, requests) {
			cut(in, func(part []byte) error {
				_, err := c.DecodeRequest(t.Context(), part)
				return err
			})
		}
	})
}

// TestBadMessages refuses what is no message of the system, by its reason and
// place, and without a word of it (safety §2.6).
func TestBadMessages(t *testing.T) {
	small := xmlio.Limits{}
	codecs(t, small, func(t *testing.T, s system.System, c system.Codec) {
		for name, good := range files(t, s, responses) {
			for what, in := range spoilt(string(good)) {
				p, err := c.DecodeResponse(t.Context(), []byte(in))
				require.Nil(t, p.Record(), "%s: %s", name, what)
				refused(t, err, record.ReasonBadAnswer, name+": "+what)
			}
			break
		}
		for name, good := range files(t, s, requests) {
			for what, in := range spoilt(string(good)) {
				_, err := c.DecodeRequest(t.Context(), []byte(in))
				refused(t, err, record.ReasonBadMessage, name+": "+what)
			}
			break
		}
	})
}

func refused(t *testing.T, err error, reason record.Reason, what string) {
	t.Helper()
	var fault *record.Error
	require.True(t, errors.As(err, &fault), what)
	require.Contains(t, []record.Reason{reason, record.ReasonTooLarge, record.ReasonUnsupported}, fault.Reason, what)
	require.NotContains(t, err.Error(), "Quillfeather", what)
	if !strings.HasPrefix(what, "empty") && fault.Reason != record.ReasonTooLarge {
		require.NotEmpty(t, fault.Position, what)
	}
}

// spoilt are the ways in which a message is none. A message on HTTP has a head,
// which a body that is none goes with.
func spoilt(good string) map[string]string {
	if strings.HasPrefix(good, "HTTP/1.1 ") || strings.Contains(good, " HTTP/1.1\r\n") {
		return spoiltHead(good)
	}
	start := strings.Index(good, "?>") + 2
	head, body := good[:start], good[start:]
	root := strings.TrimLeft(body, " \r\n\t<")
	root = root[:strings.IndexAny(root, " >\r\n")]
	inside := strings.Index(body, ">") + 1
	return map[string]string{
		"not XML":              "MSH|^~\\&|EMIS|",
		"a stray ampersand":    head + body[:inside] + "&" + body[inside:],
		"wrong root":           head + strings.ReplaceAll(body, root, "Surprise"),
		"wrong namespace":      head + otherNamespace(body, root),
		"HTML":                 "<html><body>Gateway time-out</body></html>",
		"DOCTYPE":              head + "<!DOCTYPE " + root + ">" + body,
		"an entity bomb":       head + `<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>` + body[:inside] + "&b;" + body[inside:],
		"an external entity":   head + `<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>` + body[:inside] + "&a;" + body[inside:],
		"an entity of its own": head + body[:inside] + "&patient;" + body[inside:],
		"deep nesting":         head + body[:inside] + strings.Repeat("<a>", 5000) + strings.Repeat("</a>", 5000) + body[inside:],
		"a million siblings":   head + body[:inside] + strings.Repeat("<a/>", 1_000_000) + body[inside:],
		"two documents":        good + body,
		"a truncated end tag":  good[:strings.LastIndex(good, ">")],
		"a control character":  head + body[:inside] + "\x01" + body[inside:],
	}
}

// spoiltHead are the ways in which a message of HTTP is none: its head, what its
// head says of the body, and the body of its last part.
func spoiltHead(good string) map[string]string {
	part := strings.LastIndex(good, "\r\n\r\n") + 4
	head, body := good[:part], good[part:]
	line := head[:strings.Index(head, "\r\n")]
	framed := func(body string) string {
		at := strings.LastIndex(head, "Content-Length: ") + len("Content-Length: ")
		return head[:at] + strconv.Itoa(len(body)) + head[at+strings.Index(head[at:], "\r\n"):] + body
	}
	bad := map[string]string{
		"HTML":                  "<html><body>Gateway time-out</body></html>",
		"another protocol":      strings.Replace(good, "HTTP/1.1", "HTTP/9.9", 1),
		"bare line feeds":       strings.ReplaceAll(head, "\r\n", "\n") + body,
		"a folded field":        strings.Replace(good, line+"\r\n", line+"\r\n folded\r\n", 1),
		"two lengths":           strings.Replace(good, "\r\n\r\n", "\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 1),
		"a length beyond":       strings.Replace(good, "\r\n\r\n", "\r\nContent-Length: 99999999\r\n\r\n", 1),
		"something after":       good + "x",
		"a control in the head": strings.Replace(good, line, line+"\x01", 1),
	}
	if body == "" {
		return bad
	}
	bad["a body that is neither"] = framed("MSH|^~\\&|EMIS|")
	bad["a body cut"] = framed(body[:len(body)/2])
	bad["a body twice"] = framed(body + body)
	if body[0] == '{' { // an extract by itself is read, as exports have it
		bad["no head"] = body
		bad["a duplicate key"] = framed(`{"a":1,"a":2}`)
		bad["another value"] = framed("[]")
		bad["deep nesting"] = framed(strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000))
		bad["a number of no machine"] = framed(strings.Replace(body, ":", ":1"+strings.Repeat("0", 400)+",\"x\":", 1))
		return bad
	}
	for what, in := range spoilt(body) {
		bad["in its body, "+what] = framed(in)
	}
	return bad
}

// otherNamespace puts a document into a namespace that is not its own.
func otherNamespace(body, root string) string {
	if !strings.Contains(body, "xmlns") {
		return strings.Replace(body, "<"+root, "<"+root+` xmlns="urn:somebody:else"`, 1)
	}
	return namespaces.ReplaceAllString(body, `$1="urn:somebody:else"`)
}

var namespaces = regexp.MustCompile(`(xmlns(?::\w+)?)="[^"]*"`)

// TestEmptyMessages refuses nothing at all.
func TestEmptyMessages(t *testing.T) {
	codecs(t, xmlio.Limits{}, func(t *testing.T, _ system.System, c system.Codec) {
		for _, in := range []string{"", " ", "\n", "\ufeff", "\x00"} {
			p, err := c.DecodeResponse(t.Context(), []byte(in))
			require.Nil(t, p.Record())
			require.Equal(t, record.ReasonBadAnswer, record.ReasonOf(err), "%q", in)
			_, err = c.DecodeRequest(t.Context(), []byte(in))
			require.Equal(t, record.ReasonBadMessage, record.ReasonOf(err), "%q", in)
		}
	})
}

// TestTooLarge names a message above the limit as that.
func TestTooLarge(t *testing.T) {
	codecs(t, xmlio.Limits{Bytes: 4096}, func(t *testing.T, s system.System, c system.Codec) {
		in := formsOf(s.Name)[0].record(t, "../testdata/patients/nora-quillfeather")
		_, err := c.DecodeResponse(t.Context(), in)
		require.Equal(t, record.ReasonTooLarge, record.ReasonOf(err))
	})
}

// TestMessagesOfTheOther refuses what belongs to another system, and a request
// for a response.
func TestMessagesOfTheOther(t *testing.T) {
	codecs(t, xmlio.Limits{}, func(t *testing.T, s system.System, c system.Codec) {
		for _, other := range pairs.Systems() {
			for name, in := range files(t, other, requests) {
				p, err := c.DecodeResponse(t.Context(), in)
				require.Error(t, err, name)
				require.Nil(t, p.Record(), name)
				if other.Name != s.Name {
					_, err = c.DecodeRequest(t.Context(), in)
					require.Error(t, err, name)
				}
			}
			for name, in := range files(t, other, responses) {
				_, err := c.DecodeRequest(t.Context(), in)
				require.Error(t, err, name)
				if other.Name != s.Name && !bytes.Contains(in, []byte("<openHealthRecord")) { // which EMIS Web and the MIG share
					p, err := c.DecodeResponse(t.Context(), in)
					require.Error(t, err, name)
					require.Nil(t, p.Record(), name)
				}
			}
		}
	})
}

// TestFaultsOfContent reads the patient whose record is full of them: every
// section that has a fault says so by its entries, and no other entry suffers.
func TestFaultsOfContent(t *testing.T) {
	codecs(t, xmlio.Limits{}, func(t *testing.T, s system.System, c system.Codec) {
		for _, f := range formsOf(s.Name) {
			in, name := f.record(t, "../testdata/patients/idris-skerry"), f.label()
			p, err := c.DecodeResponse(t.Context(), in)
			require.NoError(t, err, name)
			rec := p.Record()
			malformed := 0
			for _, e := range rec.Entries {
				if e.Malformed {
					malformed++
					require.True(t, e.Code.IsZero(), name)
					require.NotEmpty(t, e.Notes, name)
				}
				require.True(t, e.Code.IsZero() || e.Code.Valid(), name)
				if e.Value != nil && e.Value.Unreadable != "" {
					require.True(t, e.Value.Comparator.IsZero(), name)
				}
			}
			require.Equal(t, f.name != "my-record", malformed > 0, name) // which has no codes
			rec.CarryExact()
			rec.Settle(record.AllSections)
			for _, section := range record.Sections() {
				require.NotEqual(t, record.Failed, rec.State(section), "%s: %s %v", name, section, rec.Faults(section))
				require.True(t, rec.Tally(section).Balanced(), name)
			}
		}
	})
}

// TestRepeatedElements fails the section of a single-valued element that
// stands twice, and that section alone.
func TestRepeatedElements(t *testing.T) {
	twice := map[string][]struct {
		file, element string
		section       record.Section
	}{
		"emisweb": {
			{"emisweb.medicalrecord.xml", "<NumericValue><Value>142</Value><Units>mm Hg</Units></NumericValue>", record.Investigations},
			{"emisweb.openhr.xml", "<dosage>AS DIRECTED</dosage>", record.Medication},
		},
		"systmone": {
			{"systmone.response.xml", "<ProblemSeverity>Major</ProblemSeverity>", record.Problems},
			{"systmone.response.xml", "<Dose>one at night</Dose>", record.Medication},
		},
	}
	codecs(t, xmlio.Limits{}, func(t *testing.T, s system.System, c system.Codec) {
		for _, test := range twice[s.Name] {
			good := string(native(t, "patients/nora-quillfeather/"+test.file))
			require.Contains(t, good, test.element)
			p, err := c.DecodeResponse(t.Context(), []byte(strings.Replace(good, test.element, test.element+test.element, 1)))
			require.NoError(t, err, test.element)
			rec := p.Record()
			rec.CarryExact()
			rec.Settle(record.AllSections)
			for _, section := range record.Sections() {
				require.Equal(t, section == test.section, rec.State(section) == record.Failed, "%s: %s %v", test.element, section, rec.Faults(section))
			}
		}
	})
}
