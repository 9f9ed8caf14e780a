package settings

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"wildcard/internal/fault"
)

// revealed returns variables as a map that can be printed.
func revealed(v variables) map[string]string {
	m := map[string]string{}
	for name, value := range v {
		m[name] = value.Reveal()
	}
	return m
}

// Fault 150 of reference/reliability.md.
func TestParseEnv_Fault150(t *testing.T) {
	t.Parallel()
	got, err := parseEnv("/x", "\ufeffA=1\r\nexport B='two words'\r\n\r\n# C=3\r\nA=last\r\n"+
		"D='$(touch x) `x` \\n ${A}'\nE=\"q'q\"\nF=\nG=\"\" # none\n\t H=h \t\nexport \tI=i\nJ=j\nJ=")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"A": "last", "B": "two words", "D": "$(touch x) `x` \\n ${A}", "E": "q'q", "F": "", "G": "", "H": "h", "I": "i", "J": ""}
	if fmt.Sprint(revealed(got)) != fmt.Sprint(want) {
		t.Errorf("got %q", revealed(got))
	}
}

func TestParseEnv_Refuses(t *testing.T) {
	t.Parallel()
	for text, why := range map[string]string{
		"NEW_A=\x00canary":               "it has a control character",
		"NEW_A=can\xffary":               "it is not UTF-8",
		"# can\xffary":                   "it is not UTF-8",
		"NEW_A=can\rary":                 "it has a control character",
		"NEW_A='canary'\r\r\n":           "it has a control character",
		"\xff\xfeN\x00":                  "it is not UTF-8", // UTF-16, as Windows saves
		"NEW_A=$(canary)":                "NEW_A: $ means something",
		"NEW_A=`canary`":                 "NEW_A: ` means something",
		"NEW_A=${canary}":                "NEW_A: $ means something",
		"NEW_A=\"$canary\"":              "NEW_A: $, backtick and \\ mean something",
		"NEW_A=\"canary\\n\"":            "NEW_A: $, backtick and \\ mean something",
		"NEW_A=canary\\":                 "NEW_A: \\ means something",
		"NEW_A=~/canary":                 "NEW_A: ~ means something",
		"NEW_A==canary":                  "NEW_A: = at the start means something",
		"NEW_A=canary;x":                 "NEW_A: ; means something",
		"NEW_A=canary&":                  "NEW_A: & means something",
		"NEW_A=(canary)":                 "NEW_A: ( means something",
		"NEW_A=<canary":                  "NEW_A: < means something",
		"export NEW_A=canary*":           "NEW_A: * means something",
		"export NEW_A={canary,b}":        "NEW_A: { means something",
		"NEW_A=canary canary":            "NEW_A: something follows",
		"NEW_A= canary":                  "NEW_A: something follows",
		"NEW_A='canary'canary":           "NEW_A: something follows",
		"NEW_A='canary'\\''canary'":      "NEW_A: something follows",
		"NEW_A='canary'#canary":          "NEW_A: something follows",
		"NEW_A=a NEW_B=canary":           "NEW_A: something follows",
		"NEW_A='canary\ncanary'":         "NEW_A: the quote is not closed",
		"NEW_A=\"canary\n\"":             "NEW_A: the quote is not closed",
		"NEW_A='canary\\'":               "NEW_A: a shell and env file readers understand this value differently",
		"NEW_A=canary # one # two":       "NEW_A: a shell and env file readers understand this value differently",
		"NEW_A=canary\u00a0":             "NEW_A: a shell and env file readers understand this value differently",
		"NEW_A = canary":                 "NEW_A: this is not NAME=value, without spaces around the =",
		"  export NEW_A: canary":         "NEW_A: this is not NAME=value",
		"NEW_A: canary":                  "NEW_A: this is not NAME=value",
		"NEW_A+=canary":                  "NEW_A: this is not NAME=value",
		"canary":                         "line 1: this is not NAME=value",
		"canary: x":                      "line 1: this is not NAME=value",
		"set -a; . /canary":              "line 1: this is not NAME=value",
		"export NEW_A":                   "line 1: this is not NAME=value",
		"export -p":                      "line 1: this is not NAME=value",
		"=canary":                        "line 1: this is not NAME=value",
		"1A=canary":                      "line 1: this is not NAME=value",
		"NEW.A=canary":                   "line 1: this is not NAME=value",
		"NEW-A=canary":                   "line 1: this is not NAME=value",
		"\u3000NEW_A=canary":             "line 1: this is not NAME=value",
		"パスワード=canary":                   "line 1: this is not NAME=value",
		"if true; then NEW_A=canary; fi": "line 1: this is not NAME=value",
	} {
		_, err := parseEnv("/x/.env", text)
		wantError(t, err2settings(err), fault.CodeBadSettings, "/x/.env line 1: ", why)
	}
	_, err := parseEnv("/x/.env", "A=b\n\n# c\nNEW_A=$canary\n")
	wantError(t, err2settings(err), fault.CodeBadSettings, "/x/.env line 4: NEW_A: ")
}

// err2settings adds what the exported functions add.
func err2settings(err error) error {
	if err == nil {
		return nil
	}
	return within("settings", err)
}

// Every special character that the control panel allows in an API password, and all of ASCII.
func TestParseEnv_Passwords(t *testing.T) {
	t.Parallel()
	var ascii strings.Builder
	for c := ' '; c < 0x7f; c++ {
		if c != '\'' {
			ascii.WriteRune(c)
		}
	}
	for _, password := range []string{`aA1!#$%&?"=+-_{}[]^~:;().,/|\*@`, ascii.String(), "#x", " x ", "~", "a'b", `$HOME\n`} {
		line := "P='" + password + "'"
		if strings.Contains(password, "'") {
			line = `P="` + password + `"`
		}
		if got, err := parseEnv("/x", line); err != nil || got.get("P") != password {
			t.Errorf("%s: got %q, %v", line, got.get("P"), err)
		}
	}
}

// The file is read as text; nothing of it gets into the process, and nothing of the process into it.
func TestReadEnvFile_Environment(t *testing.T) {
	t.Setenv("SETTINGS_TEST_OUTSIDE", "outside")
	path := write(t, folder(t)+"/.env", "SETTINGS_TEST_INSIDE=x\nA='${SETTINGS_TEST_OUTSIDE}'\n")
	file, err := ReadEnvFile(path)
	if err != nil || file.Get("A") != "${SETTINGS_TEST_OUTSIDE}" || file.Get("SETTINGS_TEST_OUTSIDE") != "" || file.Path != path {
		t.Errorf("got %v, %v", file, err)
	}
	if _, ok := os.LookupEnv("SETTINGS_TEST_INSIDE"); ok {
		t.Error("a variable of the file is in our environment")
	}
}

// The example that people copy must be readable as it is, where it sets nothing, and with every line in force.
func TestEnvExample(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../.env.example")
	if err != nil {
		t.Fatal(err)
	}
	dir := folder(t)
	file, err := ReadEnvFile(write(t, dir+"/example", string(text)))
	if err != nil || len(file.values) > 0 {
		t.Errorf("as it is: %q, %v", file, err)
	}
	commented := regexp.MustCompile(`(?m)^#([A-Z][A-Z0-9_]*=)`)
	file, err = ReadEnvFile(write(t, dir+"/in-force", commented.ReplaceAllString(string(text), "$1")))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(commented.FindAll(text, -1)); n != len(file.values) {
		t.Errorf("%d assignments set %d variables", n, len(file.values))
	}
	for name, want := range map[string]string{
		"CONOHA_REGION": `tyo1`, "CONOHA_TENANT_ID": `[0-9a-f]{32}`, "CONOHA_API_USERNAME": `gncu\d{8}`, "CONOHA_API_PASSWORD": `.+`,
		"CONOHAV3_REGION": `c3j1`, "CONOHAV3_TENANT_ID": `[0-9a-f]{32}`, "CONOHAV3_API_USER_ID": `[0-9a-f]{32}`, "CONOHAV3_API_PASSWORD": `.+`,
		"CONOHA_TTL": `\d+`, "CONOHA_PROPAGATION_TIMEOUT": `\d+`, "CONOHA_HTTP_TIMEOUT": `\d+`,
		"CONOHA_IDENTITY_URL": `https://identity\..*/v2\.0`, "CONOHA_DNS_URL": `https://dns-service\.[a-z0-9]+\.conoha\.io`,
	} {
		if got := file.Get(name); !regexp.MustCompile(`^` + want + `$`).MatchString(got) {
			t.Errorf("%s is %q", name, got)
		}
	}
	for _, name := range []string{"CNH_REGION", "CNH_TENANT_ID", "CNH_USERNAME", "CNH_PASSWORD", "CNH_NAME", "CNH_PASS", "CNH_TENANTID", "_FILE", "chmod 600"} {
		if !strings.Contains(string(text), name) {
			t.Errorf("%s is not mentioned", name)
		}
	}
}
