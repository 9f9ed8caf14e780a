package conoha

import (
	"testing"

	"wildcard/providers"
)

func TestParseHandle(t *testing.T) {
	h := handle(uuid(1), uuid(2))
	if zone, record, ok := parseHandle(h); !ok || zone != uuid(1) || record != uuid(2) {
		t.Errorf("%q: %q, %q, %v", h, zone, record, ok)
	}
	for _, damaged := range []providers.Handle{
		"", "/", "x", "x/y", h + "/", h + "\n", " " + h, h[1:], h[:len(h)-1], h + h,
		providers.Handle(uuid(1)), providers.Handle(uuid(1) + "/../" + uuid(2)), providers.Handle(uuid(1) + "//" + uuid(2)),
	} {
		if zone, record, ok := parseHandle(damaged); ok {
			t.Errorf("%q is taken for %q, %q", damaged, zone, record)
		}
	}
}
