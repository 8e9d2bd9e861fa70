// Package myrecord is the JSON of the one Microtest interface that is public:
// the patient's details and my-record, which has no codes (S §4.3), to and from
// the record.
//
// It is pure: no network, clock, random source or state.
package myrecord

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/linkspan/linkspan/record"
	"github.com/linkspan/linkspan/xmlio"
)

const opDecode = "guru: my-record"

// The limits of a document: depth, and how many values it may hold.
const (
	maxDepth  = 16
	maxValues = 400_000
)

// Object is a JSON object with its members in the order they are written.
type Object struct{ members []member }

type member struct {
	key   string
	value any // string, json.Number, bool, nil, []any or *Object
}

// get is a member's value.
func (o *Object) get(key string) (any, bool) {
	if o == nil {
		return nil, false
	}
	for _, m := range o.members {
		if m.key == key {
			return m.value, true
		}
	}
	return nil, false
}

// Parse reads one JSON object and nothing after it. It refuses what encoding/json
// lets pass and two readers could understand differently: a key twice, text that
// is no UTF-8, a number beyond 64 bits, depth without end. An error names the
// offset and nothing of the text.
func Parse(ctx context.Context, doc []byte) (*Object, error) {
	if !utf8.Valid(doc) {
		return nil, fault(0, "not UTF-8")
	}
	p := parser{d: json.NewDecoder(bytes.NewReader(doc)), ctx: ctx}
	p.d.UseNumber()
	value, err := p.value(0)
	if err != nil {
		return nil, p.fault(err)
	}
	if _, err := p.d.Token(); err != io.EOF {
		return nil, fault(p.d.InputOffset(), "something follows the document")
	}
	o, ok := value.(*Object)
	if !ok {
		return nil, fault(0, "not an object")
	}
	return o, nil
}

func fault(at int64, what string) error {
	return &record.Error{Reason: record.ReasonBadAnswer, Op: opDecode, Position: "offset " + strconv.FormatInt(at, 10), Err: errors.New(what)}
}

// parser reads tokens.
type parser struct {
	d      *json.Decoder
	ctx    context.Context
	values int
}

var (
	errDeep   = errors.New("too deep")
	errMany   = errors.New("too many values")
	errTwice  = errors.New("a key stands twice")
	errNumber = errors.New("a number beyond 64 bits")
	errCut    = errors.New("not whole, or no JSON")
)

func (p *parser) fault(err error) error {
	switch {
	case errors.Is(err, errDeep), errors.Is(err, errMany), errors.Is(err, errTwice), errors.Is(err, errNumber):
	case p.ctx.Err() != nil:
		return record.Fault(record.ReasonTimeout, opDecode, p.ctx.Err())
	default: // encoding/json would say what it found
		err = errCut
	}
	return fault(p.d.InputOffset(), err.Error())
}

func (p *parser) value(depth int) (any, error) {
	token, err := p.d.Token()
	if err != nil {
		return nil, err
	}
	return p.rest(token, depth)
}

// rest reads what begins with a token.
func (p *parser) rest(token json.Token, depth int) (any, error) {
	if p.values++; p.values > maxValues {
		return nil, errMany
	}
	if p.values%4096 == 0 && p.ctx.Err() != nil {
		return nil, p.ctx.Err()
	}
	switch t := token.(type) {
	case json.Delim:
		if depth == maxDepth {
			return nil, errDeep
		}
		if t == '[' {
			return p.array(depth)
		}
		return p.object(depth)
	case json.Number:
		return t, number(t)
	}
	return token, nil
}

func (p *parser) array(depth int) (any, error) {
	all := []any{}
	for p.d.More() {
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	_, err := p.d.Token()
	return all, err
}

func (p *parser) object(depth int) (any, error) {
	o := &Object{}
	seen := map[string]bool{}
	for p.d.More() {
		token, err := p.d.Token()
		if err != nil {
			return nil, err
		}
		key, ok := token.(string)
		if !ok {
			return nil, errCut
		}
		if seen[key] {
			return nil, errTwice
		}
		seen[key] = true
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		o.members = append(o.members, member{key, v})
	}
	_, err := p.d.Token()
	return o, err
}

// number accepts what a 64-bit reader would not change beyond measure.
func number(n json.Number) error {
	if _, err := strconv.ParseInt(string(n), 10, 64); err == nil {
		return nil
	}
	f, err := strconv.ParseFloat(string(n), 64)
	if err != nil || math.IsInf(f, 0) || math.Abs(f) >= 1<<63 {
		return errNumber
	}
	return nil
}

// Spell writes a document as XML in which its entries can be counted: members as
// elements, what an array holds as elements item. It goes by tokens alone and
// knows nothing of what they mean.
func Spell(doc []byte) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	w := xmlio.NewWriter(make([]byte, 0, len(doc)*2))
	w.Start("my-record")
	if err := spell(d, w); err != nil {
		return nil, err
	}
	w.End()
	return w.Bytes(), w.Err()
}

func spell(d *json.Decoder, w *xmlio.Writer) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	switch t := token.(type) {
	case json.Delim:
		for d.More() {
			name := "item"
			if t == '{' {
				key, err := d.Token()
				if err != nil {
					return err
				}
				name, _ = key.(string)
			}
			w.Start(name)
			if err := spell(d, w); err != nil {
				return err
			}
			w.End()
		}
		_, err = d.Token()
		return err
	case string:
		w.Text(t)
	case json.Number:
		w.Text(string(t))
	}
	return nil
}
