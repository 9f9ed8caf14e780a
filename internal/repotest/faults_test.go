package repotest_test

import (
	"go/ast"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// faultsListed is how many faults there are; they are numbered from 1.
const faultsListed = 317

// faultRow is a line of docs/faults.md: number, fault, tests, ring, note.
var faultRow = regexp.MustCompile(`^\| (\d+) \| ([^|]+) \| ([^|]+) \| ([a-z, 0-9]+) \|[^|]*\|$`)

// testFunc is a test as the sources have it.
type testFunc struct {
	ring  string // "unit", or the build tag that it needs
	skips bool
}

// TestFaults compares docs/faults.md with the tests there are: no number without a test, no test that is only a name, no ring that is
// another, and none in the repository that is skipped.
func TestFaults(t *testing.T) {
	tests := testsOfRepository(t)
	for name, test := range tests {
		if test.skips {
			t.Errorf("%s can be skipped: a test that does not run shows nothing", name)
		}
	}
	text, err := os.ReadFile("docs/faults.md")
	if err != nil {
		t.Fatal(err)
	}
	next := 1
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| #") {
			continue
		}
		row := faultRow.FindStringSubmatch(line)
		if row == nil || row[1] != strconv.Itoa(next) {
			t.Fatalf("docs/faults.md: row %d is wanted here: %s", next, line)
		}
		next++
		var rings []string
		for _, name := range strings.Split(row[3], ", ") {
			test, ok := tests[strings.Trim(name, "`")]
			if !ok {
				t.Errorf("docs/faults.md: %s: there is no test %s", row[1], name)
			}
			rings = append(rings, test.ring)
		}
		slices.Sort(rings)
		slices.Reverse(rings)
		if ring := strings.Join(slices.Compact(rings), ", "); ring != row[4] {
			t.Errorf("docs/faults.md: %s: the ring is %s", row[1], ring)
		}
	}
	if next != faultsListed+1 {
		t.Errorf("docs/faults.md ends before fault %d of %d", next, faultsListed)
	}
}

// testsOfRepository returns every test and fuzz test by "folder.Name", the tests of nested modules among them.
func testsOfRepository(t *testing.T) map[string]testFunc {
	t.Helper()
	tests := map[string]testFunc{}
	if err := filepath.WalkDir(".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(file, "_test.go") {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ring := ringOf(parsed)
		for _, declaration := range parsed.Decls {
			f, ok := declaration.(*ast.FuncDecl)
			if !ok || f.Recv != nil || !strings.HasPrefix(f.Name.Name, "Test") && !strings.HasPrefix(f.Name.Name, "Fuzz") {
				continue
			}
			tests[path.Dir(filepath.ToSlash(file))+"."+f.Name.Name] = testFunc{ring, skips(f)}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return tests
}

// ringOf is the tag in a file's build constraint, if that is one of ours.
func ringOf(file *ast.File) string {
	for _, group := range file.Comments {
		for _, comment := range group.List {
			if expr, err := constraint.Parse(comment.Text); err == nil && comment.Pos() < file.Package {
				if tag := expr.String(); tag != "linux" {
					return tag
				}
			}
		}
	}
	return "unit"
}

// skips reports whether a function calls Skip, SkipNow, Skipf or testing.Short.
func skips(f *ast.FuncDecl) (found bool) {
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			found = found || slices.Contains([]string{"Skip", "SkipNow", "Skipf", "Short"}, s.Sel.Name)
		}
		return !found
	})
	return found
}
