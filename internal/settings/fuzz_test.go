package settings

import (
	"maps"
	"regexp"
	"strings"
	"testing"

	"wildcard/internal/fault"
)

// FuzzEnvFile reads env files without a shell beside it, so many more than [FuzzShellAgrees]: what is read is the same with a
// byte order mark and carriage returns, is read back the same from single quotes, and no error shows a value.
func FuzzEnvFile(f *testing.F) {
	for _, text := range seeds() {
		f.Add(text)
	}
	for _, text := range []string{"A=$SECRET", "SECRET", "A=SECRET SECRET", `A="SECRET`, "A='SECRET", "A=`SECRET`", "A='x'SECRET", "A=SECRET\\", "A=b;SECRET=1", "A\x00=SECRET", "export A=SECRET $"} {
		f.Add(text)
	}
	nameShown := regexp.MustCompile(`SECRET\w*=|SECRET_FILE`) // it is in the name of a variable, which errors may show
	f.Fuzz(func(t *testing.T, text string) {
		values, err := parseEnv("/x", strings.ReplaceAll(text, "SECRET", "c4n4ry"))
		if err != nil {
			said := err.Error()
			if fault.CodeOf(err) != fault.CodeBadSettings || len(said) > 1000 || strings.ContainsFunc(said, isControl) {
				t.Errorf("%q: code %q, %q", text, fault.CodeOf(err), said)
			}
			if strings.Contains(said, "c4n4ry") && !nameShown.MatchString(text) {
				t.Errorf("%q: the error shows a value: %q", text, said)
			}
			return
		}
		if !strings.ContainsAny(text, "\r\ufeff") {
			windows, err := parseEnv("/x", byteOrderMark+strings.ReplaceAll(strings.ReplaceAll(text, "SECRET", "c4n4ry"), "\n", "\r\n"))
			if err != nil || !maps.Equal(windows, values) {
				t.Errorf("%q with byte order mark and carriage returns: %v", text, err)
			}
		}
		for name := range values {
			value := values.get(name)
			if strings.Contains(value, "'") || strings.HasSuffix(value, `\`) {
				continue // which single quotes cannot hold
			}
			again, err := parseEnv("/x", name+"='"+value+"'")
			if err != nil || again.get(name) != value {
				t.Errorf("%s=%q is read back as %q, %v", name, value, again.get(name), err)
			}
		}
	})
}
