package subprocess_test

import (
	"slices"
	"testing"

	"wildcard/internal/system/subprocess"
)

// O21: hooks find what is in sbin whatever PATH a scheduler gives, and what is found first stays first.
func TestEnvironment_Path(t *testing.T) {
	t.Parallel()
	const all = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	for _, test := range []struct{ given, want string }{
		{"PATH=/usr/bin:/bin", "PATH=/usr/bin:/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/sbin"}, // cron(8)
		{"PATH=/opt/x/bin:/usr/sbin/:/usr/bin", "PATH=/opt/x/bin:/usr/sbin/:/usr/bin:/usr/local/sbin:/usr/local/bin:/sbin:/bin"},
		{"PATH=/opt/only", "PATH=/opt/only:" + all},
		{"PATH=" + all, "PATH=" + all},
		{"PATH=", "PATH=" + all}, // else it is the current directory
		{"HOME=/root", "PATH=" + all},
	} {
		got := subprocess.Environment([]string{"SECRET=x", test.given, "PATH=/second:/one"})
		if test.given == "HOME=/root" {
			got = subprocess.Environment([]string{test.given})
		}
		if !slices.Contains(got, test.want) || slices.Contains(got, "SECRET=x") || slices.Contains(got, "PATH=/second:/one") {
			t.Errorf("%s: %q", test.given, got)
		}
	}
}
