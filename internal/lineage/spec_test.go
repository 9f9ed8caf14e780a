package lineage

import (
	"slices"
	"testing"

	"wildcard/providers"
)

// A provider that this version cannot read is not lost when the settings are written again, and no service has its name.
func TestSettings_UnreadableProvider(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"a b", "conoha@relative", "=x", "conoha:", "example.org=lego:cloudflare"} {
		conf, err := ParseConf([]byte("[wildcard]\n"))
		if err != nil {
			t.Fatal(err)
		}
		if err := conf.SetList(section, "providers", []string{text}); err != nil {
			t.Fatal(err)
		}
		s, _ := conf.Settings()
		if err := conf.SetSettings(s); err != nil {
			t.Fatal(err)
		}
		if got := conf.List(section, "providers"); !slices.Equal(got, []string{text}) {
			t.Errorf("%q became %q", text, got)
		}
		_, err = providers.ParseSpec(text)
		if whole := s.Providers[0].Name == text; whole != (err != nil) {
			t.Errorf("%q is read as %+v", text, s.Providers[0])
		}
	}
}
