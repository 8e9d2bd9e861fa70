// Package system says what a clinical system must declare to take part in a
// pair: its codec, its wire as a value, and the schemes it files. It holds no
// behaviour of any system; each lives in its own folder beside this one.
package system

import (
	"context"
	"crypto"
	"crypto/x509"
	"time"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

// Codec turns one system's native messages into the record and back. A codec
// is pure: the same bytes give the same record. Errors are *record.Error; a
// failed decode returns the zero value beside it.
//
// The order within an exchange is DecodeResponse (holder), translation,
// Fit (asker), record.Settle, EncodeResponse (asker).
type Codec interface {
	Decoder
	Encoder
}

// Decoder reads native messages.
type Decoder interface {
	// DecodeRequest reads what the system asks of the other. On error the
	// returned Request still holds every id needed to answer natively.
	DecodeRequest(ctx context.Context, msg []byte) (record.Request, error)
	// DecodeResponse reads what the system answered. A native error is a
	// Response holding a Failure, not an error. Enumerations and codes are in
	// the system's own schemes, every entry pending, the record reconciled
	// with the reader's counts.
	DecodeResponse(ctx context.Context, msg []byte) (record.Response, error)
}

// Encoder writes native messages.
type Encoder interface {
	// EncodeRequest writes the request for the system that holds the record.
	// id is the new message's identifier.
	EncodeRequest(q *record.Request, id MessageID) ([]byte, error)
	// Fit settles what the system's format cannot hold: it changes outcomes
	// from exact or mapped to degraded or unsupported and adds the notes that
	// keep the words, and never drops anything.
	Fit(r *record.Record)
	// EncodeResponse writes the answer to q, echoing its ids: a record that
	// was fitted and settled, or a failure in the system's own error form.
	EncodeResponse(q *record.Request, p record.Response, id MessageID) ([]byte, error)
}

// UserReader is a codec whose system can be asked who is logged on where the
// request was made. A system whose requests name the user needs none.
type UserReader interface {
	// EncodeUserRequest writes the question. It is about no patient.
	EncodeUserRequest(id MessageID) ([]byte, error)
	// DecodeUser reads the answer. A native error is an error of ReasonRefused,
	// or of ReasonBusy where the system says to ask again; none or several users
	// logged on is ReasonBadAnswer.
	DecodeUser(ctx context.Context, msg []byte) (record.Requester, error)
}

// Caller is a codec whose system answers one request in several calls: one for
// each view of the record, or one that says where the patient is before those
// that ask. What EncodeRequest writes names all of it; the edge that owns the
// endpoint makes the calls.
type Caller interface {
	// Calls writes the calls to make next for a request that EncodeRequest
	// wrote, given the answers so far in the order of their calls; none when
	// nothing is left to ask. The calls of one round do not depend on each other.
	// An answer is nil where its call got none.
	Calls(ctx context.Context, request []byte, answers [][]byte) ([][]byte, error)
	// Join makes of the answers the one message that DecodeResponse reads. A
	// call that got none fails what it was for and nothing else.
	Join(request []byte, answers [][]byte) ([]byte, error)
}

// MessageID gives a message its identifier and time; codecs have no clock and
// no random source of their own.
type MessageID struct {
	ID string // UUID, lower case
	At time.Time
}

// Options are the settings a codec is made with.
type Options struct {
	Limits xmlio.Limits
	// Settings are the system's own, e.g. "response-format"; a codec refuses
	// one it does not know.
	Settings map[string]string
	// Signer signs outgoing messages where the system's envelope has a place
	// for it; nil leaves the place out.
	Signer *Signer
	// Trusted verifies incoming signatures; nil accepts unsigned and does not
	// verify.
	Trusted *x509.CertPool
	// Now judges certificate validity when Trusted is set.
	Now func() time.Time
}

// Signer is a private key with its certificate.
type Signer struct {
	Key         crypto.Signer
	Certificate *x509.Certificate
}

// System is one clinical system as the rest of the bridge sees it.
type System struct {
	Name  string // NATS token and configuration word, e.g. "emisweb"
	Title string // e.g. "EMIS Web"
	Wire  Wire
	// ClinicalSchemes and DrugSchemes are what it files, preferred first.
	ClinicalSchemes, DrugSchemes []mapping.Scheme
	// Alerts are the drug schemes in which its prescribing alerts are known to
	// fire for an allergy; in any other a drug allergy is words there (DESIGN.md
	// decision 3). Where it has none, Unalerted says why.
	Alerts    []mapping.Scheme
	Unalerted string
	// Omits are the kinds of entry its messages have no place for, and why. As
	// the holder it sends none; what it is sent of them is words.
	Omits map[record.Kind]string
	// Entries are the ways an entry stands in its responses.
	Entries []record.EntryPath
	// Enumerations says which scheme fills each slot in its messages.
	Enumerations map[record.Slot]mapping.Scheme
	// Unwrap gives an answer its codec wrote as the XML in which entries are
	// counted before it goes out: a document out of its CDATA, JSON spelt as
	// elements. It is not the codec's own reader; nil is an answer that is such
	// XML as it stands.
	Unwrap func(answer []byte) ([]byte, error)
	// New makes its codec.
	New func(Options) (Codec, error)
}

// Transport names how a system's bytes travel.
type Transport string

// The transports.
const (
	HTTP Transport = "http" // one POST, one answer
	TCP  Transport = "tcp"  // XML documents over a stream, delimited by depth
)

// Wire is a system's native transport as a value; bridge/wire and
// bridge/standin are generic over it.
type Wire struct {
	Transport   Transport
	Path        string // HTTP
	ContentType string // HTTP
	// Head says that a native message on HTTP is the request or status line and
	// these header fields with the body, as HTTP/1.1 writes them: the method, the
	// path and the fields say what is asked for, the status how it ended. Path,
	// ErrorStatus and ErrorMark then say nothing.
	Head []string
	// Addressed says that a request names the address it is sent to, which the
	// codec has from its setting "address".
	Addressed bool
	// Headers are sent with every HTTP request; a value "{cn}" stands for the
	// common name of the signing certificate.
	Headers map[string]string
	// ErrorStatus is the HTTP status that carries a native error body, and
	// ErrorMark the bytes by which such a body the codec wrote is known.
	ErrorStatus int
	ErrorMark   string
	// Root is the local name of the document that ends a TCP message, by
	// direction.
	RequestRoot, ResponseRoot string
	// Terminator is sent after each TCP document.
	Terminator string
	// Throttle is what the endpoint accepts.
	Throttle []Throttle
	// Address is the documented default address.
	Address string
	// Silent says that no answer at all is a normal outcome.
	Silent bool
}

// Throttle is one documented rate limit of an endpoint.
type Throttle struct {
	Name   string
	Events int
	Per    time.Duration
	// Exempt reports a request the limit does not count, nil for none.
	Exempt func(q *record.Request, now time.Time) bool
}
