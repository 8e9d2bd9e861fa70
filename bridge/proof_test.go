package bridge_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge"
	"github.com/linkspan/linkspan/bridge/audit"
	"github.com/linkspan/linkspan/bridge/standin"
	"github.com/linkspan/linkspan/bridge/wire"
	"github.com/linkspan/linkspan/testdata"
)

// soak reports whether the long form of a run was asked for: make soak.
func soak() bool { return os.Getenv("LINKSPAN_SOAK") != "" }

// sized is the size of a run: short in CI, long under make soak. The race
// detector, which sees as much in a few, gets an eighth of what is short.
func sized(short, long int) int {
	switch {
	case soak():
		return long
	case raced:
		return max(short/8, 2)
	}
	return short
}

// person is an invented patient. token stands in every clinical field of the
// record, and in nobody else's.
type person struct {
	number, forename, surname string
	birth                     time.Time
	token                     string
}

// crowd makes n invented patients with numbers of the test range.
func crowd(n int) []person {
	all := make([]person, 0, n)
	first := time.Date(1931, 1, 1, 0, 0, 0, 0, time.UTC)
	for nine := 999_000_017; len(all) < n; nine++ {
		check := checkDigit(nine)
		if check == 10 {
			continue
		}
		i := len(all)
		all = append(all, person{number: fmt.Sprintf("%09d%d", nine, check), forename: forenames[i%len(forenames)],
			surname: surnames[i/len(forenames)%len(surnames)] + surnames[i*7%len(surnames)], birth: first.AddDate(0, 0, i*13%30_000),
			token: fmt.Sprintf("CNRY%06dX", i)})
	}
	return all
}

var (
	forenames = []string{"Ada", "Bram", "Cora", "Dai", "Elsa", "Finn", "Greta", "Hugo", "Ivy", "Joss", "Kit"}
	surnames  = []string{"Anchor", "Bollard", "Capstan", "Davit", "Eddy", "Fairway", "Groyne", "Hawser", "Inlet", "Jetty"}
)

// checkDigit is the digit after nine digits of an NHS number; 10 means that
// there is no such number.
func checkDigit(nine int) int {
	sum := 0
	for i, c := range fmt.Sprintf("%09d", nine) {
		sum += (10 - i) * int(c-'0')
	}
	return (11 - sum%11) % 11
}

// inSystmOne is the person's record as SystmOne answers it.
func (p person) inSystmOne() string {
	return `<?xml version="1.0" encoding="UTF-8"?><ClientIntegrationResponse><DeviceID>5ca1ab1e0ddba11a</DeviceID><RequestUID>r</RequestUID><Function>GetPatientRecord</Function><FunctionVersion>1.0</FunctionVersion><ResponseUID>R</ResponseUID><Response>` +
		`<Identity><NHSNumber>` + p.number + `</NHSNumber></Identity><Demographics><Title/><FirstName>` + p.forename + `</FirstName><MiddleNames/><Surname>` + p.surname + `</Surname>` +
		`<DateOfBirth>` + p.birth.Format(time.DateOnly) + `</DateOfBirth><Sex>F</Sex><MaritalStatus/><Ethnicity/><MainLanguage/><EnglishSpeaker>Yes</EnglishSpeaker>` +
		`<Address><Road>Quay</Road><Postcode>ZZ99 6MM</Postcode></Address><HomeTelephone/><WorkTelephone/><MobileTelephone/><AlternateTelephone/><EmailAddress/><SMSConsent/>` +
		`<UsualGPUserName>hpenrose</UsualGPUserName><CareStartDate>1998-01-05</CareStartDate><RegistrationType>GMS</RegistrationType></Demographics>` +
		`<Clinical><Event DateTime="2012-08-15T15:30:00" UserName="hpenrose" DoneBy="PENROSE, Hester (GP)" DoneAt="Harbour Lights Surgery" Method="Face to face" EventUID="1a00000000000002">` +
		`<ClinicalCode><Code Scheme="CTV3" Code="H33.." Term="Asthma ` + p.token + `"/><FreeText>seen ` + p.token + `</FreeText></ClinicalCode>` +
		`<Medication><MedicationType>Acute</MedicationType><Drug Scheme="Multilex" ProductID="1" Name="` + p.token + ` 5mg tablets"/><Dose>1 daily ` + p.token + `</Dose><Quantity>28 tablet</Quantity><StartDate>2012-08-15</StartDate></Medication>` +
		`<DrugSensitivity><Type>Drug</Type><Drug Scheme="Multilex" ProductID="1003506" Name="` + p.token + ` elixir"/><FreeText>rash ` + p.token + `</FreeText></DrugSensitivity>` +
		`<Narrative>` + p.token + ` came in</Narrative></Event></Clinical><RecordState>Closed</RecordState></Response></ClientIntegrationResponse>`
}

// inEMIS is the person's record as EMIS Web answers it, in MedicalRecord.
func (p person) inEMIS() string {
	entry := func(name string, id int, inside string) string {
		return fmt.Sprintf(`<%s><DBID>7%d</DBID><RefID>%d</RefID><GUID>5a1e0c00-0000-4000-8000-000000000%d</GUID><AssignedDate>04/04/2011</AssignedDate><DatePart>0</DatePart><AuthorID><RefID>1</RefID></AuthorID><OriginalAuthor><User><RefID>1</RefID></User><SystemDate>14/03/2016 10:02:11</SystemDate></OriginalAuthor>%s</%s>`, name, id, id, id, inside, name)
	}
	code := func(value, term string) string {
		return `<Code><Value>` + value + `</Value><Scheme>READ2</Scheme><Term>` + term + `</Term></Code><TermID><Value>` + value + `</Value><Scheme>READ2</Scheme><Term>` + term + `</Term></TermID>`
	}
	return `<?xml version="1.0" encoding="UTF-8"?><MedicalRecord xmlns="http://www.e-mis.com/emisopen/MedicalRecord" PatientID="47003"><Registration><DBID>47003</DBID><GUID>5a1e0c00-0000-4000-8000-000000000003</GUID>` +
		`<DateOfBirth>` + p.birth.Format("02/01/2006") + `</DateOfBirth><Sex>F</Sex><FamilyName>` + p.surname + `</FamilyName><FirstNames>` + p.forename + `</FirstNames><NhsNumber>` + p.number + `</NhsNumber></Registration>` +
		`<RegistrationStatus><CurrentStatus><Code><Term>Correctly registered</Term></Code><StatusDate>03/02/1990</StatusDate><PatientType><Value>4</Value><Term>Regular</Term></PatientType><PracticeRegistered>1</PracticeRegistered></CurrentStatus></RegistrationStatus>` +
		`<EventList>` + entry("Event", 401, `<DisplayTerm>Asthma `+p.token+`</DisplayTerm><DescriptiveText>seen `+p.token+`</DescriptiveText>`+code("H33", "Asthma "+p.token)+`<EventType>1</EventType>`) + `</EventList>` +
		`<AllergyList>` + entry("Allergy", 403, `<DisplayTerm>Adverse reaction to `+p.token+`</DisplayTerm><DescriptiveText>rash `+p.token+`</DescriptiveText>`+code("14L", "H/O: drug allergy")+`<AllergyType>2</AllergyType>`) + `</AllergyList>` +
		`<MedicationList>` + entry("Medication", 404, `<Drug><PreparationID><Value>1</Value><Scheme>EMISPREPARATION</Scheme><Term>`+p.token+` 5mg tablets</Term></PreparationID></Drug><Dosage>1 daily `+p.token+`</Dosage><Quantity>28</Quantity><QuantityUnits>tablet</QuantityUnits><PrescriptionType>A</PrescriptionType><DrugStatus>A</DrugStatus>`) + `</MedicationList>` +
		`<PeopleList><Person><RefID>1</RefID><GUID>5a1e0c00-9001-4000-8000-000000000001</GUID><Mnemonic>hwinterbourne</Mnemonic><Title>Dr</Title><FirstNames>Hazel</FirstNames><LastName>Winterbourne</LastName></Person></PeopleList></MedicalRecord>`
}

// asking is the person's record asked for by a system, whole, in a message of
// its own, by the given user where the message names one.
func (p person) asking(t testing.TB, from, user string) []byte {
	t.Helper()
	file := map[string]string{"emisweb": "requests/emisweb-full.xml", "systmone": "requests/systmone-whole.xml"}[from]
	native, err := testdata.Requests.ReadFile(file)
	require.NoError(t, err)
	return fresh([]byte(strings.NewReplacer("9998193036", p.number, "hwinterbourne", user).Replace(string(native))))
}

var askedFor = regexp.MustCompile(`<NhsNumber>(\d{10})</NhsNumber>`)

// number is the NHS number a native request asks for, "" where it asks for no
// patient.
func number(native []byte) string {
	if m := askedFor.FindSubmatch(native); m != nil {
		return string(m[1])
	}
	return ""
}

// of answers a native request as its system does, from the one record.
func (p person) of(ctx context.Context, system string, o standin.Options, native []byte, from wire.Peer) ([]byte, error) {
	record := p.inEMIS()
	if system == "systmone" {
		record = p.inSystmOne()
	}
	s, err := standin.New(system, fstest.MapFS{"record.xml": {Data: []byte(record)}}, o)
	if err != nil {
		return nil, err
	}
	return s.Handle(ctx, native, from), nil
}

// population is both systems, each with its own copy of the patients.
type population struct {
	copies map[string]map[string]person // by system and number
}

// everywhere is a population whose patients both systems hold alike.
func everywhere(people []person) *population {
	byNumber := map[string]person{}
	for _, p := range people {
		byNumber[p.number] = p
	}
	return &population{copies: map[string]map[string]person{"emisweb": byNumber, "systmone": byNumber}}
}

// nobody is a patient no request asks for, whose record a stand-in needs to run.
var nobody = crowd(1)[0]

// handler is the system on its wire. A patient it does not hold is unknown to
// it.
func (w *population) handler(system string, o standin.Options) wire.Handler {
	return func(ctx context.Context, native []byte, from wire.Peer) []byte {
		p, ok := w.copies[system][number(native)]
		if !ok {
			p = nobody
		}
		answer, err := p.of(ctx, system, o, native, from)
		if err != nil {
			panic(err) // of the test's own making
		}
		return answer
	}
}

// as is the system's handler for given options of its stand-in.
func (w *population) as(name string) func(standin.Options) wire.Handler {
	return func(o standin.Options) wire.Handler { return w.handler(name, o) }
}

// shifting is a clock a test moves.
type shifting struct{ by atomic.Int64 }

func (s *shifting) now() time.Time          { return time.Now().Add(time.Duration(s.by.Load())) }
func (s *shifting) advance(d time.Duration) { s.by.Add(int64(d)) }

// still are the options with a clock that does not move, so that answers of two
// moments can be compared.
func still(o bridge.Options) bridge.Options {
	o.Now = func() time.Time { return time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC) }
	return o
}

// asker sends requests of one system on a connection of its own.
type asker struct {
	from   string
	client *wire.Client
}

func (e *economy) asker(t testing.TB, from string) asker {
	client := wire.NewClient(e.systems[from].Wire, e.Address(from), wire.ClientOptions{ThrottleDisabled: true, Limit: 64 << 20})
	t.Cleanup(client.Close)
	return asker{from: from, client: client}
}

// ask returns the one native answer. It is used from many goroutines.
func (a asker) ask(ctx context.Context, native []byte) ([]byte, error) {
	return a.client.Do(ctx, native, nil)
}

// asks is the system that asks for patient i: the two take turns.
func asks(i int) string { return []string{"emisweb", "systmone"}[i%2] }

// drive asks for n patients, by so many askers at once, half of each system. After
// each round, which stays within the budgets of an hour, the clock moves on by
// more than one. Every error of one fails the test.
func (e *economy) drive(t *testing.T, clock *shifting, askers, round, n int, one func(a asker, i int) error) {
	t.Helper()
	clients := make([]asker, askers)
	for k := range clients {
		clients[k] = e.asker(t, asks(k))
	}
	faults := make(chan error, n)
	for from := 0; from < n; from += round {
		var working sync.WaitGroup
		for k := range askers {
			working.Go(func() {
				for i := from + k; i < min(from+round, n); i += askers {
					if err := one(clients[k], i); err != nil {
						faults <- fmt.Errorf("request %d from %s: %w", i, clients[k].from, err)
					}
				}
			})
		}
		working.Wait()
		clock.advance(61 * time.Minute)
	}
	close(faults)
	shown := 0
	for err := range faults {
		if shown++; shown <= 5 {
			t.Error(err)
		}
	}
	require.Zero(t, shown, "requests that did not end as they should")
}

// isRefusal reports a refusal in the asker's own form; an answer that is
// neither a refusal nor a record is an error.
func isRefusal(from string, answer []byte) (bool, error) {
	text := string(answer)
	if err := xml.Unmarshal(answer, new(struct{})); err != nil {
		return false, fmt.Errorf("the answer is not well-formed: %w", err)
	}
	refused := strings.Contains(text, "Fault>") || strings.Contains(text, "MessagingError>")
	released := strings.Contains(text, "<Registration>") || strings.Contains(text, "healthDomain")
	if from == "systmone" {
		refused = strings.Contains(text, "<ErrorMessage>") && strings.Contains(text, "<PermanentError>")
		released = strings.Contains(text, "<Identity>")
	}
	if refused == released {
		return false, fmt.Errorf("neither a refusal nor a record: %.300s", text)
	}
	return refused, nil
}

// ledgered are the audit records of a run by exchange: how many say that it was
// asked, and what the last ones say.
type ledgered struct {
	asked  int
	closed []audit.Entry
}

// auditOf reads the audit log of a stopped or running bridge.
func auditOf(t testing.TB, data string) map[string]*ledgered {
	t.Helper()
	all := map[string]*ledgered{}
	_, err := audit.Read(filepath.Join(data, "audit"), "one", func(_ audit.Receipt, e audit.Entry) error {
		if e.Exchange == "" {
			return nil
		}
		l := all[e.Exchange]
		if l == nil {
			l = &ledgered{}
			all[e.Exchange] = l
		}
		switch e.Event {
		case audit.EventAsked:
			l.asked++
		case audit.EventAnswered, audit.EventRefused:
			l.closed = append(l.closed, e)
		}
		return nil
	})
	require.NoError(t, err)
	return all
}

// counting keeps the outcomes of a run, however many.
func counting(outcomes *atomic.Int64, clock *shifting) func(bridge.Options) bridge.Options {
	return func(o bridge.Options) bridge.Options {
		o.Observe = func(bridge.Outcome) { outcomes.Add(1) }
		if clock != nil {
			o.Now = clock.now
		}
		return o
	}
}

// turns makes a handler that has another user logged on at every question.
func turns(of func(standin.Options) wire.Handler) wire.Handler {
	var n atomic.Int64
	handlers := make([]wire.Handler, 64)
	for i := range handlers {
		handlers[i] = of(standin.Options{User: &standin.User{UserName: fmt.Sprintf("hpenrose%d", i), Title: "Dr", FirstName: "Hester", Surname: "Penrose",
			Role: "General Medical Practitioner", RoleCode: "R8000", Activities: []string{"B0360", "B0380"}, Site: "X99002"}})
	}
	return func(ctx context.Context, native []byte, from wire.Peer) []byte {
		return handlers[n.Add(1)%int64(len(handlers))](ctx, native, from)
	}
}

// holding are the places, among all that a bridge leaves behind, where any of
// the words stands: the log, what crossed NATS, the files of the data directory.
func holding(t *testing.T, e *economy, crossed *heard, words ...string) []string {
	t.Helper()
	var found []string
	look := func(place, text string) {
		for _, word := range words {
			if strings.Contains(text, word) {
				found = append(found, fmt.Sprintf("%s holds %s", place, word))
			}
		}
	}
	for _, entry := range e.logs.All() {
		var line bytes.Buffer
		require.NoError(t, json.NewEncoder(&line).Encode(entry.ContextMap()))
		look("log "+entry.Level.String()+" "+entry.LoggerName, entry.Message+line.String()+entry.Stack)
	}
	for _, text := range crossed.texts() {
		look("nats", text)
	}
	require.NoError(t, filepath.WalkDir(e.data, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		look("file "+path, path+"\n"+string(text))
		return err
	}))
	return found
}

// heard is all that crossed NATS while somebody listened: subjects, headers and
// bodies.
type heard struct {
	mu  sync.Mutex
	all []string
}

func (h *heard) texts() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.all
}

// listen keeps everything that crosses the bridge's NATS server from here on.
func listen(t *testing.T, e *economy) *heard {
	t.Helper()
	h := &heard{}
	sub, err := e.Conn().Subscribe(">", func(m *nats.Msg) {
		header, err := json.Marshal(m.Header)
		h.mu.Lock()
		defer h.mu.Unlock()
		h.all = append(h.all, fmt.Sprintf("%s\n%s\n%s\n%s%v", m.Subject, m.Reply, header, m.Data, err))
	})
	require.NoError(t, err)
	require.NoError(t, sub.SetPendingLimits(-1, -1))
	require.NoError(t, e.Conn().Flush())
	return h
}
