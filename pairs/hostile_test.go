package pairs_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/pairs"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
)

// hostileMessage is one synthetic message and how it is read.
type hostileMessage struct {
	file   string
	msg    []byte
	read   func(msg []byte) (any, error)
	reason record.Reason // of what cannot be read
}

// messages are all synthetic answers and requests in XML of all systems.
func messages(t *testing.T) (all []hostileMessage) {
	codecs := map[string]system.Codec{}
	for _, s := range pairs.Systems() {
		c, err := s.New(system.Options{})
		require.NoError(t, err)
		codecs[s.Name] = c
	}
	files, err := filepath.Glob("../testdata/patients/*/*.xml")
	require.NoError(t, err)
	requests, err := filepath.Glob("../testdata/requests/*.xml")
	require.NoError(t, err)
	for _, file := range append(files, requests...) {
		name, _, _ := strings.Cut(filepath.Base(file), ".")
		name, _, _ = strings.Cut(name, "-")
		codec := codecs[name]
		require.NotNil(t, codec, file)
		msg, err := os.ReadFile(file)
		require.NoError(t, err)
		n := hostileMessage{file, msg, answerOf(t, codec), record.ReasonBadAnswer}
		if strings.Contains(file, "requests") {
			n.reason = record.ReasonBadMessage
			n.read = func(msg []byte) (any, error) { return codec.DecodeRequest(t.Context(), msg) }
		}
		_, err = n.read(msg)
		require.NoError(t, err, file)
		all = append(all, n)
	}
	require.Greater(t, len(all), 20)
	return all
}

func answerOf(t *testing.T, codec system.Codec) func([]byte) (any, error) {
	return func(msg []byte) (any, error) { return codec.DecodeResponse(t.Context(), msg) }
}

var (
	startOfRoot = regexp.MustCompile(`<[A-Za-z]`)
	leafText    = regexp.MustCompile(`>([^<>&]{2,})</`)
)

// before puts text before the root's start tag, inside into its start tag, and
// first after it.
func put(msg []byte, before, inside, first string) []byte {
	at := startOfRoot.FindIndex(msg)[0]
	end := at + bytes.IndexByte(msg[at:], '>')
	return []byte(string(msg[:at]) + before + string(msg[at:end]) + inside + ">" + first + string(msg[end+1:]))
}

// TestHostileDocumentsAreRefused by every codec, whole, with a reason and not a
// word of what stands in them (hazard H-43, threats T-16 to T-19).
func TestHostileDocumentsAreRefused(t *testing.T) {
	for _, n := range messages(t) {
		tail := func(s string) []byte { return append(bytes.Clone(n.msg), s...) }
		for name, msg := range map[string][]byte{
			"document type":                 put(n.msg, `<!DOCTYPE a>`, "", ""),
			"external entity":               put(n.msg, `<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]>`, "", "&x;"),
			"external DTD":                  put(n.msg, `<!DOCTYPE a SYSTEM "http://127.0.0.1:1/a.dtd">`, "", ""),
			"entity bomb":                   put(n.msg, `<!DOCTYPE a [<!ENTITY x "lol"><!ENTITY y "&x;&x;&x;&x;&x;&x;&x;&x;"><!ENTITY z "&y;&y;&y;&y;">]>`, "", "&z;"),
			"entity undeclared":             put(n.msg, "", "", "&nbsp;"),
			"instruction":                   put(n.msg, "", "", "<?x y?>"),
			"stylesheet":                    put(n.msg, `<?xml-stylesheet href="http://127.0.0.1:1/x.xsl"?>`, "", ""),
			"attribute twice":               put(n.msg, "", ` twice="1" twice="2"`, ""),
			"attribute twice, by namespace": put(n.msg, "", ` xmlns:q1="urn:q" xmlns:q2="urn:q" q1:a="1" q2:a="2"`, ""),
			"prefix undeclared":             put(n.msg, "", "", "<q:x/>"),
			"not nested":                    put(n.msg, "", "", "<x><y></x></y>"),
			"too deep":                      put(n.msg, "", "", strings.Repeat("<x>", 640)+strings.Repeat("</x>", 640)),
			"name too long":                 put(n.msg, "", "", "<"+strings.Repeat("x", 2560)+"/>"),
			"attribute too long":            put(n.msg, "", ` long="`+strings.Repeat("x", 640<<10)+`"`, ""),
			"control character":             put(n.msg, "", "", "\x01"),
			"not UTF-8":                     put(n.msg, "", "", "\xff"),
			"second root":                   tail("<x/>"),
			"the message twice":             tail(strings.TrimPrefix(string(n.msg), "\uFEFF")),
			"text after":                    tail("rubbish"),
			"zero after":                    tail("\x00"),
			"UTF-7":                         []byte(strings.Replace(strings.ToLower(string(n.msg[:60])), "utf-8", "utf-7", 1) + string(n.msg[60:])),
		} {
			got, err := n.read(msg)
			require.Error(t, err, "%s: %s", n.file, name)
			var wrong *record.Error
			require.ErrorAs(t, err, &wrong, "%s: %s", n.file, name)
			require.Equal(t, n.reason, wrong.Reason, "%s: %s", n.file, name)
			if p, ok := got.(record.Response); ok {
				require.Nil(t, p.Record(), "%s: %s", n.file, name)
			}
			for e := err; e != nil; e = errors.Unwrap(e) {
				require.NotContains(t, e.Error(), "lol")
				require.NotContains(t, e.Error(), "rubbish")
			}
		}
	}
}

// TestCutDocumentsAreRefused wherever they are cut.
func TestCutDocumentsAreRefused(t *testing.T) {
	for _, n := range messages(t) {
		end := bytes.LastIndexByte(n.msg, '>')
		for at := 0; at <= end; at += 1 + end/40 {
			_, err := n.read(n.msg[:at])
			require.Equal(t, n.reason, record.ReasonOf(err), "%s cut at %d", n.file, at)
		}
		_, err := n.read(n.msg[:end])
		require.Equal(t, n.reason, record.ReasonOf(err), n.file)
	}
}

// TestCommentsChangeNothing: a comment in the middle of every text leaves the
// reading as it was; a dose is not cut short by one (threat T-19).
func TestCommentsChangeNothing(t *testing.T) {
	for _, n := range messages(t) {
		want, err := n.read(n.msg)
		require.NoError(t, err)
		commented := leafText.ReplaceAllFunc(n.msg, func(m []byte) []byte {
			half := 1 + (len(m)-3)/2
			for half < len(m) && m[half]&0xC0 == 0x80 {
				half++ // not inside a character
			}
			return []byte(string(m[:half]) + "<!-- <x/> not this -->" + string(m[half:]))
		})
		require.Greater(t, bytes.Count(commented, []byte("not this")), 2, n.file)
		got, err := n.read(commented)
		require.NoError(t, err, n.file)
		require.Equal(t, shape(want), shape(got), n.file)
	}
}

// shape is what was read without where it stood.
func shape(read any) any {
	if p, ok := read.(record.Response); ok && p.Record() != nil {
		for _, e := range p.Record().Entries {
			e.At = ""
		}
	}
	return read
}

// failed reports whether reading said that something is amiss: an error, or a
// section that has failed.
func failed(p any, err error) bool {
	if err != nil {
		return true
	}
	answer, ok := p.(record.Response)
	if !ok || answer.Record() == nil {
		return false
	}
	for _, s := range record.Sections() {
		if len(answer.Record().Faults(s)) > 0 {
			return true
		}
	}
	return false
}

// entryStart finds the first entry of each native answer.
var entryStart = regexp.MustCompile(`<(Event|event|ClinicalCode)\b`)

// TestForeignEntriesAreNotOurs: an entry in another namespace is not read as
// ours, and not lost without a word either (threat T-19).
func TestForeignEntriesAreNotOurs(t *testing.T) {
	tried := 0
	for _, n := range messages(t) {
		if strings.Contains(n.file, "requests") {
			continue
		}
		_, err := n.read(put(n.msg, "", "", ""))
		require.NoError(t, err)
		start := entryStart.FindSubmatchIndex(n.msg)
		if start == nil {
			continue // a record without entries
		}
		tried++
		foreign := []byte(string(n.msg[:start[3]]) + ` xmlns="urn:foreign"` + string(n.msg[start[3]:]))
		got, err := n.read(foreign)
		whole, _ := n.read(n.msg)
		require.NotEqual(t, shape(whole), shape(got), n.file)
		require.True(t, failed(got, err) || unrecognised(got), n.file)

		// And a document whose root is in another namespace is no answer at all.
		at := startOfRoot.FindIndex(n.msg)[0]
		end := at + bytes.IndexAny(n.msg[at:], " >")
		root := strings.Replace(string(n.msg[end:]), " xmlns=", " xmlns:was=", 1)
		_, err = n.read([]byte(string(n.msg[:end]) + ` xmlns="urn:foreign"` + root))
		require.Equal(t, n.reason, record.ReasonOf(err), n.file)
	}
	require.Greater(t, tried, 8)
}

// unrecognised reports whether some of what was read is kept as words nobody
// recognised.
func unrecognised(read any) bool {
	for _, e := range read.(record.Response).Record().Entries {
		for _, text := range e.Texts {
			if strings.HasPrefix(text.Label, "Unrecognised") {
				return true
			}
		}
	}
	return false
}

// TestRepeatedValuesAreNeverChosenFrom: a second value of what has one is a
// failure of the message or of its section, and never wins (hazard H-43).
func TestRepeatedValuesAreNeverChosenFrom(t *testing.T) {
	single := regexp.MustCompile(`<(NHSNumber|NhsNumber|DateOfBirth|birthDate|Surname|FamilyName|surname|Sex|sex|DisplayTerm|AssignedDate|DatePart|displayTerm|effectiveTime)>([^<]+)</[A-Za-z]+>`)
	tried := 0
	for _, n := range messages(t) {
		whole, err := n.read(n.msg)
		require.NoError(t, err)
		seen := map[string]bool{}
		for _, m := range single.FindAllSubmatchIndex(n.msg, -1) {
			name := string(n.msg[m[2]:m[3]])
			if seen[name] || name == "Surname" && (strings.Contains(n.file, "openhr") || strings.Contains(n.file, "mig.")) {
				continue // of OpenHR's own elements none is called that
			}
			seen[name] = true
			element := string(n.msg[m[0]:m[1]])
			second := strings.Replace(element, ">"+string(n.msg[m[4]:m[5]])+"<", ">8<", 1)
			for _, both := range []string{element + second, second + element} {
				got, err := n.read([]byte(string(n.msg[:m[0]]) + both + string(n.msg[m[1]:])))
				require.True(t, failed(got, err), "%s: %s: %v", n.file, name, got)
				require.NotEqual(t, shape(whole), shape(got), "%s: %s", n.file, name)
				tried++
			}
		}
	}
	require.Greater(t, tried, 100)
}

// TestManySmallEntriesAreRefused: a document of entries of a few bytes each, well
// within every other limit, does not become a hundred times its size in memory
// (threat T-18, promise P-15).
func TestManySmallEntriesAreRefused(t *testing.T) {
	for _, n := range messages(t) {
		if strings.Contains(n.file, "requests") || !strings.Contains(n.file, "edith") {
			continue
		}
		for _, list := range []string{"<Clinical>", "<EventList>", "</adminDomain>\n<healthDomain>", "<adminDomain>"} {
			at := bytes.Index(n.msg, []byte(list))
			if at < 0 {
				continue
			}
			at += len(list)
			for _, entry := range []string{"<Event/>", "<event/>", "<Event><ClinicalCode/></Event>", "<unheard-of/>"} {
				msg := []byte(string(n.msg[:at]) + strings.Repeat(entry, 200_000) + string(n.msg[at:]))
				require.Less(t, len(msg), 8<<20)
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				_, err := n.read(msg)
				runtime.ReadMemStats(&after)
				used := after.TotalAlloc - before.TotalAlloc
				t.Logf("%s %s: %d KiB of document, %d KiB allocated", filepath.Base(n.file), entry, len(msg)>>10, used>>10)
				require.Equal(t, n.reason, record.ReasonOf(err), entry)
				require.Less(t, used, uint64(8*(8<<20)))
			}
		}
	}
}
