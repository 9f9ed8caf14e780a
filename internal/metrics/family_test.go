package metrics_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"wildcard/internal/metrics"
)

func text(t *testing.T, families ...metrics.Family) string {
	t.Helper()
	var b strings.Builder
	if err := metrics.Write(&b, families); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The very bytes, as the format's page has them.
func TestWrite(t *testing.T) {
	t.Parallel()
	end := metrics.Family{Name: "wildcard_certificate_not_after_timestamp_seconds", Help: "When it\nexpires, \\ \"so\"."}
	end.AddTime(time.Unix(1790000000, 0), "lineage", `a"b\c`+"\n", "owner", "wildcard")
	end.AddTime(time.Unix(1790000000, 250e6), "lineage", "x\xff", "owner", "certbot")
	end.AddTime(time.Time{}, "lineage", "none")
	empty := metrics.Family{Name: "wildcard_nothing", Help: "Has no samples."}
	one := metrics.Family{Name: "wildcard_journal_records", Help: "One."}
	one.Add(3)
	want := `# HELP wildcard_certificate_not_after_timestamp_seconds When it\nexpires, \\ "so".
# TYPE wildcard_certificate_not_after_timestamp_seconds gauge
wildcard_certificate_not_after_timestamp_seconds{lineage="a\"b\\c\n",owner="wildcard"} 1790000000
wildcard_certificate_not_after_timestamp_seconds{lineage="x` + "\ufffd" + `",owner="certbot"} 1790000000.25
# HELP wildcard_journal_records One.
# TYPE wildcard_journal_records gauge
wildcard_journal_records 3
`
	if got := text(t, end, empty, one); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := text(t); got != "" {
		t.Errorf("%q", got)
	}
}

// Numbers are written so that Prometheus reads the same number.
func TestValues(t *testing.T) {
	t.Parallel()
	for value, want := range map[float64]string{0: "0", 0.001: "0.001", 1e9 + 0.5: "1000000000.5", math.Inf(1): "+Inf", 1e21: "1000000000000000000000"} {
		f := metrics.Family{Name: "n", Help: "n"}
		f.Add(value)
		if got := text(t, f); !strings.HasSuffix(got, "\nn "+want+"\n") {
			t.Errorf("%v: %q", value, got)
		}
	}
}

// The collector drops a whole file for one mistake, so none is written.
func TestRefused(t *testing.T) {
	t.Parallel()
	family := func(name, help string, labels ...string) metrics.Family {
		f := metrics.Family{Name: name, Help: help}
		f.Add(1, labels...)
		return f
	}
	twice := family("a", "h", "x", "1")
	twice.Add(2, "x", "1")
	for what, families := range map[string][]metrics.Family{
		"a name":           {family("a-b", "h")},
		"a digit first":    {family("1a", "h")},
		"no help":          {family("a", "")},
		"a label":          {family("a", "h", "x y", "1")},
		"a label twice":    {family("a", "h", "x", "1", "x", "2")},
		"a sample twice":   {twice},
		"a family twice":   {family("a", "h"), family("a", "h")},
		"a label's escape": {family("a", "h", `x="1",y`, "1")},
	} {
		var b strings.Builder
		if err := metrics.Write(&b, families); err == nil || b.Len() > 0 {
			t.Errorf("%s: %q", what, b.String())
		}
	}
}
