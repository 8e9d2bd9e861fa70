package spine

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Key is a link's secret: who holds it can read and write the link's messages.
// It prints redacted in every format.
type Key [32]byte

// NewKey makes a random key.
func NewKey() Key {
	var k Key
	_, _ = rand.Read(k[:]) // crypto/rand.Read never fails (Go 1.24)
	return k
}

// ParseKey reads 32 bytes written as 64 hexadecimal digits or in base64, padded
// or not. White space around it is dropped. The error never repeats the text.
func ParseKey(text string) (Key, error) {
	text = strings.TrimSpace(text)
	var raw []byte
	var err error
	switch len(text) {
	case 64:
		raw, err = hex.DecodeString(text)
	case 43, 44:
		text = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimSuffix(text, "="))
		raw, err = base64.RawStdEncoding.Strict().DecodeString(text)
	default:
		err = errors.New("length")
	}
	var k Key
	if err != nil || len(raw) != len(k) {
		return Key{}, errors.New("spine: a key is 32 bytes in 64 hexadecimal digits or in base64")
	}
	copy(k[:], raw)
	if k.IsZero() {
		return Key{}, errors.New("spine: a key of zeros is no key")
	}
	return k, nil
}

// SealText seals a text that has to travel in the claims, such as what a user
// wrote to break the glass, for whoever has the key. It opens only beside the
// same context, which is the exchange's id. The result is base64.
func (k Key) SealText(context, text string) (string, error) {
	if k.IsZero() {
		return "", errors.New("spine: no link key")
	}
	nonce := make([]byte, nonceBytes, nonceBytes+len(text)+tagBytes)
	_, _ = rand.Read(nonce)
	return base64.StdEncoding.EncodeToString(messageCipher(k, nonce).Seal(nonce, nonce[12:], []byte(text), additional(context, textSubject))), nil
}

// OpenText opens what SealText sealed.
func (k Key) OpenText(context, sealed string) (string, error) {
	raw, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil || len(raw) < nonceBytes+tagBytes || k.IsZero() {
		return "", errSeal
	}
	text, err := messageCipher(k, raw[:nonceBytes]).Open(nil, raw[12:nonceBytes], raw[nonceBytes:], additional(context, textSubject))
	if err != nil {
		return "", errSeal
	}
	return string(text), nil
}

// textSubject stands in the subject's place for a text; no subject holds a
// space.
const textSubject = "claims text"

// IsZero reports that no key was set.
func (k Key) IsZero() bool { return k == Key{} }

// Text is the key itself in hexadecimal, for the file it is kept in.
func (k Key) Text() string { return hex.EncodeToString(k[:]) }

// String is "[redacted]".
func (Key) String() string { return "[redacted]" }

// Format writes "[redacted]" whatever the verb.
func (k Key) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(k.String())) }

// MarshalText writes "[redacted]", so a key in a struct that is logged or
// marshalled stays out of it.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }
