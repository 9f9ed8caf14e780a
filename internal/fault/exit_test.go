package fault

import (
	"errors"
	"fmt"
	"syscall"
	"testing"
)

func TestExitCode_OfError(t *testing.T) {
	t.Parallel()
	for what, test := range map[string]struct {
		err  error
		want int
	}{
		"none":                    {nil, 0},
		"another's error":         {errors.New("x"), 1},
		"a class":                 {fmt.Errorf("hook: %w", Errorf(CodeUnavailable, Temporary, "503")), 75},
		"SIGINT":                  {Interrupted{syscall.SIGINT}, 130},
		"SIGTERM":                 {Interrupted{syscall.SIGTERM}, 143},
		"SIGHUP":                  {Interrupted{syscall.SIGHUP}, 143},
		"a signal inside a class": {Errorf(CodeUnavailable, Temporary, "conoha: %w", Interrupted{syscall.SIGINT}), 130},
		"a signal among others":   {errors.Join(Errorf(CodeState, Misconfigured, "y"), Interrupted{syscall.SIGTERM}), 143},
	} {
		if got := ExitCode(test.err); got != test.want {
			t.Errorf("%s: %d, want %d", what, got, test.want)
		}
	}
}

// Of any two failures the later one of this list decides, in whatever order they happen.
func TestWorse(t *testing.T) {
	t.Parallel()
	order := []int{0, 75, 1, 2, 77, 78, 70, 130, 143}
	for i, a := range order {
		for j, b := range order {
			if got, want := Worse(a, b), order[max(i, j)]; got != want {
				t.Errorf("Worse(%d, %d) = %d, want %d", a, b, got, want)
			}
		}
	}
}
