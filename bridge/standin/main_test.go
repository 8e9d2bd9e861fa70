package standin

import (
	"context"
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/beevik/etree"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/linkspan/linkspan/bridge/wire"
	"github.com/linkspan/linkspan/pairs/system"
	"github.com/linkspan/linkspan/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var wires = map[string]system.Wire{
	"systmone": {Transport: system.TCP, Terminator: "\n"},
	"emisweb":  {Transport: system.HTTP, Path: "/ITK", ContentType: "application/xml", ErrorStatus: http.StatusInternalServerError, ErrorMark: "<soap:Fault>"},
	"guru": {Transport: system.HTTP, ContentType: "application/xml",
		Head: []string{"NHSO-Nhs-Number", "NHSO-ODS-Code", "Content-Type", "Content-Length", "X-Request-ID", "X-Correlation-ID"}},
	"mig":    {Transport: system.HTTP, Path: "/services", ContentType: "text/xml", ErrorStatus: http.StatusInternalServerError, ErrorMark: "<soap:Fault>"},
	"vision": {Transport: system.HTTP, Path: "/vision", ContentType: "text/xml", ErrorStatus: http.StatusInternalServerError, ErrorMark: "<soap:Fault>"},
}

// peer is who asks in tests that need no wire.
var peer wire.Peer

const (
	nora    = "9998193036"
	tom     = "9998656907"
	nobody  = "9992021527"
	another = "9990260788"
)

// files hold two patients for each system, among files that are no records.
var files = fstest.MapFS{
	"nora/systmone.response.xml":        {Data: []byte(noraCTV3)},
	"nora/systmone.snomed.response.xml": {Data: []byte(noraSNOMED)},
	"tom/systmone.response.xml":         {Data: []byte(clientResponse(tom, "<Demographics><Surname>Ostler</Surname></Demographics>"))},
	"tom/error.xml":                     {Data: []byte("<ClientIntegrationResponse><Response><ErrorMessage>x</ErrorMessage></Response></ClientIntegrationResponse>")},
	"nora/emisweb.medicalrecord.xml":    {Data: []byte(noraMedicalRecord)},
	"nora/emisweb.openhr.xml":           {Data: []byte(noraOpenHR)},
	"nora/mig.response.xml":             {Data: []byte(migAnswerFor(migRecordOf))},
	"nora/vision.response.xml":          {Data: []byte(visionAnswerFor(visionFile))},
	"tom/vision.export.xml":             {Data: []byte(`<header pat_id="2"><patient nhs_no="9998656907" surname="OSTLER"/></header>`)},
	"vision-failure.xml":                {Data: []byte(visionAnswerFor(`<root><patient/></root>`))},
	"deep/er/tom.xml":                   {Data: []byte(tomOpenHR)},
	"notes.txt":                         {Data: []byte("not XML")},
	"other.xml":                         {Data: []byte("<other>MedicalRecord</other>")},
	"nameless.xml":                      {Data: []byte("<MedicalRecord/>")},
}

// served is a stand-in behind its wire, with a client of it.
type served struct {
	*Standin
	client *wire.Client
}

func serve(t *testing.T, name string, o Options) served {
	t.Helper()
	return serveFiles(t, name, files, o)
}

func serveFiles(t *testing.T, name string, files fs.FS, o Options) served {
	t.Helper()
	s, err := New(name, files, o)
	require.NoError(t, err)
	l, err := wire.Listen(context.Background(), wires[name], "127.0.0.1:0", s.Handle, wire.ListenOptions{})
	require.NoError(t, err)
	c := wire.NewClient(wires[name], l.Addr().String(), wire.ClientOptions{})
	t.Cleanup(func() {
		c.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		require.NoError(t, l.Shutdown(ctx))
	})
	return served{s, c}
}

// ask sends a request over the wire and reads the answer.
func (s served) ask(t *testing.T, request string) *etree.Element {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	answer, err := s.client.Do(ctx, []byte(request), nil)
	require.NoError(t, err)
	doc := etree.NewDocument()
	require.NoError(t, doc.ReadFromBytes(answer))
	require.NotNil(t, doc.Root())
	return doc.Root()
}

// reason is why a request had no answer.
func (s served) reason(t *testing.T, request string, within time.Duration) record.Reason {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	_, err := s.client.Do(ctx, []byte(request), nil)
	require.Error(t, err)
	return record.ReasonOf(err)
}

// tags are the local names of all elements of that name's children.
func tags(e *etree.Element) []string {
	var names []string
	if e != nil {
		for _, c := range e.ChildElements() {
			names = append(names, c.Tag)
		}
	}
	return names
}

func TestNew(t *testing.T) {
	_, err := New("cegedim", files, Options{})
	require.EqualError(t, err, `standin: no stand-in "cegedim"; there are emisweb, guru, mig, systmone, vision`)
	_, err = New("emisweb", files, Options{Format: "pdf"})
	require.Error(t, err)
	_, err = New("emisweb", fstest.MapFS{"a.xml": {Data: []byte("<a/>")}}, Options{})
	require.ErrorContains(t, err, "no native record")
	_, err = New("systmone", fstest.MapFS{"broken.xml": {Data: []byte("<ClientIntegrationResponse><a></ClientIntegrationResponse>")}}, Options{})
	require.ErrorContains(t, err, "broken.xml")
	twice := fstest.MapFS{"a.xml": files["nora/emisweb.openhr.xml"], "b/c.xml": files["nora/emisweb.openhr.xml"]}
	_, err = New("emisweb", twice, Options{})
	require.ErrorContains(t, err, "a.xml and b/c.xml")

	s, err := New("systmone", files, Options{})
	require.NoError(t, err)
	require.Equal(t, []string{nora, tom}, s.Patients())
}

// requests are a proper request to each stand-in.
var requests = map[string]string{
	"systmone": clientRequestFor(nora, ""),
	"emisweb":  emisRequestFor(nora, ""),
	"mig":      migRequestFor(nora, ""),
	"vision":   visionRequestFor(nora, "PATIENT_RECORD"),
}

// numberIn finds the patient's number in an answer of any system but Guru.
func numberIn(root *etree.Element) string {
	for _, p := range []string{".//Identity/NHSNumber", ".//Registration/NhsNumber", ".//patientIdentifier[identifierType='NHS']/value"} {
		if e := root.FindElement(p); e != nil {
			return strings.ReplaceAll(e.Text(), " ", "")
		}
	}
	if held := root.FindElement(".//visionResponse/serviceContent/record"); held != nil {
		file := etree.NewDocument()
		if file.ReadFromString(held.Text()) == nil && file.Root().SelectElement("patient") != nil {
			return file.Root().SelectElement("patient").SelectAttrValue("newnhsno", "")
		}
	}
	return ""
}

func TestSwitches(t *testing.T) {
	for name, request := range requests {
		formats := []string{FormatMedicalRecord, FormatOpenHR}
		if name != "emisweb" {
			formats = formats[:1]
		}
		for _, format := range formats {
			t.Run(name+" "+format, func(t *testing.T) {
				s := serve(t, name, Options{Format: format})
				require.Equal(t, nora, numberIn(s.ask(t, request)))

				require.NoError(t, s.SetOptions(Options{Format: format, WrongPatient: true}))
				require.Equal(t, another, numberIn(s.ask(t, request)))

				require.NoError(t, s.SetOptions(Options{Format: format, NoPatient: true}))
				require.Empty(t, numberIn(s.ask(t, request)))

				require.NoError(t, s.SetOptions(Options{Format: format, Latency: time.Millisecond}))
				require.Equal(t, nora, numberIn(s.ask(t, request)))
				require.Equal(t, []string{request, request, request, request}, s.Requests())
			})
		}
		t.Run(name, func(t *testing.T) {
			s := serve(t, name, Options{Silent: true})
			require.Equal(t, record.ReasonTimeout, s.reason(t, request, 30*time.Millisecond))

			require.NoError(t, s.SetOptions(Options{Latency: 200 * time.Millisecond}))
			require.Equal(t, record.ReasonTimeout, s.reason(t, request, 30*time.Millisecond))

			require.NoError(t, s.SetOptions(Options{Malformed: true}))
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			answer, err := s.client.Do(ctx, []byte(request), nil)
			require.NoError(t, err)
			_, err = parse(answer)
			require.ErrorContains(t, err, "well-formed")

			require.NoError(t, s.SetOptions(Options{Truncate: true}))
			answer, err = s.client.Do(ctx, []byte(request), nil)
			if name == "systmone" { // the wire itself sees that it is cut
				require.Equal(t, record.ReasonBadAnswer, record.ReasonOf(err))
			} else {
				require.NoError(t, err)
				_, err = parse(answer)
				require.Error(t, err)
			}
		})
	}
}

func TestRequestsAreBounded(t *testing.T) {
	s, err := New("systmone", files, Options{})
	require.NoError(t, err)
	for range rememberedRequests + 5 {
		s.Handle(t.Context(), []byte("<a/>"), wire.Peer{})
	}
	s.Handle(t.Context(), []byte("<last/>"), wire.Peer{})
	got := s.Requests()
	require.Len(t, got, rememberedRequests)
	require.Equal(t, "<last/>", got[rememberedRequests-1])
}

func TestParseRefuses(t *testing.T) {
	for _, bad := range []string{"", "  ", "x", "<a>", "<a></b>", "<a/><b/>", "<a/>x", "<!DOCTYPE a><a/>", `<a b="1" b="2"/>`,
		"<p:a/>", "<a>&e;</a>", "\xFF"} {
		_, err := parse([]byte(bad))
		require.Error(t, err, bad)
	}
	n, err := parse([]byte("\xEF\xBB\xBF<?xml version='1.0'?><a xmlns='urn:x' b='1'> <c> t </c><!-- --></a>\n"))
	require.NoError(t, err)
	require.Equal(t, &node{space: "urn:x", name: "a", attrs: map[string]string{"b": "1"},
		children: []*node{{space: "urn:x", name: "c", attrs: map[string]string{}, text: "t"}}}, n)
}
