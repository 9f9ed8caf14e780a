package settings

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"wildcard/providers"
)

// exposed reports whether s shows the secret, in letters or in hexadecimal.
func exposed(s string) bool {
	s = strings.ToLower(s)
	return strings.Contains(s, "canary") || strings.Contains(s, "63616e617279")
}

func TestSecret(t *testing.T) {
	t.Parallel()
	s := NewSecret("canary")
	for what, printed := range map[string]string{
		"String":     s.String(),
		"concat":     fmt.Sprint(s) + fmt.Sprintln(s, &s),
		"GoString":   s.GoString(),
		"formatted":  fmt.Sprintf("%5v|%-9.2s|%+q|%#x|%08d|%t|%c|%U|%e", s, s, s, s, s, s, s, s, s),
		"an error":   fmt.Errorf("login %v: %w", s, fmt.Errorf("%s", s)).Error(),
		"text":       logged(slog.NewTextHandler, s),
		"JSON":       encoded(t, json.Marshal, s),
		"JSON value": encoded(t, json.Marshal, map[string]any{"s": s, "p": &s, "l": []Secret{s}}),
		"JSON key":   encoded(t, json.Marshal, map[Secret]int{s: 1}),
		"XML":        encoded(t, xml.Marshal, s),
	} {
		if exposed(printed) || !strings.Contains(printed, hidden) {
			t.Errorf("%s: %s", what, printed)
		}
	}
	if s.Reveal() != "canary" || s.IsZero() {
		t.Error("the value is gone")
	}
	if s != NewSecret("can"+string([]byte("ary"))) || s == NewSecret("other") {
		t.Error("secrets are not compared by their values")
	}
}

func TestSecret_Empty(t *testing.T) {
	t.Parallel()
	var zero Secret
	if zero != NewSecret("") || !zero.IsZero() || zero.Reveal() != "" || fmt.Sprint(zero) != hidden {
		t.Error("the zero Secret is not the empty one")
	}
}

// fmt calls no methods on what stands in an unexported field, nor for some verbs, nor while it reports a wrong one.
func TestSecret_HeldByOthers(t *testing.T) {
	t.Parallel()
	type holder struct {
		S      Secret
		secret Secret
		point  *Secret
		list   []Secret
		byName map[string]Secret
		any    any
	}
	s := NewSecret("canary")
	h := holder{s, s, &s, []Secret{s}, map[string]Secret{"a": s}, s}
	set := Set{Account: "a", values: variables{"P": s}, source: variables{"P": s}, environ: variables{"P": s}}
	file := &EnvFile{Path: "/x", values: variables{"P": s}}
	for _, value := range []any{s, &s, h, &h, []any{h}, []holder{h}, map[string]holder{"h": h}, set, &set, file, *file, struct{ set Set }{set}} {
		for verb := rune(' '); verb < 0x7f; verb++ {
			for _, flags := range []string{"", "+", "#", "-9.3", " 0"} {
				if printed := fmt.Sprintf("%"+flags+string(verb), value); exposed(printed) {
					t.Fatalf("%%%s%c of %T: %s", flags, verb, value, printed)
				}
			}
		}
		printed := []string{logged(slog.NewTextHandler, value), logged(slog.NewJSONHandler, value)}
		for _, mistake := range []string{"no verb", "%[3]v", "%*d", "%", "%.*s", "%v"} {
			printed = append(printed, fmt.Sprintf(mistake, value, value))
		}
		for _, printed := range printed {
			if exposed(printed) {
				t.Errorf("%T: %s", value, printed)
			}
		}
	}
}

func logged[H slog.Handler](handler func(io.Writer, *slog.HandlerOptions) H, value any) string {
	var b strings.Builder
	slog.New(handler(&b, nil)).Info("x", "value", value, slog.Group("g", "value", value))
	return b.String()
}

func encoded(t *testing.T, marshal func(any) ([]byte, error), value any) string {
	t.Helper()
	text, err := marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What Credentials returns holds the whole environment.
func TestCredentials_NotPrinted(t *testing.T) {
	t.Parallel()
	s := Sources{Environ: []string{"OLD_TENANT=t", "OLD_PASSWORD=canary", "OTHER=canary"}}
	sets, err := s.Credentials(providers.Spec{Name: "x"}, families())
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%p"} {
		if printed := fmt.Sprintf(verb, sets); exposed(printed) {
			t.Error(printed)
		}
	}
}
