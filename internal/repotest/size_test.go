package repotest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strings"
	"testing"
)

// Lines of code have at most 120 columns, with a tab as one; functions have at most 60 lines. A text of
// a line's width is not broken, so that it can be searched for. Comments and tests are as wide as their subject.
func TestSize(t *testing.T) {
	t.Parallel()
	const widest, longest = 120, 60
	text := regexp.MustCompile("\"[^\"]{70,}\"|`.{60,}|^[^`]*`;?$")
	for _, file := range goFiles(t) {
		if strings.HasSuffix(file, "_test.go") || strings.HasPrefix(file, "internal/messages/") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		fset := token.NewFileSet()
		syntax, err := parser.ParseFile(fset, file, source, 0)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(source), "\n") {
			code, _, _ := strings.Cut(line, "//")
			if n := len([]rune(strings.TrimRight(code, " \t"))); n > widest && !text.MatchString(code) {
				t.Errorf("%s:%d: %d columns", file, i+1, n)
			}
		}
		for _, decl := range syntax.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if n := fset.Position(f.End()).Line - fset.Position(f.Pos()).Line + 1; n > longest {
				t.Errorf("%s: %s has %d lines", file, f.Name.Name, n)
			}
		}
	}
}
