package fault

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

// TestExitCode has the numbers that scripts and systemd units rely on.
func TestExitCode(t *testing.T) {
	t.Parallel()
	for class, want := range map[Class]int{Failed: 1, Usage: 2, Internal: 70, Temporary: 75, Refused: 77, Misconfigured: 78, Class(-1): 1, Class(99): 1} {
		if got := class.ExitCode(); got != want {
			t.Errorf("class %d exits %d, want %d", class, got, want)
		}
	}
}

// TestCodes has the codes that people search for and scripts compare.
func TestCodes(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		CodeNoZone:             "zone.not-found",
		CodeAmbiguous:          "zone.ambiguous",
		CodeDelegatedElsewhere: "zone.delegated",
		CodeUnknownZone:        "dns.unknown-zone",
		CodeBadSpec:            "provider.spec",
		CodeUnknownProvider:    "provider.unknown",
		CodeBadChallenge:       "challenge.invalid",
		CodeCNAME:              "cname.refused",
		CodeNoAnswer:           "dns.no-answer",
		CodeNotPublished:       "dns.not-published",
		CodeMissing:            "settings.missing",
		CodeBadSettings:        "settings.invalid",
		CodeUnsafeFile:         "settings.unsafe-file",
		CodeCredentials:        "credentials.refused",
		CodeService:            "service.failed",
		CodeUnavailable:        "service.unavailable",
		CodeState:              "state.unusable",
		CodeUsage:              "usage",
	} {
		if got != want {
			t.Errorf("code %q, want %q", got, want)
		}
	}
}

func TestErrorf(t *testing.T) {
	t.Parallel()
	cause := context.DeadlineExceeded
	err := Errorf(CodeUnavailable, Temporary, "conoha: create TXT %s: %w", "_acme-challenge.example.com.", cause)
	if got, want := err.Error(), "conoha: create TXT _acme-challenge.example.com.: context deadline exceeded"; got != want {
		t.Errorf("text %q, want %q", got, want)
	}
	if !errors.Is(err, cause) {
		t.Error("the cause is lost")
	}
}

func TestClassAndCode(t *testing.T) {
	t.Parallel()
	inner := Errorf(CodeUnavailable, Temporary, "503")
	for what, test := range map[string]struct {
		err   error
		code  string
		class Class
	}{
		"nil":                 {nil, "", Failed},
		"another's error":     {errors.New("x"), "", Failed},
		"ours":                {inner, CodeUnavailable, Temporary},
		"ours within another": {fmt.Errorf("hook: %w", inner), CodeUnavailable, Temporary},
		"ours within ours":    {Errorf(CodeService, Refused, "outer: %w", inner), CodeService, Refused},
		"ours among others":   {errors.Join(errors.New("x"), inner), CodeUnavailable, Temporary},
		"the first of two":    {errors.Join(Errorf(CodeState, Misconfigured, "y"), inner), CodeState, Misconfigured},
	} {
		if code, class := CodeOf(test.err), ClassOf(test.err); code != test.code || class != test.class {
			t.Errorf("%s: code %q, class %d, want %q, %d", what, code, class, test.code, test.class)
		}
	}
}
