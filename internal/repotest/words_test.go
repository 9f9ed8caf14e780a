package repotest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// private are the words that only this project had, or that hide who acts; what the field calls them is in docs/architecture.md.
func private() *regexp.Regexp {
	return regexp.MustCompile(`(?i)^(hearsay|rumou?rs?|unheard|board|station|rhythm|wholefile|trials?|witness(es)?|bury|buried|settle[sd]?|` +
		`canary|canaries|calm(er|ed)?|gone|strays?|resembles?|twins?|story|stories|somebody|nobody|whoever|anybody)$`)
}

func TestWords(t *testing.T) {
	t.Parallel()
	not, part := private(), regexp.MustCompile(`[A-Z]+[a-z]*|[a-z]+`) // nothingLeft has two parts
	for _, file := range goFiles(t) {
		fset := token.NewFileSet()
		syntax, err := parser.ParseFile(fset, file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		check := func(n ast.Node, text string) {
			for _, word := range part.FindAllString(text, -1) {
				if not.MatchString(word) {
					t.Errorf("%s: %q in %q", fset.Position(n.Pos()), word, text)
				}
			}
		}
		ast.Inspect(syntax, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				check(id, id.Name)
			}
			return true
		})
		for _, group := range syntax.Comments {
			for _, comment := range group.List {
				check(comment, comment.Text)
			}
		}
	}
}

// goFiles are all Go files of the repository, nested modules and tests included, by their paths from its root.
func goFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && (entry.Name() == "testdata" || strings.HasPrefix(entry.Name(), ".")):
			return fs.SkipDir
		case strings.HasSuffix(name, ".go"):
			files = append(files, filepath.ToSlash(name))
		}
		return nil
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("%d Go files, %v", len(files), err)
	}
	return files
}
