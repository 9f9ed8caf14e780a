package environ_test

import (
	"testing"

	"wildcard/internal/system/environ"
)

func TestGet(t *testing.T) {
	t.Parallel()
	variables := []string{"A=1", "B=", "A=2", "AB=3", "C", "=D=4", "E=x=y", "B=5"}
	all := environ.Map(variables)
	for name, want := range map[string]string{"A": "1", "B": "", "AB": "3", "C": "", "D": "", "E": "x=y", "F": ""} {
		if got := environ.Get(variables, name); got != want || all[name] != want {
			t.Errorf("%s is %q and %q, want %q", name, got, all[name], want)
		}
	}
}
