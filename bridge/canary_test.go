package bridge_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/beevik/etree"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/linkspan/linkspan/bridge"
	"github.com/linkspan/linkspan/bridge/governance"
	"github.com/linkspan/linkspan/bridge/standin"
	"github.com/linkspan/linkspan/bridge/wire"
	"github.com/linkspan/linkspan/testdata"
)

// The canaries: a token that stands nowhere but in one field of one message,
// and the NHS number of the patient asked for, also as people write it.
var (
	canary      = regexp.MustCompile(`(?i)Zq~\d{5}~Qz`)
	canaryPlain = []string{"9998193036", "999 819 3036", "999-819-3036"}
)

// aviary puts canaries into native messages.
type aviary struct{ n atomic.Int64 }

func (a *aviary) token() string { return fmt.Sprintf("Zq~%05d~Qz", a.n.Add(1)) }

// Names whose value decides whether there is an answer at all: who the patient
// is, whether they are registered, and which code system is meant. Unrestricted is
// the one confidentiality mark the agreement releases.
var structural = regexp.MustCompile(`^(NhsNumber|NHSNumber|identifierType|value|DateOfBirth|birthDate|DateOfDeath|Dead|Scheme|scheme|codeSystem|PracticeRegistered|Value|RegistrationType|nationalPracticeCode|PseudoNumber|ClientID)$`)

// words reports a text that somebody wrote, and not a date, number or code.
var words = regexp.MustCompile(`[A-Za-z]{4}`)

// record puts a canary into every field of a native record that holds words; or
// with everything set in place of every text and attribute, whatever it means,
// but those that say who the patient is.
func (a *aviary) record(t *testing.T, native []byte, everything bool) []byte {
	t.Helper()
	doc := etree.NewDocument()
	require.NoError(t, doc.ReadFromBytes(native))
	// Elements of the envelope are the stand-in's to fill.
	envelope := regexp.MustCompile(`^(DeviceID|RequestUID|Function|FunctionVersion|ResponseUID)$`)
	for _, e := range doc.FindElements("//*") {
		if structural.MatchString(e.Tag) || envelope.MatchString(e.Tag) || strings.TrimSpace(e.Text()) == "Unrestricted" {
			continue
		}
		for i, attr := range e.Attr {
			switch {
			case attr.Space == "xmlns" || attr.Key == "xmlns" || structural.MatchString(attr.Key):
			case everything:
				e.Attr[i].Value = a.token()
			case words.MatchString(attr.Value) && len(e.ChildElements()) == 0:
				e.Attr[i].Value += " " + a.token()
			}
		}
		text := strings.TrimSpace(e.Text())
		switch {
		case len(e.ChildElements()) > 0:
		case everything && text != "":
			e.SetText(a.token())
		case words.MatchString(text):
			e.SetText(text + " " + a.token())
		}
	}
	out, err := doc.WriteToBytes()
	require.NoError(t, err)
	return out
}

// records are the synthetic patients' records with a canary in every field.
func (a *aviary) records(t *testing.T, everything bool) fs.FS {
	t.Helper()
	files := fstest.MapFS{}
	require.NoError(t, fs.WalkDir(testdata.Patients, "patients", func(path string, d fs.DirEntry, err error) error {
		system, _, _ := strings.Cut(d.Name(), ".")
		if err != nil || d.IsDir() || system != "emisweb" && system != "systmone" {
			return err
		}
		native, err := testdata.Patients.ReadFile(path)
		files[path] = &fstest.MapFile{Data: a.record(t, native, everything)}
		return err
	}))
	return files
}

// request is a native request with a canary in every field no answer depends
// on.
func (a *aviary) request(t *testing.T, file string) []byte {
	native := string(request(t, file))
	for _, field := range []string{"demo-key", "test-key", "Harbour Viewer 2.1", "Harbour desk 2.1", "00-00-5E-00-53-07"} {
		native = strings.ReplaceAll(native, field, a.token())
	}
	return []byte(native)
}

// found are the canaries in a text, also where it is written in hexadecimal or
// base64 by somebody who thought that this hides it.
func found(text string) []string {
	all := canary.FindAllString(text, 3)
	for _, plain := range canaryPlain {
		for _, form := range []string{plain, hex.EncodeToString([]byte(plain)), base64.StdEncoding.EncodeToString([]byte(plain))[:12]} {
			if strings.Contains(text, form) {
				all = append(all, form)
			}
		}
	}
	return all
}

// watched is everything that a run leaves behind, but the answers.
type watched struct {
	e       *economy
	log     *zap.Logger
	crossed *heard
	temp    string
	mu      sync.Mutex
	told    []string // outcomes, errors and the like
}

// tell adds a text that somebody outside was given.
func (w *watched) tell(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told = append(w.told, text)
}

// last is what operations were told last.
func (w *watched) last() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.told[len(w.told)-1]
}

// leaks are the places where a canary got out.
func (w *watched) leaks(t *testing.T) []string {
	t.Helper()
	var leaks []string
	look := func(place, text string) {
		if all := found(text); len(all) > 0 {
			leaks = append(leaks, fmt.Sprintf("%s: %s: %.300s", place, all[0], text))
		}
	}
	for _, entry := range w.e.logs.All() {
		var line bytes.Buffer
		require.NoError(t, json.NewEncoder(&line).Encode(entry.ContextMap()))
		look("log", entry.Message+" "+line.String()+" "+entry.Stack)
	}
	for _, text := range w.crossed.texts() {
		look("nats", text)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, text := range w.told {
		look("told", text)
	}
	for _, root := range []string{w.e.data, w.temp} {
		require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			look("file "+path, path+"\n"+string(text))
			return err
		}))
	}
	return leaks
}

// watch starts an economy whose every output is watched.
func watch(t *testing.T, s setup) *watched {
	t.Helper()
	w := &watched{temp: t.TempDir()}
	t.Setenv("TMPDIR", w.temp)
	own := s.options
	s.options = func(o bridge.Options) bridge.Options {
		o.Observe = func(o bridge.Outcome) {
			text, err := json.Marshal(o)
			w.tell(fmt.Sprintf("%s %+v %v", text, o, err))
		}
		w.log = o.Log
		if own != nil {
			o = own(o)
		}
		return o
	}
	w.e = start(t, s)
	w.crossed = listen(t, w.e)
	return w
}

// everyAnswer asks the services for all they tell of themselves.
func (w *watched) everyAnswer(t *testing.T) {
	t.Helper()
	inbox := nats.NewInbox()
	_, err := w.e.Conn().Subscribe(inbox, func(*nats.Msg) {})
	require.NoError(t, err)
	subjects := bridge.NewSubjects("test")
	for _, subject := range []string{"$SRV.STATS", "$SRV.INFO", "$SRV.PING", subjects.Tables(), subjects.Health()} {
		require.NoError(t, w.e.Conn().PublishRequest(subject, inbox, nil))
	}
	require.NoError(t, w.e.Conn().Flush())
}

// A canaryRun is one way for an exchange to go.
type canaryRun struct {
	name    string
	options standin.Options             // of both systems
	answers func(t string) []byte       // by the holder in place of the stand-in; t is a canary
	asked   func([]byte, string) []byte // changes the request; the text is a canary
	header  map[string]string           // beside the request, on HTTP
}

// canaryRuns are all outcomes that need no other economy than the usual.
var canaryRuns = []canaryRun{
	{name: "answered"},
	{name: "answered in OpenHR", options: standin.Options{Format: standin.FormatOpenHR}},
	{name: "refused by the holder in its own words", options: standin.Options{Error: "Zq~90001~Qz is locked, 999 819 3036"}},
	{name: "another patient", options: standin.Options{WrongPatient: true}},
	{name: "no patient", options: standin.Options{NoPatient: true}},
	{name: "cut", options: standin.Options{Truncate: true}},
	{name: "malformed", options: standin.Options{Malformed: true}},
	{name: "not XML", answers: func(c string) []byte { return []byte(c + " 9998193036") }},
	{name: "a document type", answers: func(c string) []byte { return []byte(`<!DOCTYPE r [<!ENTITY a "` + c + `">]><r>&a;</r>`) }},
	{name: "wrong root", answers: func(c string) []byte { return []byte("<Other><NhsNumber>9998193036</NhsNumber>" + c + "</Other>") }},
	{name: "an attribute twice", answers: func(c string) []byte { return []byte(`<r a="` + c + `" a="` + c + `"/>`) }},
	{name: "an undeclared prefix", answers: func(c string) []byte { return []byte(`<x:r a="` + c + `">` + c + `</x:r>`) }},
	{name: "a broken reference", answers: func(c string) []byte { return []byte(`<r a="` + c + `">` + c + `&#0;</r>`) }},
	{name: "a broken character", answers: func(c string) []byte { return []byte("<r>" + c + "\xff\xfe" + c + "</r>") }},
	{name: "too large", answers: func(c string) []byte { return []byte("<r>" + strings.Repeat(c, 1<<20) + "</r>") }},
	{name: "too deep", answers: func(c string) []byte { return []byte(strings.Repeat("<a>"+c, 500) + strings.Repeat("</a>", 500)) }},
	{name: "a request whose tags do not match", asked: func(q []byte, c string) []byte {
		return bytes.Replace(q, []byte("9998193036</NhsNumber>"), []byte("9998193036"+c+"</Nhs>"), 1)
	}},
	{name: "a request of another root", asked: func(q []byte, c string) []byte { return []byte("<Other a='" + c + "'>9998193036" + c + "</Other>") }},
	{name: "a request with a document type", asked: func(q []byte, c string) []byte {
		return append([]byte("<!DOCTYPE x '"+c+"'>"), q[bytes.IndexByte(q, '>')+1:]...)
	}},
	{name: "a request that is not XML", asked: func(q []byte, c string) []byte { return []byte(c + " 9998193036\n") }},
	{name: "a number that is none", asked: func(q []byte, c string) []byte { return bytes.ReplaceAll(q, []byte("9998193036"), []byte(c)) }},
	{name: "a wrong check digit", asked: func(q []byte, c string) []byte {
		return bytes.ReplaceAll(q, []byte("9998193036"), []byte("9998193037"))
	}},
	{name: "no number", asked: func(q []byte, c string) []byte { return bytes.ReplaceAll(q, []byte("9998193036"), nil) }},
	{name: "an element nobody knows", asked: func(q []byte, c string) []byte {
		return bytes.Replace(q, []byte("NhsNumber>9998193036</"), []byte("NhsNumber><x y='"+c+"'>"+c+"</x>9998193036</"), 1)
	}},
	{name: "a filter that is none", asked: func(q []byte, c string) []byte {
		return bytes.Replace(q, []byte("</Identity>"), []byte("</Identity><Filter><ClinicalCode>"+c+"</ClinicalCode><MinEffectiveDate>"+c+"</MinEffectiveDate></Filter>"), 1)
	}},
	{name: "a code nobody maps", asked: func(q []byte, c string) []byte {
		return bytes.Replace(q, []byte("</Identity>"), []byte("</Identity><Filter><ClinicalCode>"+c+"</ClinicalCode></Filter>"), 1)
	}},
	{name: "a glass broken", header: map[string]string{"Linkspan-Consent": "not-obtained", "Linkspan-Activities": "B0360,B0082", "Linkspan-Break-Glass": "unconscious", "Linkspan-Break-Glass-Text": "Zq~90002~Qz 9998193036 found so"}},
	{name: "a glass that may not be broken", header: map[string]string{"Linkspan-Consent": "refused", "Linkspan-Activities": "B0360,B0082", "Linkspan-Break-Glass": "unconscious", "Linkspan-Break-Glass-Text": "Zq~90003~Qz 9998193036"}},
	{name: "a glass broken for no known reason", header: map[string]string{"Linkspan-Consent": "not-obtained", "Linkspan-Activities": "B0360,B0082", "Linkspan-Break-Glass": "Zq~90004~Qz", "Linkspan-Break-Glass-Text": "Zq~90005~Qz"}},
	{name: "free text where codes belong", header: map[string]string{"Linkspan-Consent": "Zq~90006~Qz said 9998193036", "Linkspan-Relationship": "Zq~90007~Qz", "Linkspan-Purpose": "Zq~90008~Qz"}},
}

// askWith asks as a system does, with headers where its wire has any.
func (w *watched) askWith(t *testing.T, from string, native []byte, header map[string]string) []byte {
	t.Helper()
	options := wire.ClientOptions{ThrottleDisabled: true, Limit: 64 << 20, Headers: http.Header{}}
	for name, value := range header {
		options.Headers.Set(name, value)
	}
	client := wire.NewClient(w.e.systems[from].Wire, w.e.Address(from), options)
	defer client.Close()
	answer, err := client.Do(t.Context(), fresh(native), nil)
	require.NoError(t, err)
	return answer
}

// flock is both systems with canaries in all their records, and a holder that
// answers as the present run wants it.
type flock struct {
	*aviary
	systems map[string]*standin.Standin
	asked   int
	now     atomic.Pointer[instead]
}

// instead is what the holder of the present run answers in place of its
// stand-in; nil for that.
type instead struct {
	held    string
	answers func(string) []byte
}

func newFlock(t *testing.T, everything bool) *flock {
	t.Helper()
	f := &flock{aviary: &aviary{}, systems: map[string]*standin.Standin{}}
	for _, name := range []string{"emisweb", "systmone"} {
		s, err := standin.New(name, f.records(t, everything), standin.Options{})
		require.NoError(t, err)
		f.systems[name] = s
	}
	require.Greater(t, f.n.Load(), int64(300), "too few canaries")
	return f
}

func (f *flock) handler(name string) wire.Handler {
	return func(ctx context.Context, native []byte, from wire.Peer) []byte {
		if now := f.now.Load(); now != nil && now.answers != nil && name == now.held {
			if from.Hangup != nil {
				from.Hangup()
			}
			return now.answers(f.token())
		}
		return f.systems[name].Handle(ctx, native, from)
	}
}

// runs asks in every way there is, each time as another user, so that nobody's
// budget is what is tried. It returns how often a record was released, by name.
func (f *flock) runs(t *testing.T, ask func(from string, native []byte, header map[string]string) []byte) map[string]int {
	t.Helper()
	released := map[string]int{}
	for _, run := range canaryRuns {
		for from, file := range askings {
			f.asked++
			f.now.Store(&instead{holder(from), run.answers})
			me := standin.Options{User: &standin.User{UserName: fmt.Sprintf("hpenrose%d", f.asked), Title: "Dr", FirstName: "Hester", Surname: "Penrose",
				Role: "General Medical Practitioner", RoleCode: "R8000", Activities: []string{"B0360", "B0380"}, Site: "X99002"}}
			require.NoError(t, f.systems[from].SetOptions(me))
			require.NoError(t, f.systems[holder(from)].SetOptions(run.options))
			native := bytes.ReplaceAll(f.request(t, file), []byte("hwinterbourne"), fmt.Appendf(nil, "cmarlow%d", f.asked))
			if run.asked != nil {
				native = run.asked(native, f.token())
			}
			answer := ask(from, native, run.header)
			refused, err := isRefusal(from, answer)
			require.NoError(t, err, "%s %s", run.name, from)
			if refused {
				require.Empty(t, found(string(answer)), "%s %s: a refusal repeats the message", run.name, from)
				continue
			}
			released[run.name]++
			require.NotEmpty(t, canary.FindAll(answer, -1), "%s %s: a record without canaries proves nothing", run.name, from)
		}
	}
	for _, name := range []string{"answered", "answered in OpenHR", "a glass broken"} {
		require.Positive(t, released[name], name)
	}
	return released
}

// TestNoCanaryGetsOut runs exchanges to every end they can have, with a canary in
// every field of the records and requests, and looks for them in the log at
// debug level, in all that crossed NATS, in the files and in what operations
// are told: none is anywhere but in the answers that were released (safety
// SE-04, SE-05, SE-07, T-15).
func TestNoCanaryGetsOut(t *testing.T) {
	for _, everything := range []bool{false, true} {
		t.Run(fmt.Sprint("everything ", everything), func(t *testing.T) {
			f := newFlock(t, everything)
			w := watch(t, setup{holders: map[string]wire.Handler{"emisweb": f.handler("emisweb"), "systmone": f.handler("systmone")},
				agreement: breakable, config: func(c *bridge.Config) { c.RecordLimit, c.Console.Listen = 1<<20, "127.0.0.1:0" }})
			released := f.runs(t, func(from string, native []byte, header map[string]string) []byte {
				return w.askWith(t, from, native, header)
			})
			for _, name := range []string{"answered", "answered in OpenHR", "a glass broken"} {
				require.True(t, everything || released[name] == 2, name) // where references and marks are canaries too, some records are refused
			}
			w.everyAnswer(t)
			code, shown := look(t, w.e.ConsoleURL()+"/status.json", nil, "")
			require.Equal(t, 200, code)
			require.Contains(t, shown, `"released"`)
			w.tell(shown)
			require.NoError(t, w.e.Stop(context.Background()))
			require.Empty(t, w.leaks(t))
			t.Logf("%d canaries, %d ways to go, %d log lines, %d messages on NATS: none got out", f.n.Load(), len(canaryRuns), w.e.logs.Len(), len(w.crossed.texts()))
		})
	}
}

// breakable lets both sides' users override a consent that could not be
// obtained.
func breakable(a *governance.Agreement) {
	for name, side := range a.Sides {
		side.BreakGlass = true
		a.Sides[name] = side
	}
}

// TestNoCanaryGetsOutOfAPanic panics, with a canary, at every step of an
// exchange: the asker gets a native refusal, and the canary is nowhere.
func TestNoCanaryGetsOutOfAPanic(t *testing.T) {
	var at atomic.Value
	at.Store("")
	w := watch(t, setup{options: func(o bridge.Options) bridge.Options {
		return bridge.Stepped(o, func(step string) {
			if step == at.Load() {
				panic(fmt.Errorf("Zq~90010~Qz 9998193036 at %s", step))
			}
		})
	}})
	for _, step := range steps {
		at.Store(step)
		for from, file := range askings {
			answer := w.askWith(t, from, request(t, file), nil)
			refusedNatively(t, from, answer)
			require.Empty(t, found(string(answer)))
		}
	}
	at.Store("")
	for from, file := range askings {
		require.Contains(t, string(w.askWith(t, from, request(t, file), nil)), "9998193036", "after a panic the next request is served")
	}
	require.NoError(t, w.e.Stop(context.Background()))
	require.Empty(t, w.leaks(t))
}

// TestNoCanaryGetsOutOfSilence has nobody answer in time.
func TestNoCanaryGetsOutOfSilence(t *testing.T) {
	for from, file := range askings {
		w := watch(t, setup{standins: map[string]standin.Options{holder(from): {Silent: true}}, config: func(c *bridge.Config) { c.Deadline = 500 * time.Millisecond }})
		refusedNatively(t, from, w.askWith(t, from, request(t, file), nil))
		require.NoError(t, w.e.Stop(context.Background()))
		require.Empty(t, w.leaks(t))
	}
}

// TestCanariesAreFound plants one in every place that is searched: a search that
// finds nothing anywhere proves nothing.
func TestCanariesAreFound(t *testing.T) {
	plant := "Zq~99999~Qz"
	places := map[string]func(t *testing.T, w *watched){
		"a log message": func(_ *testing.T, w *watched) { w.log.Warn("about " + plant) },
		"a log field":   func(_ *testing.T, w *watched) { w.log.Warn("about", zap.Error(errors.New(plant))) },
		"a subject": func(t *testing.T, w *watched) {
			require.NoError(t, w.e.Conn().Publish("linkspan.test."+plant, nil))
		},
		"a header": func(t *testing.T, w *watched) {
			require.NoError(t, w.e.Conn().PublishMsg(&nats.Msg{Subject: "linkspan.test.event.x", Header: nats.Header{"Linkspan-Claims": {plant}}}))
		},
		"an event": func(t *testing.T, w *watched) {
			require.NoError(t, w.e.Conn().Publish("linkspan.test.event.x", []byte(`{"patient":"9998193036"}`)))
		},
		"a file": func(t *testing.T, w *watched) {
			require.NoError(t, os.WriteFile(filepath.Join(w.e.data, "traffic.tsv"), []byte(plant), 0o600))
		},
		"a file's name": func(t *testing.T, w *watched) {
			require.NoError(t, os.WriteFile(filepath.Join(w.e.data, "record-9998193036.xml"), nil, 0o600))
		},
		"a temporary file": func(t *testing.T, w *watched) {
			require.NoError(t, os.WriteFile(filepath.Join(w.temp, "x"), []byte(plant), 0o600))
		},
		"what operations are told": func(_ *testing.T, w *watched) { w.tell(plant) },
		"a number in base64": func(_ *testing.T, w *watched) {
			w.tell(base64.StdEncoding.EncodeToString([]byte("9998193036")))
		},
	}
	for name, put := range places {
		t.Run(name, func(t *testing.T) {
			w := watch(t, setup{})
			put(t, w)
			require.NoError(t, w.e.Conn().Flush())
			require.Eventually(t, func() bool { return len(w.leaks(t)) == 1 }, 10*time.Second, 10*time.Millisecond, "not found")
		})
	}
}
