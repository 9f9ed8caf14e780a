package builtin_test

import (
	"slices"
	"strings"
	"testing"

	"wildcard/internal/settings"
	"wildcard/providers"
	"wildcard/providers/builtin"
)

// Every kind says what a person needs to know before it is used: of each variable what it is for, and of each family what it
// needs.
func TestEveryKindExplainsItself(t *testing.T) {
	t.Parallel()
	for name, kind := range builtin.Registry() {
		if kind.Summary == "" || kind.Form == "" || kind.Open == nil {
			t.Errorf("%s: %+v", name, kind)
		}
		form := strings.NewReplacer("[ZONE=]", "", "ZONE", "example.com").Replace(kind.Form)
		if spec, err := providers.ParseSpec(form); err != nil || spec.Name != name {
			t.Errorf("%s is written %s: %v", name, kind.Form, err)
		}
		var variables []settings.Variable
		for _, f := range kind.Families {
			variables = append(variables, f.Variables...)
			if f.Name == "" || len(f.Needs()) == 0 {
				t.Errorf("%s: family %q needs %q", name, f.Name, f.Needs())
			}
		}
		for _, v := range slices.Concat(variables, kind.Settings) {
			if v.Name == "" || v.Help == "" {
				t.Errorf("%s: variable %+v", name, v)
			}
		}
	}
}

func TestOpenUnknown(t *testing.T) {
	t.Parallel()
	_, err := builtin.Registry().Open([]providers.Spec{{Name: "nothing"}}, builtin.Config{})
	if providers.CodeOf(err) != providers.CodeUnknownProvider || providers.ClassOf(err) != providers.Usage {
		t.Error(err)
	}
}
