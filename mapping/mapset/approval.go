package mapset

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/text/unicode/norm"

	"github.com/linkspan/linkspan/mapping"
)

// Approval is what a person signs: the facts of one table, who they are, and why they are content.
type Approval struct {
	Table    Facts
	Approver string // the name of the key
	Role     string
	Date     time.Time
	Words    string // a hazard reference or the reason
}

// approvalTitle is the first line of every note, so that a signature under one can never be taken for anything else.
const approvalTitle = "linkspan table approval 1"

// text is the one form an approval is signed in.
func (a Approval) text() string {
	return approvalTitle +
		"\ntable: " + a.Table.ID +
		"\nversion: " + a.Table.Version +
		"\nsha256: " + a.Table.SHA256 +
		"\nrows: " + strconv.Itoa(a.Table.Rows) +
		"\nrows for allergies or medication: " + strconv.Itoa(a.Table.Strict) +
		"\nauthor: " + a.Table.Author +
		"\napprover: " + a.Approver +
		"\nrole: " + a.Role +
		"\ndate: " + a.Date.UTC().Format(time.RFC3339) +
		"\nwords: " + a.Words + "\n"
}

// readApproval is the reverse of text. A text that is not byte for byte what text writes is refused.
func readApproval(text string) (Approval, error) {
	var a Approval
	rest, ok := strings.CutPrefix(text, approvalTitle)
	if !ok {
		return a, errors.New("not the approval of a table")
	}
	var rows, strict, date string
	for _, field := range []struct {
		name string
		to   *string
	}{
		{"table", &a.Table.ID}, {"version", &a.Table.Version}, {"sha256", &a.Table.SHA256}, {"rows", &rows},
		{"rows for allergies or medication", &strict}, {"author", &a.Table.Author}, {"approver", &a.Approver},
		{"role", &a.Role}, {"date", &date}, {"words", &a.Words},
	} {
		if rest, ok = strings.CutPrefix(rest, "\n"+field.name+": "); !ok {
			return a, fmt.Errorf("no line %q where one belongs", field.name)
		}
		end := strings.IndexByte(rest, '\n')
		if end < 0 {
			return a, errors.New("cut short")
		}
		*field.to, rest = rest[:end], rest[end:]
	}
	var errs [3]error
	a.Table.Rows, errs[0] = strconv.Atoi(rows)
	a.Table.Strict, errs[1] = strconv.Atoi(strict)
	a.Date, errs[2] = time.Parse(time.RFC3339, date)
	if errors.Join(errs[:]...) != nil || a.text() != text {
		return a, errors.New("not in the form approvals are written in")
	}
	return a, nil
}

// Key makes a key pair for a person who approves tables. The private key stays with the person; the public one goes into
// the agreement. The name may be written with dots or hyphens for spaces: "Jane.Smith" is the author "Jane Smith".
func Key(name string) (private, public string, err error) {
	if err := keyName(name); err != nil {
		return "", "", err
	}
	private, public, err = note.GenerateKey(rand.Reader, name)
	if err != nil {
		return "", "", fmt.Errorf("mapset: key: %w", err)
	}
	return private, public, nil
}

// keyName refuses a name that could not stand in the name of a note's file.
func keyName(name string) error {
	if name == "" || len(name) > 40 || name[0] == '.' || strings.ContainsFunc(name, func(r rune) bool {
		return r >= 0x80 || !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '.' && r != '-' && r != '_'
	}) {
		return errors.New(`mapset: key: a name is up to 40 of A-Z, a-z, 0-9, ".", "-" and "_", such as jane.smith`)
	}
	return nil
}

// Public is the public key that belongs to a private one: what the agreement lists.
func Public(private string) (string, error) {
	signer, err := note.NewSigner(strings.TrimSpace(private))
	if err != nil {
		return "", errors.New("mapset: not a private key of linkspan tables key") // the text could hold the key
	}
	parts := strings.SplitN(strings.TrimSpace(private), "+", 5) // PRIVATE+KEY+name+hash+key
	if len(parts) != 5 {
		return "", errors.New("mapset: not a private key of linkspan tables key")
	}
	key, err := base64.StdEncoding.DecodeString(parts[4])
	if err != nil || len(key) != 1+ed25519.SeedSize {
		return "", errors.New("mapset: not a private key of linkspan tables key")
	}
	public := ed25519.NewKeyFromSeed(key[1:]).Public().(ed25519.PublicKey)
	return note.NewEd25519VerifierKey(signer.Name(), public)
}

// Approving is how a person approves one table file.
type Approving struct {
	Key   string // private, as Key made it
	Role  string // as the agreement states it for this key
	Words string // a hazard reference or the reason
	At    time.Time
	// SHA256 is that of the file the person looked at; where it is given, no other file is approved.
	SHA256 string
}

// Approve signs a draft and writes the note beside it. A table with faults is not signed. The author cannot approve:
// the refusal here is a courtesy, the one at activation counts.
func Approve(file string, a Approving) (Approval, string, []mapping.Fault, error) {
	signer, err := note.NewSigner(strings.TrimSpace(a.Key))
	if err != nil {
		return Approval{}, "", nil, errors.New("mapset: approve: not a private key of linkspan tables key")
	}
	if err := keyName(signer.Name()); err != nil {
		return Approval{}, "", nil, err
	}
	for what, line := range map[string]string{"role": a.Role, "words": a.Words} {
		if strings.TrimSpace(line) == "" || strings.ContainsFunc(line, unicode.IsControl) {
			return Approval{}, "", nil, fmt.Errorf("mapset: approve: %s: one line is needed", what)
		}
	}
	if !tableFile(filepath.Base(file)) {
		return Approval{}, "", nil, fmt.Errorf("mapset: approve: the file of a table ends in .tsv and has a name of at most %d characters", maxFileName)
	}
	facts, faults := ReadFacts(file)
	if len(faults) > 0 {
		return Approval{}, "", faults, nil
	}
	if faults := authorFault(file, facts.Author); len(faults) > 0 {
		return Approval{}, "", faults, nil
	}
	switch {
	case a.SHA256 != "" && a.SHA256 != facts.SHA256:
		return Approval{}, "", nil, errors.New("mapset: approve: the file has changed since it was looked at")
	case wrote(facts.Author, signer.Name()):
		return Approval{}, "", nil, errors.New("mapset: approve: the author of a table cannot approve it")
	}
	approval := Approval{Table: facts, Approver: signer.Name(), Role: strings.TrimSpace(a.Role), Date: a.At.UTC().Truncate(time.Second), Words: strings.TrimSpace(a.Words)}
	signed, err := note.Sign(&note.Note{Text: approval.text()}, signer)
	if err != nil {
		return Approval{}, "", nil, fmt.Errorf("mapset: approve: %w", err)
	}
	name := file + "." + signer.Name() + ".note"
	if err := replaceFile(name, signed, 0o644); err != nil {
		return Approval{}, "", nil, fmt.Errorf("mapset: approve: %w", err)
	}
	return approval, name, nil, nil
}

// ReadFacts tells the facts of one table file, for a person about to approve it.
func ReadFacts(file string) (Facts, []mapping.Fault) {
	r := reader{dir: filepath.Dir(file), policy: Policy{}}
	t := r.table(filepath.Base(file))
	return t.facts, r.faults
}

// authorFault refuses a table of which nobody could tell whose it is; nil where one can.
func authorFault(file, author string) []mapping.Fault {
	switch {
	case person(author) == "":
		return []mapping.Fault{{File: file, What: "no header author", Why: "nobody may approve their own table, so it must say whose it is",
			Mend: `add "# author: <name>" above the header row`}}
	case strings.ContainsFunc(author, func(r rune) bool { return unicode.IsLetter(r) && !unicode.Is(unicode.Latin, r) }):
		return []mapping.Fault{{File: file, What: "a header author in another alphabet", Why: "nobody may approve their own table, and names that only look alike pass for two people",
			Mend: "write the name in Latin letters, as the agreement does"}}
	}
	return nil
}

// readNote reads the bytes of one note file, or says why not.
func readNote(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, errors.New("it cannot be read")
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxNote+1))
	if err != nil || len(data) > maxNote {
		return nil, errors.New("it cannot be read")
	}
	return data, nil
}

// verify reports whose approval a note is, or why it does not count for the table.
func (p Policy) verify(data []byte, table Facts) (Approval, Approver, error) {
	none := errors.New("it is not signed by anybody the agreement names")
	text := signedText(data)
	a, err := readApproval(text)
	if err != nil {
		return a, Approver{}, err
	}
	for _, person := range p.Approvers {
		verifier, err := note.NewVerifier(person.Key)
		if err != nil || verifier.Name() != a.Approver {
			continue // a key that is none is a fault of the policy
		}
		opened, err := note.Open(data, note.VerifierList(verifier))
		if err != nil || opened.Text != text {
			none = errors.New("the signature does not hold under the key the agreement names: the note was changed, or the key")
			continue
		}
		return a, person, holds(a, person, table)
	}
	return a, Approver{}, none
}

// holds compares a signed approval with the table it lies beside.
func holds(a Approval, person Approver, table Facts) error {
	switch {
	case a.Table.SHA256 != table.SHA256:
		return errors.New("the table was changed after it was signed")
	case a.Table != table:
		return errors.New("it states other facts than the table's")
	case a.Role != strings.TrimSpace(person.Role):
		return errors.New("the role is not the one the agreement states")
	case wrote(table.Author, a.Approver):
		return errors.New("its signer is the author of the table")
	}
	return nil
}

// signedText is what stands above the signatures of a note, unverified.
func signedText(data []byte) string {
	text, _, _ := strings.Cut(string(data), "\n\n")
	return text + "\n"
}

// faults are what is wrong with the policy itself, before any table is looked at.
func (p Policy) faults(dir string) []mapping.Fault {
	var faults []mapping.Fault
	if p.Live && len(p.Approvers) == 0 {
		faults = append(faults, mapping.Fault{File: dir, What: "nobody may approve tables", Why: "in live no table acts without a signed approval",
			Mend: "name the keys of linkspan tables key under approvers in the agreement"})
	}
	for i, a := range p.Approvers {
		if _, err := note.NewVerifier(a.Key); err != nil {
			faults = append(faults, mapping.Fault{File: dir, What: fmt.Sprintf("approver %d of the agreement has no valid key", i+1),
				Why: "the person's approvals cannot be verified", Mend: "put the public key of linkspan tables key under approvers in the agreement"})
		}
	}
	return faults
}

// wrote reports whether a person is one of the authors a header names: by the same name in whatever spelling, by the
// name turned round ("Smith, Jane"), or by all of two or more names among others ("Dr Jane Smith").
func wrote(authors, name string) bool {
	name = person(name)
	several := strings.Contains(name, " ")
	split := func(r rune) bool { return strings.ContainsRune(";&/+", r) }
	for _, author := range strings.FieldsFunc(strings.ReplaceAll(" "+authors+" ", " and ", ";"), split) {
		pieces := strings.Split(author, ",")
		for i, piece := range pieces {
			if names := person(piece); names == name || several && among(names, name) {
				return true
			}
			if i > 0 && person(piece)+" "+person(pieces[i-1]) == name {
				return true
			}
		}
	}
	return false
}

// among reports whether each word of name is one of the words of names.
func among(names, name string) bool {
	words := strings.Fields(names)
	return !slices.ContainsFunc(strings.Fields(name), func(word string) bool { return !slices.Contains(words, word) })
}

// person brings a name into the one form names are compared in: lower case, without accents, without an address or the
// host of one; runs of anything but letters and digits as one space.
func person(name string) string {
	name, _, _ = strings.Cut(name, "<")
	name, _, _ = strings.Cut(name, "@")
	var plain strings.Builder
	for _, r := range norm.NFKD.String(name) {
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			plain.WriteRune(unicode.ToLower(r))
		case !unicode.Is(unicode.Mn, r):
			plain.WriteByte(' ')
		}
	}
	return strings.Join(strings.Fields(plain.String()), " ")
}
