//go:build e2e

package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The drivers source a script, have the shell itself complete $LINE, and print what comes of it.
const (
	bashDriver = `
source "$SCRIPT"
COMP_LINE=$LINE COMP_POINT=${#LINE}
$(complete -p wildcard | sed 's/.*-F \([^ ]*\) .*/\1/') wildcard
printf '%s\n' "${COMPREPLY[@]}"`

	fishDriver = `
source "$SCRIPT"
complete -C "$LINE" | string replace -r '\t.*' ''
true`

	// zsh completes only at a terminal: one of its own, where what the completion adds is printed in place of listed.
	zshDriver = `
zmodload zsh/zpty
zpty z zsh -f -i
wait_for() { local all= part; while [[ $all != *$1* ]]; do zpty -r z part || { print -r -- "ended: $all" >&2; exit 1 }; all+=$part; done; print -r -- "$all"; }
zpty -w z 'PS1= PS2=; unsetopt zle_bracketed_paste prompt_cr prompt_sp; stty -echo; autoload -Uz compinit; compinit -D -u; source "$SCRIPT"; print re"ady"'
wait_for ready >/dev/null
zpty -w z 'compadd() { local -a all; if [[ " $* " == *" -O "* || " $* " == *" -A "* || " $* " == *" -D "* ]]; then builtin compadd "$@"; return; fi; builtin compadd -O all "$@"; print -rl -- ${all/#/candidate:} >>"$OUT"; builtin compadd "$@" }'
zpty -w z 'finish() { zle kill-whole-line; print done: >>"$OUT" }; zle -N finish; bindkey "^X" finish; print re"bound"'
wait_for rebound >/dev/null
zpty -w -n z "$LINE"$'\t\x18'
while ! [[ -e $OUT && "$(<$OUT)" == *done:* ]]; do sleep 0.05; done
sed -n 's/^candidate://p' "$OUT"
zpty -d z`
)

// Real shells complete commands, options, values, certificates and files.
func TestShells(t *testing.T) {
	w := newWorld(t)
	w.issue("*.example.com")
	w.issue("*.example.net")
	bin, err := exec.LookPath("wildcard") // testscript has put it there
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(w.dir, "credentials.env"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for shell, driver := range map[string][]string{
		"bash": {"bash", "--norc", "--noprofile", "-c", bashDriver},
		"fish": {"fish", "--no-config", "-c", fishDriver},
		"zsh":  {"zsh", "-f", "-c", zshDriver},
	} {
		t.Run(shell, func(t *testing.T) {
			script := filepath.Join(w.dir, "script."+shell)
			if err := os.WriteFile(script, []byte(w.run("completion", shell).exits(0).stdout), 0o600); err != nil {
				t.Fatal(err)
			}
			for line, want := range map[string][]string{
				"wildcard re":                                  {"release", "renew", "revoke"},
				"wildcard show ex":                             {"example.com", "example.net"},
				"wildcard show --json example.n":               {"example.net"},
				"wildcard renew --dep":                         {"--deploy"},
				"wildcard renew --deploy l":                    {"later"},
				"wildcard account regi":                        {"register"},
				"wildcard issue --provider rf":                 {"rfc2136"},
				"wildcard issue --env-file " + w.dir + "/cred": {"credentials.env"},
			} {
				cmd := exec.Command(driver[0], driver[1:]...)
				cmd.Env = append(slices.Clone(w.environ), "LINE="+line, "SCRIPT="+script, "OUT="+filepath.Join(t.TempDir(), "out"), "TERM=dumb", "LC_ALL=C.UTF-8")
				cmd.Env = append(cmd.Env, "PATH="+filepath.Dir(bin)+":"+os.Getenv("PATH"))
				out, err := cmd.CombinedOutput()
				got := strings.Fields(strings.ReplaceAll(string(out), w.dir+"/", ""))
				slices.Sort(got)
				if got = slices.Compact(got); err != nil || !slices.Equal(got, want) {
					t.Errorf("%q: %v %q, want %q", line, err, got, want)
				}
			}
		})
	}
}

// groff and mandoc read the pages without a warning.
func TestPages(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	w.run("manual", dir).exits(0)
	pages, err := filepath.Glob(filepath.Join(dir, "*.1"))
	if err != nil || len(pages) < 12 {
		t.Fatalf("%q %v", pages, err)
	}
	for _, page := range pages {
		cmd := exec.Command("man", "--warnings=w", "-l", page)
		cmd.Env = append(os.Environ(), "MANWIDTH=80", "LC_ALL=C.UTF-8")
		var warnings strings.Builder
		cmd.Stderr = &warnings
		if out, err := cmd.Output(); err != nil || warnings.String() != "" || !strings.Contains(string(out), "EXIT STATUS") {
			t.Errorf("man %s: %v\n%s", page, err, &warnings)
		}
	}
	out, err := exec.Command("mandoc", append([]string{"-Tlint", "-Wwarning"}, pages...)...).CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if !strings.Contains(line, "missing date") { // only a program that was built from a commit knows it
			t.Errorf("mandoc: %s", line)
		}
	}
	if err != nil && len(out) == 0 {
		t.Error(err)
	}
}
