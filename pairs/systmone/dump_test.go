package systmone

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/record"
)

// dump writes a record as lines, one for each value that is set, an entry by
// its number where one points at another: what two records are compared by.
// Positions are left out, for they differ between layouts of one message.
func dump(rec *record.Record) string {
	d := dumper{index: map[*record.Entry]int{}}
	for i, e := range rec.Entries {
		d.index[e] = i
	}
	d.value("patient", reflect.ValueOf(rec.Patient))
	for i, e := range rec.Entries {
		v := *e
		v.At = ""
		d.value(fmt.Sprintf("%d", i), reflect.ValueOf(v))
	}
	return d.b.String()
}

// sameRecord compares two dumps and shows the lines that differ.
func sameRecord(t testing.TB, want, got string) {
	if want == got {
		return
	}
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			require.Equal(t, strings.Join(w[i:min(i+6, len(w))], "\n"), strings.Join(g[i:min(i+6, len(g))], "\n"))
		}
	}
	require.Len(t, g, len(w))
}

type dumper struct {
	b     strings.Builder
	index map[*record.Entry]int
}

func (d *dumper) value(path string, v reflect.Value) {
	switch x := v.Interface().(type) {
	case *record.Entry:
		if x != nil {
			fmt.Fprintf(&d.b, "%s = #%d\n", path, d.index[x])
		}
		return
	case record.Date:
		if !x.IsZero() {
			fmt.Fprintf(&d.b, "%s = %s\n", path, x)
		}
		return
	case record.NHSNumber:
		fmt.Fprintf(&d.b, "%s = %s\n", path, x.Digits())
		return
	case record.Kind:
		fmt.Fprintf(&d.b, "%s = %s\n", path, x)
		return
	case record.Outcome:
		if x != record.Pending {
			fmt.Fprintf(&d.b, "%s = %s\n", path, x)
		}
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			d.value(path, v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				d.value(path+"."+f.Name, v.Field(i))
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			d.value(fmt.Sprintf("%s[%d]", path, i), v.Index(i))
		}
	default:
		if !v.IsZero() {
			fmt.Fprintf(&d.b, "%s = %q\n", path, fmt.Sprint(v.Interface()))
		}
	}
}
