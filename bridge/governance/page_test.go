package governance_test

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/linkspan/linkspan/bridge/governance"
	"github.com/linkspan/linkspan/record"
)

// TestPage reads the examples of docs/agreement.md as the daemon would, and
// wants every setting, claim and word to stand there.
func TestPage(t *testing.T) {
	text, err := os.ReadFile("../../docs/agreement.md")
	require.NoError(t, err)
	page := string(text)
	example := func(language string) string {
		found := regexp.MustCompile("(?ms)^```" + language + "\n(.*?)^```$").FindStringSubmatch(page)
		require.Len(t, found, 2)
		return found[1]
	}
	a, err := governance.Read(strings.NewReader(example("json")))
	require.NoError(t, err)
	require.True(t, a.Links())
	dir := t.TempDir()
	writeFile(t, dir, "sensitive.tsv", example("tsv"))
	_, err = a.LoadExclusions(dir)
	require.NoError(t, err)

	q := asking("emisweb", record.AllSections)
	q.Given.Purpose = ""
	d, err := a.Decide(q)
	require.NoError(t, err, strings.Join(d.Checks, "\n"))
	require.Equal(t, record.SectionsOf(record.Demographics, record.Problems, record.Medication, record.Allergies, record.Observations), d.Sections)
	d, err = a.Decide(asking("systmone", record.AllSections))
	require.NoError(t, err, strings.Join(d.Checks, "\n"))
	require.Equal(t, record.AllSections, d.Sections)
	require.NoError(t, a.Relate(&record.Patient{Standing: record.Registered}, &d))

	var named func(reflect.Type)
	named = func(of reflect.Type) {
		switch of.Kind() {
		case reflect.Map, reflect.Slice, reflect.Pointer:
			named(of.Elem())
		case reflect.Struct:
			for i := range of.NumField() {
				if tag, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ","); tag != "" && tag != "sides" {
					require.Contains(t, page, "`"+tag+"`")
					named(of.Field(i).Type)
				}
			}
		}
	}
	named(reflect.TypeFor[governance.Agreement]())
	named(reflect.TypeFor[governance.Side]())
	words := append(governance.Reasons(), "user", "user_name", "role", "activities", "organisation", "device", "purpose", "relationship", "consent", "break_glass",
		governance.PatientPresent, governance.Carer, governance.Remote, governance.Emergency, governance.Legal, governance.NotObtained, governance.Refused,
		governance.Registered, governance.Referred, governance.Workgroup, governance.DirectCare)
	for _, word := range words {
		require.Contains(t, page, "`"+word+"`")
	}
}
