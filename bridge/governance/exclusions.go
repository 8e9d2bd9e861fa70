package governance

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
)

// Exclusions is a set of codes whose entries are never released. It is a file of
// its own with an id and a version, and may be replaced at any time without a
// restart (safety IG-04):
//
//	# id: area-sensitive
//	# version: 2026-11
//	# rows: 2
//	scheme	code
//	readv2	1415%
//	snomed	1234561000000101
//
// A Read v2 code that ends in % stands for all that begin so, which in Read v2
// are all kinds of it. Term codes do not count: a code is excluded under each of
// its terms, in Read v2 and CTV3 with or without the dots that fill it up. A set
// without rows is right. The line "# rows" may be left out; with it a file that
// is only half written is never taken for the whole. Replace the file by renaming
// another over it.
//
// The zero value has not been loaded, and by it everything is withheld. An
// Exclusions may be used from any number of goroutines.
type Exclusions struct{ set atomic.Pointer[excludedCodes] }

type excludedCodes struct {
	id, version, digest string
	rows, said          int // counted, and as the header says; said is -1 where it does not
	codes               map[string]bool
	prefixes            []string // of Read v2
}

// maxExclusions bounds the text of a set, in bytes.
const maxExclusions = 16 << 20

// Load replaces the set. With an error, which lists every fault by its line, the
// set that was there stays.
func (x *Exclusions) Load(r io.Reader) error {
	text, err := io.ReadAll(io.LimitReader(r, maxExclusions+1))
	if err != nil {
		return fmt.Errorf("exclusions: %w", err)
	}
	if len(text) > maxExclusions {
		return fmt.Errorf("exclusions: longer than %d bytes", maxExclusions)
	}
	set, err := readExclusions(text)
	if err != nil {
		return fmt.Errorf("exclusions: %w", err)
	}
	x.set.Store(set)
	return nil
}

// Version names what is loaded: id, version and digest; "" before the first
// Load.
func (x *Exclusions) Version() string {
	set := x.set.Load()
	if set == nil {
		return ""
	}
	return set.name()
}

func (set *excludedCodes) name() string { return set.id + " " + set.version + " " + set.digest }

// Has reports that a code is excluded. Before the first Load every code is.
func (x *Exclusions) Has(scheme, code string) bool {
	set := x.set.Load()
	return set == nil || set.excludes(scheme, code)
}

func (set *excludedCodes) excludes(scheme, code string) bool {
	if set == nil || code == "" {
		return false
	}
	code = base(scheme, code)
	if set.codes[scheme+"|"+code] {
		return true
	}
	return scheme == "readv2" && slices.ContainsFunc(set.prefixes, func(prefix string) bool { return strings.HasPrefix(code, prefix) })
}

// base is a code without what is not part of the concept: the dots that fill it
// up and, for Read v2, a term code behind the five bytes.
func base(scheme, code string) string {
	switch scheme {
	case "readv2":
		return strings.TrimRight(code[:min(len(code), 5)], ".")
	case "ctv3":
		return strings.TrimRight(code, ".")
	}
	return code
}

// schemes are the names a row may have. A name nobody knows would exclude
// nothing and say nothing.
func schemes() []string {
	return []string{"readv2", "ctv3", "snomed", "dmd", "emis", "emis-drug", "multilex", "tpp"}
}

func readExclusions(text []byte) (*excludedCodes, error) {
	sum := sha256.Sum256(text)
	set := &excludedCodes{digest: hex.EncodeToString(sum[:]), said: -1, codes: map[string]bool{}}
	var faults []error
	headed := false
	lines := bufio.NewScanner(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimRight(lines.Text(), "\r")
		fault := func(what string) { faults = append(faults, fmt.Errorf("line %d: %s", n, what)) }
		switch {
		case strings.TrimSpace(line) == "":
		case strings.HasPrefix(line, "#"):
			set.header(line)
		case !headed:
			if headed = true; line != "scheme\tcode" {
				fault(`the first row is not "scheme<tab>code"`)
			}
		default:
			set.rows++
			if what := set.add(line); what != "" {
				fault(what)
			}
		}
	}
	if err := lines.Err(); err != nil {
		faults = append(faults, err)
	}
	if !bytes.HasSuffix(text, []byte("\n")) {
		faults = append(faults, errors.New("the last line does not end: the file is cut, or not yet whole"))
	}
	if set.said >= 0 && set.said != set.rows {
		faults = append(faults, fmt.Errorf("%d rows, and the header says %d", set.rows, set.said))
	}
	if !headed {
		faults = append(faults, errors.New(`no row "scheme<tab>code"`))
	}
	if set.id == "" {
		faults = append(faults, errors.New("no line \"# id: ...\""))
	}
	if set.version == "" {
		faults = append(faults, errors.New("no line \"# version: ...\""))
	}
	return set, errors.Join(faults...)
}

func (set *excludedCodes) header(line string) {
	name, value, _ := strings.Cut(strings.TrimLeft(line, "# "), ":")
	switch strings.TrimSpace(name) {
	case "id":
		set.id = strings.TrimSpace(value)
	case "version":
		set.version = strings.TrimSpace(value)
	case "rows":
		set.said, _ = strconv.Atoi(strings.TrimSpace(value))
	}
}

// add takes one row and says what is wrong with it.
func (set *excludedCodes) add(line string) string {
	scheme, code, ok := strings.Cut(line, "\t")
	switch {
	case !ok || strings.Contains(code, "\t"):
		return "not two columns"
	case !slices.Contains(schemes(), scheme):
		return fmt.Sprintf("no scheme %q", scheme)
	case code == "" || code != strings.TrimSpace(code):
		return "no code, or one with blanks around it"
	}
	prefix, every := strings.CutSuffix(code, "%")
	switch {
	case strings.Contains(prefix, "%"):
		return "% stands elsewhere than at the end"
	case every && (scheme != "readv2" || prefix == "" || strings.Contains(prefix, ".") || prefix != base(scheme, prefix)):
		return "% after what is no beginning of a Read v2 code"
	case every:
		set.prefixes = append(set.prefixes, prefix)
	default:
		set.codes[scheme+"|"+base(scheme, code)] = true
	}
	return ""
}

// LoadExclusions reads the exclusion codes of both sides from dir, the folder of
// the agreement. It may be called again at any time: a file that changed
// replaces its set at once and is named in changed with its version, and one
// with a fault leaves the set that was there. Until a set has been loaded its
// side releases nothing.
func (a *Agreement) LoadExclusions(dir string) (changed []string, err error) {
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(a.Sides)) {
		side := a.Sides[name]
		if side.excluded == nil {
			continue
		}
		before := side.excluded.Version()
		path := side.Exclusions
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		if err := side.excluded.loadFile(path); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", name, err))
			continue
		}
		if now := side.excluded.Version(); now != before {
			changed = append(changed, name+": "+now)
		}
	}
	return changed, errors.Join(faults...)
}

func (x *Exclusions) loadFile(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("exclusions: %w", err)
	}
	defer func() { _ = file.Close() }() // it was only read
	return x.Load(file)
}
