package settings

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// sourced returns what a real shell makes of the files 0, 1, 2, … in dir: of each, the values of the names, in the order of
// names. Only files that our reader accepts may be handed to it, since a shell runs what it reads; the folder holds nothing
// else, the environment is empty and no program can be found.
func sourced(t testing.TB, shell, dir string, texts, names []string) [][]string {
	t.Helper()
	script := "while [ $# -gt 0 ]; do unset " + strings.Join(names, " ") + `; . "./$1"; printf '%s\0'`
	for _, name := range names {
		script += ` "${` + name + `-}"`
	}
	args := []string{"-c", script + "; shift; done", "sh"}
	for i := range texts {
		args = append(args, strconv.Itoa(i))
	}
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), shell, args...)
	cmd.Dir, cmd.Env, cmd.Stderr = dir, []string{"PATH=/nonexistent"}, &stderr
	out, err := cmd.Output()
	values := strings.Split(string(out), "\x00")
	values = values[:len(values)-1]
	if done := len(values) / len(names); err != nil || stderr.Len() > 0 || done != len(texts) || len(values)%len(names) > 0 {
		next := append(slices.Clone(texts), "")[min(done, len(texts))]
		t.Fatalf("%s printed the values of %d files out of %d and said %v, %q; the next file is %q", shell, done, len(texts), err, &stderr, next)
	}
	return slices.Collect(slices.Chunk(values, len(names)))
}

// compare checks the property that matters: what is accepted means to a shell what it means here. The names are those that
// the files may set.
func compare(t testing.TB, shells, texts, names []string) {
	t.Helper()
	dir := folder(t)
	for i, text := range texts {
		write(t, filepath.Join(dir, strconv.Itoa(i)), text)
	}
	for _, shell := range shells {
		for i, got := range sourced(t, shell, dir, texts, names) {
			values, err := parseEnv("/x", texts[i])
			if err != nil {
				t.Fatal(err)
			}
			for j, name := range names {
				if got[j] != values.get(name) {
					t.Errorf("%s reads %s of %q as %q, we as %q", shell, name, texts[i], got[j], values.get(name))
				}
			}
		}
	}
}

// shells are the shells to compare with: sh, which everybody has, and bash, whose syntax people have in mind.
func shells() []string {
	found := []string{"/bin/sh"}
	if _, err := os.Stat("/bin/bash"); err == nil {
		found = append(found, "/bin/bash")
	}
	return found
}

func seeds() []string {
	return []string{
		// as people wrote them for the shell scripts
		"CNH_REGION=\"tyo1\"\nCNH_TENANT_ID=\"0123456789abcdef0123456789abcdef\"\nCNH_USERNAME=\"gncu00000000\"\nCNH_PASSWORD=\"p@ss!word\"\n",
		"#!/bin/bash\n# ConoHa\nexport CNH_NAME='gncu00000000' # user\nexport CNH_PASS='it is \"it\"'\nexport CNH_TENANTID=0123456789abcdef \n",
		"\n\n  CNH_REGION=tyo1   # tyo1, tyo2\n\tCNH_TENANT_ID=x\t\n", "CNH_PASSWORD='" + `aA1!#$%&?"=+-_{}[]^~:;().,/|\*@` + "'",
		`CNH_REGION="tyo1"`, `CNH_TENANT_ID='0123456789abcdef0123456789abcdef'`, `CNH_USERNAME=gncu00000000`, `export CNH_PASSWORD='p w'`,
		"A=1\nA=2", "A=1\nA=", "A='1'\n#A='2'", "# it's \"\\\nA=b", "# x \\\nA=b", "A=b # \\\nB_2=c", "A='x\ny'", "A=b\\\nB_2=c", "\ufeffA=b", "A=b\r\nB_2=c\r\n",
		// each rule, from both sides
		`A=b # comment`, `A=b#c`, `A=#b`, `A=`, `A= `, `A= # x`, `A='' # x`, `A="a'b"`, `# A=b`, `   A=b   `, "\tA=b", `A =b`, `A= b`, `A: b`, `A=b:c`,
		`A="b"c`, `A='b''c'`, `A='b'\''c'`, `A=$B`, `A="$B"`, "A=`x`", `A="\n"`, `A='\'`, `A='x\'`, `A="x`, `A='x`, `A=b c`, `A=b;c`, `A=~`, `A=b~`, `A=x:~`,
		`A='~'`, `A="~/x"`, `A=*`, `export A=*`, `export A`, `A`, `=b`, `1A=b`, `A-B=c`, `A=b=c`, `A==`, `A==ls`, `A=x:=ls`, `export  A=b`, `exportA=b`,
		`A={a,b}`, `export A={a,b}`, `A=[x]`, `A=!x`, `A=^`, `A=%`, `A=a,b`, `A=日本`, `A='日本'`, `A="あいう"`, `A=あ`, "A=b\u00a0", "A=\u0085b", "A=\u3000b", "A=b\u3000",
		`A="b" #c`, `A="b"#c`, `A='"'`, `A="''"`, `A='x"'`, `A=@`, `A=/x/y`, `A=a+b`, `A+=b`, `A=b\`, `A="#"`, `A=' # '`, `A="a # b"`, `A=b # c # d`,
		`export export=1`, `export=1`, `A="${B}"`, `A=$(x)`, `A="b`, `A=b$x`, `A=-n`, `A="-e \"`, `A='%s'`, `A=if`, `if=1`, `A=b&&c`, `A=<(x)`, `A=(b)`, `A[0]=b`,
		"A=b\x00", "A=\x01", "A=\x7f", "A='\x81'", "A=\v", "A=b\f",
	}
}

// settable are names that the seeds and the generated files set, and that mean nothing to a shell itself.
func settable() []string {
	return []string{"A", "B_2", "_c", "CNH_REGION", "CNH_TENANT_ID", "CNH_USERNAME", "CNH_PASSWORD", "CNH_NAME", "CNH_PASS", "CNH_TENANTID"}
}

func TestShellAgrees(t *testing.T) {
	t.Parallel()
	var accepted []string
	for _, text := range seeds() {
		if _, err := parseEnv("/x", text); err == nil && !strings.ContainsAny(text, "\ufeff\r") {
			accepted = append(accepted, text)
		}
	}
	if len(accepted) < 50 {
		t.Errorf("only %d seeds are accepted", len(accepted))
	}
	compare(t, shells(), accepted, settable())
}

// generator makes env files of good and bad lines.
type generator struct{ *rand.Rand }

func (g generator) pick(from ...string) string { return from[g.IntN(len(from))] }

// text is a few characters and words, most of which mean something to a shell or to godotenv.
func (g generator) text(without string) string {
	var b strings.Builder
	for range g.IntN(8) {
		s := g.pick("a", "B", "0", "_", "=", "'", `"`, "#", " ", " #", "\t", "$", `\`, "`", "!", "%", "&", "*", "(", ")", ";", "|", "<", ">", "?", "[", "]",
			"{", "}", "{a,b}", "~", ":", ":~", ".", ",", "/", "@", "^", "+", "-", "日本", "あ", "\u00a0", "\u0085", "\u3000", "$A", "${A}", "$(x)", `\n`, "-n", "%s", "canary")
		if !strings.ContainsAny(s, without) {
			b.WriteString(s)
		}
	}
	return b.String()
}

func (g generator) value() string {
	switch g.IntN(12) {
	case 0, 1, 2, 3:
		return "'" + g.text("'") + "'"
	case 4, 5:
		return `"` + g.text("\"$`\\") + `"`
	case 6, 7, 8:
		return g.text("'\"$`\\;&|<>()~ \t#")
	case 9:
		return `"` + g.text(`"`) + `"`
	default:
		return g.text("")
	}
}

func (g generator) line() string {
	name := settable()[g.IntN(4)]
	switch g.IntN(24) {
	case 0:
		return g.pick("", " ", "\t")
	case 1:
		return g.pick("# ", "#", " #") + g.text("")
	case 2:
		return name + g.pick(" =", "= ", ": ", ":", "+=", "") + g.value()
	case 3, 4, 5:
		return "export" + g.pick(" ", "  ", "\t") + name + "=" + g.value()
	case 6, 7, 8:
		return name + "=" + g.value() + g.pick(" # ", " #", "  # ", "#") + g.text("")
	case 9, 10:
		return g.pick(" ", "\t") + name + "=" + g.value() + g.pick(" ", "\t", "  ")
	default:
		return name + "=" + g.value()
	}
}

func (g generator) file() string {
	var lines []string
	for range 1 + g.IntN(5) {
		lines = append(lines, g.line())
	}
	return strings.Join(lines, "\n") + g.pick("\n", "\n", "")
}

func TestShellAgrees_Generated(t *testing.T) {
	t.Parallel()
	g := generator{rand.New(rand.NewPCG(1, 2))}
	var accepted []string
	refused := 0
	for range 5000 {
		text := g.file()
		values, err := parseEnv("/x", text)
		if err != nil {
			refused++
			if exposed(err.Error()) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%q: %v", text, err)
			}
			continue
		}
		accepted = append(accepted, text)
		windows, err := parseEnv("/x", byteOrderMark+strings.ReplaceAll(text, "\n", "\r\n"))
		if err != nil || !maps.Equal(windows, values) {
			t.Errorf("%q with byte order mark and carriage returns: %v", text, err)
		}
	}
	if len(accepted) < 1000 || refused < 1000 {
		t.Errorf("%d files accepted, %d refused: too one-sided to tell", len(accepted), refused)
	}
	compare(t, shells(), accepted, settable()[:4])
}

func FuzzShellAgrees(f *testing.F) {
	for _, text := range seeds() {
		f.Add(text)
	}
	// Assigning these changes how a shell itself works, not what the line says.
	special := []string{"PATH", "IFS", "PPID", "OPTIND", "LINENO", "UID", "EUID", "_", "RANDOM", "SECONDS", "POSIXLY_CORRECT", "SHELLOPTS", "BASHOPTS", "BASH_COMPAT"}
	f.Fuzz(func(t *testing.T, text string) {
		values, err := parseEnv("/x", text)
		if err != nil {
			if strings.ContainsFunc(err.Error(), isControl) {
				t.Errorf("%q: the error is no single line: %q", text, err)
			}
			return
		}
		names := slices.Sorted(maps.Keys(values))
		if len(names) == 0 || len(text) > 16<<10 || strings.ContainsAny(text, "\ufeff\r") || slices.ContainsFunc(names, func(name string) bool { return slices.Contains(special, name) }) {
			return
		}
		compare(t, []string{"/bin/sh"}, []string{text}, names)
	})
}
