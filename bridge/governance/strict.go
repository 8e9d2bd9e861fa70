package governance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
)

// strict finds what encoding/json would let pass: a name it does not know or
// knows in another spelling, a name given twice (the last would silently win),
// a value of the wrong type and text after the end. It reports all of them with
// their places. Null is right only where it means none. Text that is not JSON
// ends the search with err.
func strict(text []byte, want reflect.Type) (faults []error, err error) {
	s := &strictReader{dec: json.NewDecoder(bytes.NewReader(text))}
	if err := s.value(want, ""); err != nil {
		return nil, fmt.Errorf("byte %d: %w", s.dec.InputOffset(), err)
	}
	if _, err := s.dec.Token(); !errors.Is(err, io.EOF) {
		s.fault("", "text after the end")
	}
	return s.faults, nil
}

type strictReader struct {
	dec    *json.Decoder
	faults []error
}

func (s *strictReader) fault(path, what string) {
	if path != "" {
		what = path + ": " + what
	}
	s.faults = append(s.faults, errors.New(what))
}

// value reads one value of a type, or of any where want is nil.
func (s *strictReader) value(want reflect.Type, path string) error {
	token, err := s.dec.Token()
	if err != nil {
		return err
	}
	if token == nil && mayBeNone(want) {
		return nil
	}
	if want != nil && want.Kind() == reflect.Pointer {
		want = want.Elem()
	}
	if want != nil && wordOf(want) != wordOfToken(token) {
		s.fault(path, "want "+wordOf(want)+", have "+wordOfToken(token))
		want = nil
	}
	switch token {
	case json.Delim('{'):
		return s.object(want, path)
	case json.Delim('['):
		return s.list(want, path)
	}
	return nil
}

func (s *strictReader) object(want reflect.Type, path string) error {
	seen := map[string]bool{}
	for s.dec.More() {
		token, err := s.dec.Token()
		if err != nil {
			return err
		}
		name, _ := token.(string)
		at := strings.TrimPrefix(path+"."+name, ".")
		if seen[name] {
			s.fault(at, "given twice")
		}
		seen[name] = true
		var inner reflect.Type
		if want != nil {
			known := false
			if inner, known = member(want, name); !known {
				s.fault(at, "unknown name")
			}
		}
		if err := s.value(inner, at); err != nil {
			return err
		}
	}
	_, err := s.dec.Token()
	return err
}

func (s *strictReader) list(want reflect.Type, path string) error {
	var inner reflect.Type
	if want != nil {
		inner = want.Elem()
	}
	for i := 0; s.dec.More(); i++ {
		if err := s.value(inner, fmt.Sprintf("%s[%d]", path, i)); err != nil {
			return err
		}
	}
	_, err := s.dec.Token()
	return err
}

// member is the type of the value under name, byte for byte.
func member(t reflect.Type, name string) (reflect.Type, bool) {
	if t.Kind() == reflect.Map {
		return t.Elem(), true
	}
	for i := range t.NumField() {
		f := t.Field(i)
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.IsExported() && tag == name {
			return f.Type, true
		}
	}
	return nil, false
}

func mayBeNone(t reflect.Type) bool {
	return t != nil && (t.Kind() == reflect.Slice || t.Kind() == reflect.Map || t.Kind() == reflect.Pointer)
}

func wordOf(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Slice:
		return "a list"
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "a number"
	}
	return "text"
}

func wordOfToken(token json.Token) string {
	switch token {
	case json.Delim('{'):
		return "an object"
	case json.Delim('['):
		return "a list"
	case nil:
		return "null"
	case true, false:
		return "true or false"
	}
	if _, ok := token.(string); ok {
		return "text"
	}
	return "a number"
}
