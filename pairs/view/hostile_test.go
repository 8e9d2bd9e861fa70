package view_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/mapping"
	"github.com/linkspan/linkspan/record"
)

// hostile is text that would leave the place it is put in: it closes elements,
// attributes, comments, styles and scripts, and turns the words around it.
const hostile = `"'><script>alert(1)</script></style></title><img src=x onerror=alert(1)><!-- ` + "`" + `{{.Policy}} javascript:alert(1) &lt; --> ` +
	"\u202eesrever\u2066\u200b\x00\x1b[31m\ufeff\u2028 end"

// fill puts hostile text into every string of a value, however deep. Pointers
// already seen are left alone; codes keep schemes the tables know.
func fill(v reflect.Value, seen map[uintptr]bool) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			if v.Type().Elem().Kind() != reflect.Struct || v.Type() == reflect.TypeFor[*record.Entry]() || v.Type() == reflect.TypeFor[*record.Organisation]() {
				return
			}
			v.Set(reflect.New(v.Type().Elem()))
		}
		if seen[v.Pointer()] {
			return
		}
		seen[v.Pointer()] = true
		fill(v.Elem(), seen)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(v.Field(i), seen)
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Struct || v.Type().Elem().Kind() == reflect.String {
			if v.Len() == 0 {
				v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			}
			for i := range v.Len() {
				fill(v.Index(i), seen)
			}
		}
	case reflect.String:
		v.SetString(hostile)
	}
}

// TestHostileText fills every field of every kind of entry, the patient, the
// source and the warnings with text that tries to break out, and finds every
// one of them as text alone.
func TestHostileText(t *testing.T) {
	rec := record.New(record.Source{System: hostile, Organisation: hostile, ODS: hostile})
	rec.Supply(record.AllSections)
	fill(reflect.ValueOf(&rec.Patient), map[uintptr]bool{})
	for _, kind := range record.Kinds() {
		e := &record.Entry{}
		fill(reflect.ValueOf(e), map[uintptr]bool{})
		e.Kind, e.Outcome, e.Counted, e.Malformed = kind, record.Pending, 0, false
		e.Problem.Defines, e.Parent = nil, nil
		e.Allergy.Absent = false
		rec.Add(e)
	}
	first := rec.Entries[0]
	for _, e := range rec.Entries[1:] {
		e.Parent = first
		e.Problems = []record.ProblemLink{{Problem: first, Link: mapping.Code{Scheme: hostile, Value: hostile, Term: hostile}}}
		e.Consultation.Items = []record.Item{{Words: hostile, Entry: first}}
	}
	rec.Warn(record.Warning{Code: record.WarnSender, Detail: hostile})
	rec.Fail(record.Documents, hostile, hostile)
	rec.Reconcile(nil, nil)
	page := show(t, to(t, byHand(t)), rec)
	require.Greater(t, strings.Count(page, "esrever"), 300, "the text is not where it was put")

	// What a browser takes for tags are the template's own, with attributes of
	// its own.
	body := page[strings.Index(page, "</style>"):strings.Index(page, "<script>")]
	require.Equal(t, 1, strings.Count(page, "<script"))
	require.Equal(t, 1, strings.Count(page, "</script"))
	require.Equal(t, 1, strings.Count(page, "<style"))
	require.Equal(t, 1, strings.Count(page, "</title"))
	require.NotContains(t, body, "<img")
	require.NotContains(t, body, "<!--")
	require.NotContains(t, page, "ZgotmplZ")
	own := regexp.MustCompile(`^</?[a-z0-9]+( [a-z-]+(="[^"<>]*")?)*>$`)
	for _, tag := range regexp.MustCompile(`<[^>]*>`).FindAllString(body, -1) {
		require.Regexp(t, own, tag)
		require.NotContains(t, tag, "alert(")
	}
	// Nothing turns, hides or breaks the words around it.
	for _, r := range "\u202e\u2066\u200b\ufeff\u2028\x00\x1b" {
		if at := strings.IndexRune(page, r); at >= 0 {
			require.Fail(t, "a character that is not seen", "U+%04X after %q", r, page[max(0, at-300):at])
		}
		require.False(t, strings.ContainsRune(html.UnescapeString(page), r), "U+%04X", r)
		require.True(t, strings.Contains(html.UnescapeString(page), fmt.Sprintf("‹U+%04X›", r)), "U+%04X", r)
	}
	// Every word of a message is set apart from those around it.
	text := regexp.MustCompile(`(?s)<(bdi|code|title)\b[^>]*>[^<]*</(bdi|code|title)>`).ReplaceAllString(body, "")
	if at := strings.Index(text, "esrever"); at >= 0 {
		require.Fail(t, "words of the message among those of the page", text[max(0, at-200):at])
	}
}

// TestPolicy allows the page its own style and script, by their digests, and
// nothing else.
func TestPolicy(t *testing.T) {
	page := show(t, to(t, byHand(t)), small(t))
	content := regexp.MustCompile(`<meta http-equiv="Content-Security-Policy" content="([^"]*)">`).FindStringSubmatch(page)
	require.NotNil(t, content)
	digest := func(tag string) string {
		inside := page[strings.Index(page, "<"+tag+">")+len(tag)+2 : strings.Index(page, "</"+tag+">")]
		sum := sha256.Sum256([]byte(inside))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	require.Equal(t, "default-src 'none'; style-src "+digest("style")+"; script-src "+digest("script")+"; base-uri 'none'; form-action 'none'", html.UnescapeString(content[1]))
	require.Less(t, strings.Index(page, "Content-Security-Policy"), strings.Index(page, "<title>"), "nothing stands before the policy that it should govern")
}

// BenchmarkWrite makes the page of a large record.
func BenchmarkWrite(b *testing.B) {
	d := to(b, byHand(b))
	for b.Loop() {
		rec := small(b)
		for len(rec.Entries) < 5000 {
			copied := *rec.Entries[0]
			rec.Add(&copied)
		}
		rec.Reconcile(nil, nil)
		b.SetBytes(int64(len(show(b, d, rec))))
	}
}
