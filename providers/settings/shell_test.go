package settings

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// sourced returns the value that a real shell gives to name after it has sourced a file with the one line. Only lines that
// our reader accepts may be handed to it, since a shell runs what it reads; folder and environment are empty all the same.
func sourced(t testing.TB, line, name string) string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "env")
	if err := os.WriteFile(file, []byte(line+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/bin/sh", "-c", `. "$1"; eval "printf %s \"\$$2\""`, "sh", file, name)
	cmd.Dir, cmd.Env = dir, []string{"PATH="}
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("sh: line %q: %v", line, err)
	}
	return string(out)
}

// compare checks the property that matters: what is accepted means to a shell what it means here.
func compare(t *testing.T, line string) {
	t.Helper()
	a, err := parseLine(line)
	if err != nil {
		if strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: the error shows the value: %v", line, err)
		}
		return
	}
	if a.name == "" {
		return
	}
	// Assigning these changes how the shell itself works, not what the line says.
	if a.name == "PATH" || a.name == "IFS" || a.name == "PPID" || a.name == "OPTIND" || a.name == "LINENO" {
		return
	}
	if got := sourced(t, line, a.name); got != a.value {
		t.Errorf("line %q: a shell reads %q, we read %q", line, got, a.value)
	}
}

func seeds() []string {
	return []string{
		`CNH_REGION="tyo1"`, `CNH_TENANT_ID='0123456789abcdef0123456789abcdef'`, `CNH_USERNAME=gncu00000000`, `export CNH_PASSWORD='p w'`,
		`CNH_PASSWORD='!#$%&?"=+-_{}[]^~:;().,/|*@'`, `A=b # comment`, `A=b#c`, `A=#b`, `A=`, `A= `, `A= # x`, `A='' # x`, `A="a'b"`,
		`# A=b`, `   A=b   `, "\tA=b", `A =b`, `A= b`, `A: b`, `A=b:c`, `A="b"c`, `A='b''c'`, `A='b'\''c'`, `A=$B`, `A="$B"`, "A=`x`", `A="\n"`,
		`A='\'`, `A='x\'`, `A="x`, `A='x`, `A=b c`, `A=b;c`, `A=~`, `A=b~`, `A=x:~`, `A=*`, `export A=*`, `export A`, `A`, `=b`, `1A=b`, `A-B=c`,
		`A=b=c`, `A==`, `export  A=b`, `exportA=b`, `A={a,b}`, `export A={a,b}`, `A=[x]`, `A=!x`, `A=^`, `A=%`, `A=a,b`, `A=日本`, `A='日本'`,
		"A=b\u00a0", "A=\u0085b", `A="b" #c`, `A="b"#c`, `A='"'`, `A="''"`, `A='x"'`, `A=@`, `A=/x/y`, `A=a+b`, `A+=b`, `A=b\`, `A="#"`, `A=' # '`,
		`A="a # b"`, `export export=1`, `A="${B}"`, `A=$(x)`, `A="canary`, `A=canary$x`,
	}
}

func TestShellAgrees(t *testing.T) {
	t.Parallel()
	for _, line := range seeds() {
		compare(t, line)
	}
}

// Many generated lines at once: all that are accepted go into one file, so one shell reads them all.
func TestShellAgrees_Generated(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	alphabet := []string{"a", "B", "0", "_", "=", "'", "\"", "#", " ", "\t", "$", "\\", "`", "!", "%", "&", "*", "(", ")", ";", "|", "<", ">", "?",
		"[", "]", "{", "}", "~", ":", ".", ",", "/", "@", "^", "+", "-", "日", "\u00a0", "export "}
	var file, script bytes.Buffer
	var want []string
	for n := 0; len(want) < 3000; n++ {
		name := "V" + string(rune('A'+n%26)) + strings.Repeat("x", n/26%5)
		var body strings.Builder
		for range random.IntN(9) {
			body.WriteString(alphabet[random.IntN(len(alphabet))])
		}
		line := name + "=" + body.String()
		switch random.IntN(4) {
		case 0:
			line = name + "='" + strings.ReplaceAll(body.String(), "'", "") + "'"
		case 1:
			line = name + `="` + strings.ReplaceAll(body.String(), `"`, "") + `"`
		case 2:
			line = "export " + line
		}
		a, err := parseLine(line)
		if err != nil || a.name == "" {
			continue
		}
		file.WriteString(line + "\nprintf '%s\\0' \"$" + a.name + "\"\n")
		want = append(want, a.value)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "env")
	if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/bin/sh", path)
	cmd.Dir, cmd.Env, cmd.Stderr = dir, []string{"PATH="}, &script
	out, err := cmd.Output()
	if err != nil || script.Len() > 0 {
		t.Fatalf("sh: %v: %s", err, script.String())
	}
	got := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	if len(got) != len(want) {
		t.Fatalf("the shell printed %d values, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("value %d: a shell reads %q, we read %q", i, got[i], want[i])
		}
	}
}

func FuzzShellAgrees(f *testing.F) {
	for _, line := range seeds() {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if strings.ContainsAny(line, "\n\x00") || len(line) > 4096 {
			return // the reader splits at line ends before, and no shell reads NUL
		}
		compare(t, line)
	})
}
