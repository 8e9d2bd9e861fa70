package linkspan_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The tests of this file hold rules of the hazard log and the threat model
// (docs/safety) that no run of the product can show: what its source must not
// have. A planted fault cannot reach them, for they read the tree itself.

// pure are the packages that carry a record: between two patients they keep
// nothing, and no value of one goes through a Go number or instant.
var pure = []string{"record", "mapping", "xmlio", "pairs", "pairs/system", "pairs/emisweb", "pairs/emisweb/internal/medicalrecord", "pairs/systmone", "pairs/internal/openhr"}

// source parses the product's Go files of one folder.
func source(t *testing.T, folder string) map[string]*ast.File {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	require.NoError(t, err)
	parsed := map[string]*ast.File{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if os.IsNotExist(err) {
			continue
		}
		require.NoError(t, err)
		parsed[file], err = parser.ParseFile(token.NewFileSet(), file, text, 0)
		require.NoError(t, err)
	}
	require.NotEmpty(t, parsed, folder)
	return parsed
}

// variables are the names of a package's variables.
func variables(files map[string]*ast.File) map[string]bool {
	names := map[string]bool{}
	for _, file := range files {
		for _, d := range file.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
				for _, spec := range g.Specs {
					for _, name := range spec.(*ast.ValueSpec).Names {
						names[name.Name] = true
					}
				}
			}
		}
	}
	return names
}

// changes yields the identifiers a function writes to: the leftmost name of
// what is assigned, counted up or has its address taken.
func changes(body ast.Node, each func(*ast.Ident)) {
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, left := range n.Lhs {
				if name := leftmost(left); name != nil && n.Tok != token.DEFINE {
					each(name)
				}
			}
		case *ast.IncDecStmt:
			if name := leftmost(n.X); name != nil {
				each(name)
			}
		case *ast.UnaryExpr:
			if name := leftmost(n.X); name != nil && n.Op == token.AND {
				each(name)
			}
		}
		return true
	})
}

func leftmost(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// readOnly are variables whose address is taken and which nobody writes to, by
// file and name, with the reason.
var readOnly = map[string]string{
	"pairs/emisweb/internal/medicalrecord bridge": "the author of the lines the bridge adds; a person is pointed at and never changed",
}

// H-03: no codec remembers anything of one patient for the next.
func TestCodecsKeepNoState(t *testing.T) {
	for _, folder := range pure {
		files := source(t, folder)
		names := variables(files)
		for name, file := range files {
			for _, d := range file.Decls {
				f, ok := d.(*ast.FuncDecl)
				if !ok || f.Body == nil {
					continue
				}
				require.NotEqual(t, "init", f.Name.Name, name)
				changes(f.Body, func(written *ast.Ident) {
					// A name declared inside is another variable.
					local := written.Obj != nil && written.Obj.Pos() > f.Pos() && written.Obj.Pos() < f.End()
					if !local && readOnly[folder+" "+written.Name] == "" {
						require.False(t, names[written.Name], "%s: %s changes %s, which outlives the call", name, f.Name.Name, written.Name)
					}
				})
			}
		}
	}
}

// uses reports every selector of a package, "time.Time", in a folder.
func uses(t *testing.T, folder string, each func(file, selector string)) {
	for name, file := range source(t, folder) {
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if of, ok := s.X.(*ast.Ident); ok {
					each(name, of.Name+"."+s.Sel.Name)
				}
			}
			return true
		})
	}
}

// instants are the files in which a time.Time may stand, with what it is.
var instants = map[string]string{
	"record/date.go":                  "bounds the bridge works out itself",
	"mapping/days.go":                 "the day of translation, and no clinical date",
	"pairs/message.go":                "when the bridge wrote a message",
	"pairs/system/system.go":          "when a message was written, and how often an endpoint may be asked",
	"pairs/emisweb/emisweb.go":        "when a message was written, and the validity of certificates",
	"pairs/systmone/systmone.go":      "the throttle of its endpoint",
	"pairs/emisweb/signature.go":      "the validity of certificates",
	"pairs/emisweb/envelope.go":       "when the envelope was written",
	"pairs/internal/openhr/encode.go": "when the document was written",
}

// H-15, H-20: quantities, results and dates are never Go numbers or instants.
// A parsed float may judge a number's form, in one place, and is thrown away.
func TestNoNumbersWhereTheyCouldHurt(t *testing.T) {
	for _, folder := range []string{"record", "pairs", "pairs/system", "pairs/emisweb", "pairs/emisweb/internal/medicalrecord", "pairs/systmone", "pairs/internal/openhr"} {
		for name, file := range source(t, folder) {
			ast.Inspect(file, func(n ast.Node) bool {
				if id, ok := n.(*ast.Ident); ok {
					require.NotContains(t, []string{"float32", "float64", "complex64", "complex128"}, id.Name, "%s: a number that cannot hold every decimal", name)
				}
				if a, ok := n.(*ast.AssignStmt); ok && len(a.Rhs) == 1 {
					if call, ok := a.Rhs[0].(*ast.CallExpr); ok {
						if s, ok := call.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "ParseFloat" {
							first, ok := a.Lhs[0].(*ast.Ident)
							require.True(t, ok && first.Name == "_", "%s: a number is read as a float and kept", name)
						}
					}
				}
				return true
			})
		}
		uses(t, folder, func(file, selector string) {
			switch selector {
			case "time.Now", "time.Local", "time.Time", "time.Parse", "time.ParseInLocation", "time.Date", "time.LoadLocation":
				require.NotEmpty(t, instants[filepath.ToSlash(file)], "%s: %s, where clinical dates are", file, selector)
			}
		})
	}
}

// T-35: no buffer that may hold a record is used for another.
func TestNoPoolsOfPatientData(t *testing.T) {
	for _, file := range files(t) {
		if filepath.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if os.IsNotExist(err) {
			continue
		}
		require.NoError(t, err)
		require.NotContains(t, string(text), "sync.Pool", file)
	}
}

// T-02: nothing takes a certificate without looking at it. The word itself may
// not stand in the product, in code or in a comment, however it is set; there is
// no exception, so there is no list of them.
func TestCertificatesAreLookedAt(t *testing.T) {
	looked := 0
	for _, file := range files(t) {
		if filepath.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if os.IsNotExist(err) {
			continue
		}
		require.NoError(t, err)
		require.NotRegexp(t, `(?i)insecure_?skip_?verify`, string(text), file)
		looked++
	}
	require.Greater(t, looked, 100)
}

// T-16: the reader of XML has no way to open a file or an address.
func TestTheReaderOpensNothing(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{join .Deps " "}}`, "./xmlio").Output()
	require.NoError(t, err)
	for _, imported := range strings.Fields(string(out)) {
		require.NotContains(t, []string{"net", "net/http", "os/exec", "syscall/js", "plugin"}, imported)
	}
	for name, file := range source(t, "xmlio") {
		for _, i := range file.Imports {
			require.NotContains(t, []string{`"os"`, `"io/fs"`, `"net"`, `"net/http"`, `"encoding/xml"`}, i.Path.Value, name)
		}
	}
}

// T-13: no setting, file or option turns the audit off.
func TestNoSettingTurnsTheAuditOff(t *testing.T) {
	off := regexp.MustCompile(`(?i)(disable|skip|no|without|off)_?audit|audit_?(off|disable|enabled|on)\b`)
	for _, folder := range []string{"bridge", "bridge/audit", "bridge/governance", "cmd/linkspan"} {
		for name, file := range source(t, folder) {
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.Field:
					for _, id := range n.Names {
						require.NotRegexp(t, off, id.Name, "%s: a field", name)
					}
					if n.Tag != nil {
						require.NotRegexp(t, off, n.Tag.Value, "%s: a setting", name)
					}
				case *ast.BasicLit:
					if n.Kind == token.STRING {
						require.NotRegexp(t, off, strings.ReplaceAll(n.Value, " ", "-"), "%s: a word", name)
					}
				}
				return true
			})
		}
	}
}
