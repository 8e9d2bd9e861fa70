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
