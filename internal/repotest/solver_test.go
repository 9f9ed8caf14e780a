package repotest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"strings"
	"testing"
)

// TestPresent_CalledByTheSolver finds who lets a service make a record without the journal, the wait and the clean-up of
// internal/dns01: nothing does but the conformance suite, whose subject it is.
func TestPresent_CalledByTheSolver(t *testing.T) {
	t.Parallel()
	found := map[string]bool{"wildcard/internal/dns01": false, "wildcard/providers/conformance": false}
	for _, p := range checked(t, "wildcard/...") {
		for id, use := range p.info.Uses {
			fn, ok := use.(*types.Func)
			if !ok || fn.Name() != "Present" || !takesChallenge(fn) {
				continue
			}
			home := p.path
			if strings.HasPrefix(home, "wildcard/providers/conformance/") {
				home = "wildcard/providers/conformance"
			}
			if _, may := found[home]; may {
				found[home] = true
			} else {
				t.Errorf("%s: a second solver: use the Present of internal/dns01", p.fset.Position(id.Pos()))
			}
		}
	}
	for home, calls := range found {
		if !calls {
			t.Errorf("no call is found in %s: this test sees nothing", home)
		}
	}
	for _, call := range callsOfTwo(t, filepath.Join("cmd", "wildcard-webhook")) {
		t.Errorf("%s: a second solver: use the Present of internal/dns01", call)
	}
}

// takesChallenge reports whether a function has the parameters of [providers.Provider.Present].
func takesChallenge(fn *types.Func) bool {
	params := fn.Signature().Params()
	return params.Len() == 2 && params.At(1).Type().String() == "wildcard/providers.Challenge"
}

// callsOfTwo are the calls of a Present with the two arguments that a provider's has, in the folder of a module of its own, which is
// not loaded here with its types.
func callsOfTwo(t *testing.T, dir string) (at []token.Position) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	fset := token.NewFileSet()
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok && len(call.Args) == 2 {
				if f, ok := call.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Present" {
					at = append(at, fset.Position(call.Pos()))
				}
			}
			return true
		})
	}
	return at
}
