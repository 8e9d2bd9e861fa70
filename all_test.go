// Package linkspan_test holds what is true of the whole tree: who may import
// whom, how long a file may be, what may not stand in it.
package linkspan_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/linkspan/linkspan/"

// policy is the table of allowed imports: ours, and beside the standard
// library. Imports run one way: cmd, bridge, pairs, systems, record, mapping,
// xmlio.
var policy = map[string]struct {
	ours, others []string
	why          string
}{
	"xmlio":                                {nil, []string{"golang.org/x/text"}, "the reader must be replaceable, so it knows nothing"},
	"mapping":                              {nil, nil, "tables know no system and no record"},
	"mapping/internal/delimited":           {nil, nil, "rows and cells, whatever they mean"},
	"mapping/internal/dmd":                 {nil, nil, "records of dm+d, whoever wants them"},
	"mapping/formats":                      {[]string{"mapping", "mapping/internal/delimited", "mapping/internal/dmd"}, nil, "offline: it makes tables, and only the command line imports it"},
	"mapping/dictionary":                   {[]string{"mapping", "mapping/internal/delimited", "mapping/internal/dmd"}, nil, "the site's words; no table, and no record"},
	"mapping/traffic":                      {[]string{"mapping"}, nil, "codes and counts; no record, so that no patient data can get in"},
	"mapping/mapset":                       {[]string{"mapping"}, []string{"golang.org/x/mod", "golang.org/x/sys", "golang.org/x/text"}, "files and signatures; no NATS and no clock"},
	"record":                               {[]string{"mapping", "xmlio"}, []string{"golang.org/x/text"}, "the shape knows no system"},
	"pairs/system":                         {[]string{"record", "mapping", "xmlio"}, nil, "a declaration, no behaviour"},
	"pairs/internal/derived":               {nil, []string{"github.com/google/uuid"}, "identifiers, whatever has them"},
	"pairs/internal/openhr":                {[]string{"record", "mapping", "xmlio", "pairs/system", "pairs/internal/derived"}, []string{"github.com/google/uuid"}, "a document codec is pure"},
	"pairs/emisweb/internal/medicalrecord": {[]string{"record", "mapping", "xmlio", "pairs/system", "pairs/internal/derived"}, []string{"github.com/google/uuid"}, "a document codec is pure"},
	"pairs/emisweb": {[]string{"record", "mapping", "xmlio", "pairs/system", "pairs/internal/openhr", "pairs/emisweb/internal/medicalrecord"},
		[]string{"github.com/beevik/etree", "github.com/russellhaering/goxmldsig", "github.com/google/uuid"}, "no system imports another, nor NATS, a logger or a clock"},
	"pairs/guru/internal/ehrextract": {[]string{"record", "mapping", "xmlio", "pairs/system", "pairs/internal/derived"}, []string{"github.com/google/uuid"}, "a document codec is pure"},
	"pairs/guru":                     {[]string{"record", "mapping", "xmlio", "pairs/system", "pairs/guru/internal/ehrextract", "pairs/guru/internal/myrecord"}, []string{"github.com/google/uuid"}, "no system imports another, nor NATS, a logger or a clock"},
	"pairs/guru/internal/myrecord":   {[]string{"record", "mapping", "xmlio"}, nil, "a document codec is pure"},
	"pairs/mig":                      {[]string{"record", "mapping", "xmlio", "pairs/system", "pairs/internal/openhr"}, []string{"github.com/google/uuid"}, "no system imports another, nor NATS, a logger or a clock"},
	"pairs/vision":                   {[]string{"record", "mapping", "xmlio", "pairs/system"}, []string{"github.com/google/uuid"}, "no system imports another, nor NATS, a logger or a clock"},
	"pairs/systmone":                 {[]string{"record", "mapping", "xmlio", "pairs/system"}, []string{"github.com/google/uuid"}, "no system imports another, nor NATS, a logger or a clock"},
	"pairs":                          {[]string{"record", "mapping", "xmlio", "pairs/system", "pairs/emisweb", "pairs/systmone", "pairs/guru", "pairs/mig", "pairs/vision"}, nil, "pure: offline and online are one code"},
	"pairs/coverage":                 {[]string{"record", "mapping", "mapping/traffic", "xmlio", "pairs"}, nil, "pure: counts, and no patient data"},
	"pairs/view":                     {[]string{"record", "mapping", "pairs"}, nil, "a page for people; nothing depends on it but the command line"},
	"bridge/governance":              {[]string{"record"}, []string{"golang.org/x/mod/sumdb/note"}, "decides on who and what, never on codes"},
	"bridge/admit":                   {[]string{"record"}, []string{"golang.org/x/sys"}, "remembers who asked how often, and nothing of any message"},
	"bridge/audit":                   {nil, []string{"golang.org/x/sys", "golang.org/x/mod/sumdb"}, "the log depends on nothing it records"},
	"bridge/certs":                   {[]string{"bridge/secret"}, []string{"github.com/fsnotify/fsnotify"}, "who is trusted; carries nothing"},
	"bridge/certs/certstest":         {[]string{"bridge/certs"}, nil, "for tests alone"},
	"bridge/metrics":                 {[]string{"bridge/status"}, []string{"github.com/prometheus"}, "what Prometheus reads; knows counts and times"},
	"bridge/status":                  {nil, nil, "counts and times; knows neither what carried them nor what shows them"},
	"bridge/console":                 {[]string{"bridge/status"}, nil, "shows a link, whatever made it; asks for nothing"},
	"bridge/trace":                   {nil, nil, "one header, whatever carries it"},
	"bridge/secret":                  {nil, []string{"golang.org/x/sys"}, "reads key files and keeps none"},
	"bridge/natsd":                   {nil, []string{"github.com/nats-io", "github.com/google/uuid"}, "the one place that links the NATS server"},
	"bridge/spine":                   {[]string{"record", "bridge/trace"}, []string{"github.com/nats-io", "github.com/klauspost/compress", "github.com/google/uuid"}, "roles talk without knowing what they say"},
	"bridge/wire":                    {[]string{"record", "pairs/system", "xmlio", "bridge/trace"}, []string{"github.com/sony/gobreaker/v2"}, "generic over the wire a system declares"},
	"bridge/tablesync":               {[]string{"mapping/mapset"}, []string{"github.com/nats-io/nats.go", "github.com/klauspost/compress"}, "carries sets; reads none"},
	"bridge/standin":                 {[]string{"record", "pairs/system", "bridge/wire"}, []string{"github.com/beevik/etree", "github.com/google/uuid", "github.com/russellhaering/goxmldsig"}, "a stand-in checks by itself, never with the product's codec"},
	"bridge": {[]string{"record", "mapping", "xmlio", "pairs", "pairs/system", "mapping/dictionary", "mapping/mapset", "mapping/traffic",
		"bridge/admit", "bridge/certs", "bridge/console", "bridge/secret", "bridge/governance", "bridge/audit", "bridge/metrics", "bridge/natsd", "bridge/spine", "bridge/status", "bridge/tablesync", "bridge/trace", "bridge/wire"},
		[]string{"github.com/nats-io/nats.go", "go.uber.org/zap", "github.com/google/uuid", "github.com/kelseyhightower/envconfig", "github.com/fsnotify/fsnotify"}, "the running link"},
	"cmd/linkspan": {[]string{"record", "mapping", "pairs", "pairs/system", "pairs/coverage", "pairs/view", "mapping/formats", "mapping/dictionary", "mapping/traffic", "mapping/mapset", "bridge", "bridge/certs", "bridge/secret", "bridge/natsd", "bridge/status", "bridge/tablesync", "bridge/governance", "bridge/audit", "bridge/wire", "bridge/standin", "testdata"},
		[]string{"github.com/alecthomas/kong", "github.com/nats-io/nats.go", "go.uber.org/zap", "github.com/google/uuid"}, "signals, environment and exit codes"},
	"scripts/evidence": {[]string{"mapping"}, []string{"go.yaml.in/yaml/v3"}, "reads docs/safety and the tree; nothing depends on it"},
	"scripts/subjects": {[]string{"bridge"}, nil, "writes the page of subjects from the catalogue"},
	"scripts/matrix":   {[]string{"mapping", "pairs"}, nil, "writes the pages of the pairs from the pairs"},
	"scripts/cluster":  {nil, []string{"github.com/nats-io/nats.go"}, "starts programs; links none of them"},
	"scripts/package":  {nil, nil, "builds what is shipped; the binary itself tells it the rest"},
	"testdata":         {nil, nil, "data only"},
}

func TestImportsFollowThePolicy(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", "{{.ImportPath}}:{{join .Imports \" \"}}", "./...", "./testdata").Output()
	require.NoError(t, err)
	seen := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		path, imports, _ := strings.Cut(strings.TrimSpace(line), ":")
		name := strings.TrimPrefix(path+"/", module)
		name = strings.TrimSuffix(name, "/")
		if name == "" || path+"/" == module {
			continue
		}
		rule, ok := policy[name]
		require.True(t, ok, "%s has no row in the import policy", name)
		seen[name] = true
		for _, imported := range strings.Fields(imports) {
			require.True(t, allowed(rule.ours, rule.others, imported), "%s must not import %s: %s", name, imported, rule.why)
		}
	}
	for name := range policy {
		require.True(t, seen[name], "the policy has a row for %s, which does not exist", name)
	}
}

func allowed(ours, others []string, imported string) bool {
	if own, ok := strings.CutPrefix(imported, module); ok {
		for _, o := range ours {
			if own == o {
				return true
			}
		}
		return false
	}
	if !strings.Contains(strings.SplitN(imported, "/", 2)[0], ".") {
		return true
	}
	for _, o := range others {
		if imported == o || strings.HasPrefix(imported, o+"/") {
			return true
		}
	}
	return false
}

// files yields the project's own files, as git knows them.
func files(t *testing.T) []string {
	out, err := exec.Command("git", "ls-files", "-co", "--exclude-standard").Output()
	require.NoError(t, err)
	return strings.Fields(string(out))
}

func TestGoFilesStayReadable(t *testing.T) {
	for _, file := range files(t) {
		if filepath.Ext(file) != ".go" {
			continue
		}
		f, err := os.Open(file)
		if os.IsNotExist(err) {
			continue
		}
		require.NoError(t, err)
		lines := 0
		scan := bufio.NewScanner(f)
		scan.Buffer(nil, 1<<20)
		for scan.Scan() {
			lines++
		}
		require.NoError(t, f.Close())
		require.LessOrEqual(t, lines, 600, "%s is longer than 600 lines", file)
	}
}

var (
	unwanted = regexp.MustCompile(`\bt\.Skip|time\.Sleep\(|\bTODO\b|\bFIXME\b|testify/assert|^func init\(\)`)
	number   = regexp.MustCompile(`\b\d{10}\b`)
)

// What never stands in the project's code: skipped tests, sleeps, notes to
// self.
func TestNoSkipsSleepsOrNotesToSelf(t *testing.T) {
	for _, file := range files(t) {
		if filepath.Ext(file) != ".go" || file == "all_test.go" {
			continue
		}
		text, err := os.ReadFile(file)
		if os.IsNotExist(err) {
			continue
		}
		require.NoError(t, err)
		n := 0
		for line := range strings.Lines(string(text)) {
			n++
			require.False(t, unwanted.MatchString(line), "%s:%d: %s", file, n, strings.TrimSpace(line))
		}
	}
}

// Every number that could be an NHS number is a fictional one.
func TestOnlyFictionalNHSNumbers(t *testing.T) {
	for _, file := range files(t) {
		if file == "go.sum" || filepath.Ext(file) == ".tsv" {
			continue
		}
		text, err := os.ReadFile(file)
		if os.IsNotExist(err) {
			continue
		}
		require.NoError(t, err)
		for _, digits := range number.FindAllString(string(text), -1) {
			if !strings.HasPrefix(digits, "999") {
				require.False(t, checks(digits), "%s holds a ten-digit number outside 999 that passes the NHS number check", file)
			}
		}
	}
}

func checks(digits string) bool {
	sum := 0
	for i := range 9 {
		sum += int(digits[i]-'0') * (10 - i)
	}
	check := (11 - sum%11) % 11
	return check != 10 && int(digits[9]-'0') == check
}
