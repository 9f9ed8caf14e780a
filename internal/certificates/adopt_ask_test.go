package certificates

import (
	"errors"
	"testing"

	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/lineage"
)

// TestAdoption_Answers: what a CA that cannot be reached hides is no refusal, and what is one is not hidden by that.
func TestAdoption_Answers(t *testing.T) {
	t.Parallel()
	passing := fault.Errorf(issuance.CodeUnreachable, fault.Temporary, "no answer")
	refused := fault.Errorf(lineage.CodeAccount, fault.Misconfigured, "the account is deactivated")
	for name, test := range map[string]struct {
		server string
		errs   []error
		want   error
		notes  int
	}{
		"a refusal behind what passes": {"https://acme-v02.api.letsencrypt.org/directory", []error{passing, nil, refused}, refused, 1},
		"what passes":                  {"https://acme-v02.api.letsencrypt.org/directory", []error{passing, passing}, nil, 2},
		"a CA of one's own":            {"https://ca.example.test/directory", []error{passing, refused}, passing, 0},
	} {
		a := &adoption{params: lineage.Params{Server: test.server}}
		if err := a.answers(test.errs); !errors.Is(err, test.want) || len(a.Notes) != test.notes {
			t.Errorf("%s: %v, %d notes", name, err, len(a.Notes))
		}
	}
}
