package medicalrecord

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// omissions are the paths README.md lists as not carried. "**/" stands for any
// way down; a listed path covers what is below it.
func omissions(t *testing.T) []string {
	t.Helper()
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	_, section, ok := strings.Cut(string(readme), "\n## Omissions\n")
	require.True(t, ok)
	section, _, _ = strings.Cut(section, "\n## ")
	var out []string
	for line := range strings.SplitSeq(section, "\n") {
		if rest, ok := strings.CutPrefix(line, "- `"); ok {
			path, reason, ok := strings.Cut(rest, "`: ")
			require.True(t, ok && reason != "", line)
			out = append(out, path)
		}
	}
	return out
}

func omitted(list []string, path string) string {
	for _, o := range list {
		suffix, anywhere := strings.CutPrefix(o, "**/")
		if path == o || strings.HasPrefix(path, o+"/") ||
			anywhere && (strings.HasSuffix(path, "/"+suffix) || strings.Contains(path, "/"+suffix+"/")) {
			return o
		}
	}
	return ""
}

// markers are values no document has by chance: what an element says must show
// in the record for one of them, as its type allows.
var markers = []string{"Wrasse&lt;9", "7654321", "09/08/1907", "NHS003", "07:53:19"}

// minimal builds the smallest document that holds the element at path with a
// value, and refers to what is read only when something refers to it.
func minimal(path, value string) string {
	steps := strings.Split(strings.TrimPrefix(path, Root+"/"), "/")
	leaf := steps[len(steps)-1]
	key, own := "<RefID>1</RefID>", len(steps) == 3 && (leaf == "RefID" || leaf == "DBID" || leaf == "GUID" || leaf == "RefId")
	if own {
		key = "<" + leaf + ">" + value + "</" + leaf + ">"
	}
	var registration, around string
	inside := ""
	switch steps[0] {
	case "PeopleList":
		registration = "<RegisteredGpID>" + key + "</RegisteredGpID>"
	case "LocationList":
		around = "<Originator><Organisation>" + key + "</Organisation></Originator>"
	case "LocationTypeList":
		around = "<Originator><Organisation><RefID>1</RefID></Organisation></Originator><LocationList><Location><RefID>1</RefID>" +
			"<LocationTypeID>" + key + "</LocationTypeID></Location></LocationList>"
		if leaf != "Description" {
			inside = "<Description>found</Description>"
		}
	case "PolicyList":
		registration = "<PolicyId>1</PolicyId>"
		if own {
			registration, inside = "<PolicyId>"+value+"</PolicyId>", "<Term>found</Term>"
		}
		key = strings.ReplaceAll(key, "RefID", "RefId")
	case "Originator":
		around = "<LocationList><Location>" + "<" + leaf + ">" + value + "</" + leaf + ">" + "<LocationName>found</LocationName></Location></LocationList>"
	}
	switch steps[0] {
	case "PeopleList", "LocationList", "LocationTypeList", "PolicyList":
		if !own {
			inside += key
		}
	}
	content := "<" + leaf + ">" + value + "</" + leaf + ">"
	if leaf == "TimeCreated" {
		content += "<DateCreated>09/08/1907</DateCreated>"
	}
	if name, attribute := strings.CutPrefix(leaf, "@"); attribute {
		content = ""
		steps = steps[:len(steps)-1]
		if len(steps) == 0 {
			return `<MedicalRecord xmlns="` + Namespace + `" ` + name + `="` + value + `"><Registration/></MedicalRecord>`
		}
	} else {
		steps = steps[:len(steps)-1]
	}
	for i := len(steps) - 1; i >= 0; i-- {
		if i == 1 {
			content += inside
		}
		if i == 0 && steps[0] == "Registration" {
			return `<MedicalRecord xmlns="` + Namespace + `"><Registration>` + content + `</Registration></MedicalRecord>`
		}
		content = "<" + steps[i] + ">" + content + "</" + steps[i] + ">"
	}
	return `<MedicalRecord xmlns="` + Namespace + `"><Registration>` + registration + `</Registration>` + content + around + `</MedicalRecord>`
}

// shown says whether what the element says can be found in the record.
func shown(t *testing.T, path string) bool {
	t.Helper()
	for _, marker := range markers {
		rec, err := decode([]byte(minimal(path, marker)))
		if refusal := (*MessagingError)(nil); errors.As(err, &refusal) {
			return refusal.Words+refusal.Number == strings.ReplaceAll(marker, "&lt;", "<")
		}
		require.NoError(t, err, "%s\n%s", path, minimal(path, marker))
		want := strings.ReplaceAll(marker, "&lt;", "<")
		found := strings.HasPrefix(path, "MedicalRecord/LocationTypeList") || strings.HasPrefix(path, "MedicalRecord/PolicyList") ||
			strings.HasPrefix(path, "MedicalRecord/Originator")
		for _, line := range flat(rec) {
			_, value, _ := strings.Cut(line, " = ")
			if strings.Contains(value, want) || want == "09/08/1907" && strings.Contains(value, "1907-08-09") || found && value == "found" {
				return true
			}
		}
	}
	return false
}

// TestEveryElementIsCarriedOrListed walks every path of the schema.
func TestEveryElementIsCarriedOrListed(t *testing.T) {
	list := omissions(t)
	file, err := os.ReadFile(repo + "/testdata/coverage/medicalrecord-paths.txt")
	require.NoError(t, err)
	paths := strings.Fields(string(file))
	require.Greater(t, len(paths), 4000)
	inner := map[string]bool{}
	for _, p := range paths {
		for i := strings.LastIndexByte(p, '/'); i > 0; i = strings.LastIndexByte(p[:i], '/') {
			inner[p[:i]] = true
		}
	}
	used := map[string]bool{}
	var lost []string
	for _, p := range paths {
		if inner[p] {
			continue
		}
		if o := omitted(list, p); o != "" {
			used[o] = true
		} else if !shown(t, p) {
			lost = append(lost, p)
		}
	}
	require.Empty(t, lost, "neither carried nor listed under Omissions: %s", strings.Join(lost, "\n"))
	for _, o := range list {
		require.True(t, used[o], "README.md lists %s, which the schema does not have", o)
	}
}
