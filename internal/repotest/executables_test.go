package repotest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"
)

// Tests write what may be run with package executable: with os.WriteFile a process that another test starts at that moment
// holds the file open for writing ("text file busy", once in a thousand runs). What has a mode without a right to run is free.
func TestExecutables_WrittenByOnePackage(t *testing.T) {
	t.Parallel()
	for _, file := range goFiles(t) {
		if !strings.HasSuffix(file, "_test.go") && !strings.Contains(file, "testkit/") || strings.Contains(file, "testkit/executable/") {
			continue
		}
		fset := token.NewFileSet()
		syntax, err := parser.ParseFile(fset, file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(syntax, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if ok && len(call.Args) == 3 && mayRun(call) {
				t.Errorf("%s: what may be run is written with package executable", fset.Position(n.Pos()))
			}
			return true
		})
	}
}

// mayRun reports whether a call writes a file with a mode that has, or may have, a right to run.
func mayRun(call *ast.CallExpr) bool {
	if called := qualified(call.Fun); called != "os.WriteFile" && (called != "os.OpenFile" || !creates(call.Args[1])) {
		return false
	}
	literal, ok := call.Args[2].(*ast.BasicLit)
	if !ok {
		return true
	}
	mode, err := strconv.ParseUint(literal.Value, 0, 32)
	return err != nil || mode&0o111 != 0
}

func creates(flags ast.Expr) (found bool) {
	ast.Inspect(flags, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		found = found || ok && id.Name == "O_CREATE"
		return true
	})
	return found
}
