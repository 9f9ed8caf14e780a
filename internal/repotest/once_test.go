package repotest_test

import (
	"go/ast"
	"slices"
	"testing"
)

// onlyIn has what is done in one place alone: what is referred to, as package and name, and the packages that may.
func onlyIn() map[string][]string {
	return map[string][]string{
		"signal.Ignored":  {"wildcard/internal/system/signals", "wildcard/internal/testkit/executable"}, // nohup
		"syscall.SIGHUP":  {"wildcard/internal/system/signals", "wildcard/internal/fault", "wildcard/cmd/wildcard-sandbox", "wildcard/internal/testkit/executable"},
		"unix.SIGHUP":     nil,
		"unix.SignalName": nil,
	}
}

func TestOnlyIn(t *testing.T) {
	t.Parallel()
	rules := onlyIn()
	for _, file := range sources(t) {
		ast.Inspect(file.syntax, func(n ast.Node) bool {
			selector, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if of, ok := selector.X.(*ast.Ident); ok {
				allowed, ruled := rules[of.Name+"."+selector.Sel.Name]
				if ruled && !slices.Contains(allowed, file.pkg) {
					t.Errorf("%s: %s.%s belongs to %q", file.fset.Position(n.Pos()), of.Name, selector.Sel.Name, allowed)
				}
			}
			return true
		})
	}
}
