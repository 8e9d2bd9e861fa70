package audit

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
)

// Sealer keeps from whoever reads a log, or a disk it was on, who its patients
// are: by one key for each link, kept apart from the log, it makes references
// and seals what a privacy officer must be able to read again. It prints
// redacted.
type Sealer struct{ key [32]byte }

// NewSealer makes a Sealer of a link's 32-byte patient key.
func NewSealer(key []byte) (*Sealer, error) {
	if len(key) != 32 || [32]byte(key) == ([32]byte{}) {
		return nil, errors.New("audit: a patient key is 32 bytes, not all zero")
	}
	return &Sealer{key: [32]byte(key)}, nil
}

// Context is the place a sealed text stands in. It opens in no other, so that
// nobody can move one patient's number into another's record.
type Context struct {
	Instance, Exchange string
	Field              string // FieldPatient or FieldBreakGlass
}

// Fields that are sealed.
const (
	FieldPatient    = "patient"
	FieldBreakGlass = "break-glass"
)

// Reference is the pseudonym of a patient within the link; see the function of
// the same name.
func (s *Sealer) Reference(number string) string { return Reference(s.key[:], number) }

// Seal seals text for its place: AES-256-GCM under a key of that place alone,
// derived from the patient key (HKDF-SHA256, RFC 5869), in base64.
func (s *Sealer) Seal(text string, c Context) string {
	aead, bound := s.cipher(c)
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(text)+aead.Overhead())
	_, _ = rand.Read(nonce) // never fails (Go 1.24)
	return base64.StdEncoding.EncodeToString(aead.Seal(nonce, nonce, []byte(text), bound))
}

// errSealed says nothing of the text or of the key.
var errSealed = errors.New("audit: a sealed text does not open: another key, another record, or changed")

// Open opens what Seal made for the same place.
func (s *Sealer) Open(sealed string, c Context) (string, error) {
	aead, bound := s.cipher(c)
	raw, err := base64.StdEncoding.Strict().DecodeString(sealed)
	if err != nil || len(raw) < aead.NonceSize() {
		return "", errSealed
	}
	text, err := aead.Open(nil, raw[:aead.NonceSize()], raw[aead.NonceSize():], bound)
	if err != nil {
		return "", errSealed
	}
	return string(text), nil
}

// SealPatient puts the patient into an entry: the reference, and the number
// sealed. Entry.Instance and Entry.Exchange must be set before.
func (s *Sealer) SealPatient(e *Entry, number string) {
	e.PatientRef = s.Reference(number)
	e.PatientSealed = s.Seal(number, e.context(FieldPatient))
}

// SealBreakGlass puts what the user wrote to break the glass into an entry.
// Entry.Instance and Entry.Exchange must be set before.
func (s *Sealer) SealBreakGlass(e *Entry, text string) {
	e.BreakGlassText = s.Seal(text, e.context(FieldBreakGlass))
}

// Patient opens the number of an entry, "" where it has none.
func (s *Sealer) Patient(e *Entry) (string, error) {
	if e.PatientSealed == "" {
		return "", nil
	}
	return s.Open(e.PatientSealed, e.context(FieldPatient))
}

// BreakGlass opens what the user wrote, "" where there is nothing.
func (s *Sealer) BreakGlass(e *Entry) (string, error) {
	if e.BreakGlassText == "" {
		return "", nil
	}
	return s.Open(e.BreakGlassText, e.context(FieldBreakGlass))
}

func (e *Entry) context(field string) Context {
	return Context{Instance: e.Instance, Exchange: e.Exchange, Field: field}
}

// cipher is of one place, with that place as additional data. Each part is
// preceded by its length: no two places give the same bytes.
func (s *Sealer) cipher(c Context) (cipher.AEAD, []byte) {
	bound := []byte("linkspan audit seal 1")
	for _, part := range []string{c.Instance, c.Exchange, c.Field} {
		bound = binary.BigEndian.AppendUint32(bound, uint32(len(part)))
		bound = append(bound, part...)
	}
	key, err := hkdf.Key(sha256.New, s.key[:], nil, string(bound), 32)
	if err != nil {
		panic("audit: hkdf: " + err.Error()) // only for a length above 8160 bytes
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("audit: aes: " + err.Error()) // only for a wrong key length
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic("audit: gcm: " + err.Error()) // only for another block size
	}
	return aead, bound
}

// String is "[redacted]".
func (s *Sealer) String() string { return "[redacted]" }

// Format writes "[redacted]" whatever the verb.
func (s *Sealer) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }
