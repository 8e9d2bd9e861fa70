// Package standin stands in for the clinical systems: it answers their native
// requests from files of native records, so that the bridge can be tried and
// tested without either system. Behind bridge/wire it is reached on the real
// wire of the system it stands for.
//
// It shares no code with the codecs it is to test. Requests are parsed with
// encoding/xml and judged by tables of their own, more strictly than the
// systems themselves: an element out of order, unknown, repeated or in the
// wrong namespace is refused in the system's own error form. Records are served
// as they stand in their files, less what the request does not ask for.
//
// It is no simulator: it stores nothing, writes nothing back, and knows nobody
// but the patients of its files.
package standin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/linkspan/linkspan/bridge/wire"
)

// Options are the switches of a stand-in. The zero value answers properly, at
// once.
type Options struct {
	Latency time.Duration // waits before it answers
	Silent  bool          // never answers
	// Error is answered instead of every record, as the system's own error:
	// ErrorMessage of SystmOne with PermanentError false, SOAP Fault of EMIS and
	// Vision, an error of the MIG's profile to be tried again, status 500 of Guru.
	Error string
	// WrongPatient answers with the number of another patient in the record.
	WrongPatient bool
	// NoPatient answers with a record that does not say whose it is.
	NoPatient bool
	// Instead answers with the record filed under this number, whoever is asked
	// for, with its own number in it; Disguised puts the number asked for there.
	Instead   string
	Disguised bool
	// Swapped puts the name, date of birth and other details of the patient
	// filed under this number in place of those of the patient asked for;
	// NoDemographics leaves out all of them but the number.
	Swapped        string
	NoDemographics bool
	// Standing serves every patient as one who has left, is dead, registered for
	// a time, of no stated registration, or sensitive, in the system's own words
	// as far as it has any; "" is as filed.
	Standing string
	// Truncate ends the answer, and on TCP the connection, half-way.
	Truncate bool
	// Malformed answers with a document whose tags do not match.
	Malformed bool
	// Organisations are the ODS codes the stand-in answers for; empty is any.
	// SystmOne's request names none, so it does not look.
	Organisations []string
	// Users are the users it knows: who may ask (EMIS, ExternalUserName; the MIG,
	// user; Vision, UserName; Guru for an extract, its author), whose entries may be
	// asked for (SystmOne, UserNameDoneBy). Empty is any.
	Users []string
	// User is who is logged on where the stand-in for SystmOne runs, which its
	// requests do not say; nil is an invented GP.
	User *User
	// Device is what the person at SystmOne's desktop does when a device without
	// an id asks: "" allows it, DeviceBlocked, DeviceLater or DeviceUndecided.
	Device string
	// Format is the document an EMIS answer carries: "medicalrecord", which ""
	// means too, or "openhr". A patient filed in one only is answered in it.
	Format string
}

// The formats of an EMIS answer.
const (
	FormatMedicalRecord = "medicalrecord"
	FormatOpenHR        = "openhr"
)

// What Options.Device may be: the device is blocked for good, is told to ask
// again, or the dialog stays open, during which nothing is answered.
const (
	DeviceBlocked   = "blocked"
	DeviceLater     = "later"
	DeviceUndecided = "undecided"
)

// rememberedRequests bounds what Requests returns.
const rememberedRequests = 100

// Standin answers for one system. It may be used from several goroutines.
type Standin struct {
	records  *records
	question func(msg []byte) question

	mu       sync.Mutex
	options  Options
	requests []string
}

// question is one request as the check of its system understood it. Each method
// gives a whole native answer.
type question interface {
	// refusal is the answer when the request is refused, nil when it is not;
	// Options say who is known.
	refusal(o Options) []byte
	// failure is the answer of Options.Error.
	failure(text string) []byte
	// answer is the record, or the system's way to say there is none.
	answer(r *records, o Options) []byte
}

// of is how one system's requests are read and its files are filed.
type of struct {
	question func(msg []byte) question
	load     func(r *records, name string, data []byte) error
	ext      string // of its files
}

// systems are the systems there are stand-ins for.
var systems = map[string]of{
	"emisweb":  {readEMIS, loadEMIS, ".xml"},
	"guru":     {readGuru, loadGuru, ".http"},
	"mig":      {readMIG, loadMIG, ".xml"},
	"systmone": {readSystmOne, loadSystmOne, ".xml"},
	"vision":   {readVision, loadVision, ".xml"},
}

// New makes the stand-in called name, as the system is in package pairs, serving
// the native records of that system found in files at any depth. A file is known
// by its root element, or the status it begins with, and the NHS number inside
// it; other files are passed over. Two files of one patient in one form are an
// error.
func New(name string, files fs.FS, o Options) (*Standin, error) {
	which, known := systems[name]
	if !known {
		return nil, fmt.Errorf("standin: no stand-in %q; there are %s", name, strings.Join(slices.Sorted(maps.Keys(systems)), ", "))
	}
	r, err := loadRecords(files, which.ext, which.load)
	if err != nil {
		return nil, fmt.Errorf("standin %s: %w", name, err)
	}
	s := &Standin{records: r, question: which.question}
	if err := s.SetOptions(o); err != nil {
		return nil, err
	}
	return s, nil
}

// SetOptions changes the switches for requests to come.
func (s *Standin) SetOptions(o Options) error {
	if o.Format != "" && o.Format != FormatMedicalRecord && o.Format != FormatOpenHR {
		return errors.New("standin: Format is medicalrecord or openhr")
	}
	if !slices.Contains([]string{"", StandingLeft, StandingDeceased, StandingTemporary, StandingUnstated, StandingSensitive}, o.Standing) {
		return errors.New("standin: Standing is left, deceased, temporary, unstated or sensitive")
	}
	if !slices.Contains([]string{"", DeviceBlocked, DeviceLater, DeviceUndecided}, o.Device) {
		return errors.New("standin: Device is blocked, later or undecided")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.options = o
	return nil
}

// Requests are the native requests received, oldest first, as many as are
// remembered.
func (s *Standin) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Patients are the NHS numbers of the records served, in order.
func (s *Standin) Patients() []string { return s.records.numbers() }

// Handle answers one native request. It is a wire.Handler.
func (s *Standin) Handle(ctx context.Context, msg []byte, from wire.Peer) []byte {
	o := s.received(msg)
	if o.Latency > 0 {
		timer := time.NewTimer(o.Latency)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return nil
		}
	}
	if o.Silent {
		return nil
	}
	q := s.question(msg)
	if first, ok := q.(*clientRequest); ok && first.undecided(o) {
		return nil
	}
	answer := reply(q, s.records, o)
	if o.Malformed {
		answer = malformed(answer)
	}
	if o.Truncate {
		if answer = half(answer); from.Hangup != nil {
			from.Hangup()
		}
	}
	return answer
}

func reply(q question, r *records, o Options) []byte {
	if refusal := q.refusal(o); refusal != nil {
		return refusal
	}
	if o.Error != "" {
		return q.failure(o.Error)
	}
	return q.answer(r, o)
}

func (s *Standin) received(msg []byte) Options {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.requests) == rememberedRequests {
		s.requests = slices.Delete(s.requests, 0, 1)
	}
	s.requests = append(s.requests, string(msg))
	return s.options
}

// malformed changes the name of the last end tag, or the brace that ends a JSON
// object, so that the document is as long as before and ends where it did, but is
// not well-formed.
func malformed(answer []byte) []byte {
	answer = slices.Clone(answer)
	if last := len(bytes.TrimSpace(answer)) - 1; last > 0 && answer[last] == '}' {
		answer[last] = ']'
		return answer
	}
	for i := len(answer) - 2; i > 0; i-- {
		if answer[i] == '/' && answer[i-1] == '<' {
			answer[i+1] ^= 1
			break
		}
	}
	return answer
}
