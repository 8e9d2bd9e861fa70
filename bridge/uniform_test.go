package bridge_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge"
	"github.com/linkspan/linkspan/bridge/governance"
	"github.com/linkspan/linkspan/bridge/standin"
	"github.com/linkspan/linkspan/bridge/wire"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/testdata"
)

// generated are the ids and times that differ from one message to the next
// whatever it says.
var generated = regexp.MustCompile(`[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}|\b[0-9a-f]{16}\b|\d{4}-\d\d-\d\dT[0-9:.]+(Z|[+-]\d\d:\d\d)?`)

// masked is an answer without what was echoed or generated.
func masked(answer []byte) string { return generated.ReplaceAllString(string(answer), "#") }

// without are the synthetic patients but the one of that number.
func without(t *testing.T, number string) fs.FS {
	t.Helper()
	files := fstest.MapFS{}
	require.NoError(t, fs.WalkDir(testdata.Patients, "patients", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		native, err := testdata.Patients.ReadFile(path)
		if !bytes.Contains(native, []byte(number)) {
			files[path] = &fstest.MapFile{Data: native}
		}
		return err
	}))
	return files
}

// hidden are the patients of whom nobody may learn that they are there, or why
// they are not shown: what the holder answers for each.
func hidden(t *testing.T, name, format string) map[string]wire.Handler {
	t.Helper()
	standing := func(word string) wire.Handler {
		return stand(t, name, standin.Options{Standing: word, Format: format}).Handle
	}
	unknown, err := standin.New(name, without(t, "9998193036"), standin.Options{Format: format})
	require.NoError(t, err)
	refusing := stand(t, name, standin.Options{Error: "Nora Quillfeather left in 2016; her record is closed.", Format: format})
	answers := map[string]wire.Handler{
		"unknown":   unknown.Handle,
		"sensitive": standing(standin.StandingSensitive),
		"left":      standing(standin.StandingLeft),
		"deceased":  standing(standin.StandingDeceased),
		"temporary": standing(standin.StandingTemporary),
		"unstated":  standing(standin.StandingUnstated),
		"refused for good in the holder's own words": func(ctx context.Context, native []byte, from wire.Peer) []byte {
			return []byte(strings.NewReplacer("<PermanentError>false", "<PermanentError>true", "soap:Server<", "soap:Client<").Replace(string(refusing.Handle(ctx, native, from))))
		},
	}
	if name == "emisweb" && format == standin.FormatMedicalRecord {
		whole := stand(t, name, standin.Options{Format: format})
		answers["the whole record confidential"] = func(ctx context.Context, native []byte, from wire.Peer) []byte {
			return bytes.Replace(whole.Handle(ctx, native, from), []byte("<NhsNumber>9998193036</NhsNumber>"), []byte("<NhsNumber>9998193036</NhsNumber><PolicyId>77</PolicyId>"), 1)
		}
	}
	return answers
}

// TestOneAnswerForEveryPatientNotFound asks for a patient the holder does not
// know, and for ones it knows and does not show, for every cause there is: what
// the asker is told is the same to the byte, but for the ids that are echoed or
// generated, and so is what operations are told and what the log says. The cause
// stands in the audit alone (safety CS-07, H-05).
func TestOneAnswerForEveryPatientNotFound(t *testing.T) {
	for _, format := range []string{standin.FormatMedicalRecord, standin.FormatOpenHR} {
		for from, file := range askings {
			t.Run(from+" "+format, func(t *testing.T) {
				var answering atomic.Pointer[wire.Handler]
				answers := func(h wire.Handler) { answering.Store(&h) }
				handlers := map[string]wire.Handler{holder(from): func(ctx context.Context, native []byte, peer wire.Peer) []byte {
					return (*answering.Load())(ctx, native, peer)
				}}
				w := watch(t, setup{options: still, holders: handlers, standins: map[string]standin.Options{from: {Format: format}},
					agreement: func(a *governance.Agreement) {
						for name, side := range a.Sides {
							side.StandingRequired = true
							a.Sides[name] = side
						}
					},
					config: func(c *bridge.Config) {
						side := c.Sides["emisweb"]
						side.Settings = map[string]string{"user": "linkspan", "machine": "test", "response-format": format}
						c.Sides["emisweb"] = side
					}})
				native := request(t, file)
				answers(stand(t, holder(from), standin.Options{Format: format}).Handle)
				require.Contains(t, string(w.askWith(t, from, native, nil)), "9998193036", "as it is, the record is shown")

				var want, wantTold, wantLog string
				causes := map[string]bool{}
				cases := hidden(t, holder(from), format)
				for _, name := range append([]string{"unknown"}, slices.Sorted(maps.Keys(cases))...) {
					answers(cases[name])
					logged := w.e.logs.Len()
					answer := masked(w.askWith(t, from, native, nil))
					require.Contains(t, answer, record.ReasonNotFound.Words(), name)
					told := microseconds.ReplaceAllString(masked([]byte(w.last())), "#")
					log := ""
					for _, entry := range w.e.logs.All()[logged:] {
						fields := entry.ContextMap()
						text, err := json.Marshal(fields)
						require.NoError(t, err)
						log += masked(append([]byte(entry.Message), text...)) + "\n"
					}
					if want == "" {
						want, wantTold, wantLog = answer, told, log
					}
					require.Equal(t, want, answer, name)
					require.Equal(t, wantTold, told, name)
					require.Equal(t, wantLog, log, name)
					_, last := w.e.audited()
					require.Equal(t, string(record.ReasonNotFound), last.Reason)
					require.NotEmpty(t, last.Cause, name)
					causes[last.Cause] = true
				}
				require.GreaterOrEqual(t, len(causes), 3, "the audit tells the causes apart")
			})
		}
	}
}

// microseconds are the times in what operations are told.
var microseconds = regexp.MustCompile(`"[a-z_]*micros":\d+|[A-Za-z]*Micros:\d+|BytesIn:\d+|"bytes_in":\d+`)
