package hooks

import (
	"slices"
	"testing"
	"time"

	"wildcard/internal/fault"
)

func TestParseOptions_ExtraWait(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args, environ []string
		want          time.Duration
	}{
		{nil, nil, 0},
		{[]string{"--extra-wait", "15"}, nil, 15 * time.Second},
		{nil, []string{"WILDCARD_EXTRA_WAIT=20"}, 20 * time.Second},
		{[]string{"--extra-wait=0"}, []string{"WILDCARD_EXTRA_WAIT=20"}, 0},
	} {
		o, err := parseOptions("hook", c.args, c.environ)
		if err != nil || o.extraWait != c.want {
			t.Errorf("%q, %q: %v, %v", c.args, c.environ, o.extraWait, err)
		}
	}
	for _, wrong := range []string{"x", "-5", "3001", "1m"} {
		if _, err := parseOptions("hook", []string{"--extra-wait=" + wrong}, nil); fault.CodeOf(err) != fault.CodeBadSettings {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}

// The services are those of the command line, else of the environment, else ConoHa; white space is as good as nothing.
func TestParseOptions_Provider(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args    []string
		environ string
		want    []string
	}{
		{nil, "", []string{"conoha"}},
		{nil, " ", []string{"conoha"}},
		{nil, "acmedns  example.org=rfc2136 ", []string{"acmedns", "example.org=rfc2136"}},
		{[]string{"--provider", "manual", "--provider=acmedns"}, "conoha", []string{"manual", "acmedns"}},
	} {
		o, err := parseOptions("hook", c.args, []string{"WILDCARD_PROVIDER=" + c.environ})
		var got []string
		for _, spec := range o.specs {
			got = append(got, spec.String())
		}
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%q, %q: %q, %v", c.args, c.environ, got, err)
		}
	}
}
