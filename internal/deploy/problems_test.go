package deploy_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wildcard/internal/deploy"
	"wildcard/internal/fault"
	"wildcard/internal/testkit/executable"
)

// O27: a program without a "#!" line is run by /bin/sh, as by the shell that certbot starts its hooks with.
func TestDeploy_NoInterpreterLine(t *testing.T) {
	t.Parallel()
	for what, text := range map[string]string{
		"a command": "echo $RENEWED_DOMAINS\n",
		"a comment": "# reload\n\necho $RENEWED_DOMAINS",
		"a blank":   " #!/bin/false\necho $RENEWED_DOMAINS\n",
	} {
		w := newWorld(t)
		executable.Write(t, w.hook(t, "deploy", "reload.sh", ""), text)
		if err := w.Deploy(t.Context(), "", []string{"a.example"}, nil); err != nil || w.stderr.String() != "deploy hook: a.example\n" {
			t.Errorf("%s: %v, printed %q", what, err, w.stderr.String())
		}
		if problems := w.Problems(nil); len(problems) > 0 {
			t.Errorf("%s: %+v", what, problems)
		}
	}
	w := newWorld(t)
	executable.Write(t, w.hook(t, "deploy", "empty", ""), "")
	if err := w.Deploy(t.Context(), "", nil, nil); err != nil {
		t.Error(err)
	}
	executable.Write(t, filepath.Join(w.dir, "renewal-hooks", "deploy", "empty"), "PK\x03\x04\x00\x00echo ran\n")
	if err := w.Deploy(t.Context(), "", nil, nil); fault.CodeOf(err) != deploy.CodeFailed || !strings.Contains(err.Error(), "exec format error") {
		t.Errorf("a file that is no text: %v, printed %q", err, w.stderr.String())
	}
}

// O27: what the kernel and shells do not say of a script is told before it is needed, and when it has failed; be it in a folder or
// the beginning of a command line.
func TestDeploy_DefectiveScript(t *testing.T) {
	t.Parallel()
	for what, test := range map[string]struct{ text, why, next string }{
		"CR LF":               {"#!/bin/sh\r\necho ran\r\n", "line 1 ends in CR", `sed -i 's/\r$//' `},
		"CR LF after env":     {"#!/usr/bin/env sh\r\necho ran\r\n", "line 1 ends in CR", `sed -i 's/\r$//' `},
		"CR LF, no #!":        {"no-such-program reload\r\nexit 3\r\n", "line 1 ends in CR", `sed -i 's/\r$//' `},
		"a BOM":               {"\xef\xbb\xbf#!/bin/sh\nexit 3\n", "begins with a BOM", "save it as UTF-8"},
		"UTF-16":              {"\xff\xfe#\x00!\x00/\x00", "begins with a BOM", "save it as UTF-8"},
		"no such interpreter": {"#! /no/such/bash -e\necho ran\n", "names /no/such/bash, which is not there", "correct line 1"},
	} {
		for _, inFolder := range []bool{true, false} {
			t.Run(what, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				var commands []string
				path := filepath.Join(w.dir, "reload.sh")
				if inFolder {
					path = w.hook(t, "deploy", "reload.sh", "")
				} else {
					commands = []string{path + " now"}
				}
				executable.Write(t, path, test.text)
				problems := w.Problems(commands)
				if len(problems) != 1 || problems[0].Path != path || !strings.Contains(problems[0].Why.Error(), test.why) || !strings.Contains(problems[0].Next.String(), test.next) {
					t.Errorf("before: %+v", problems)
				}
				err := w.Deploy(t.Context(), "", nil, commands)
				if fault.CodeOf(err) != deploy.CodeFailed || !strings.Contains(err.Error(), test.why) || strings.Contains(w.stderr.String(), "ran\n") {
					t.Errorf("%v, printed %q", err, w.stderr.String())
				}
			})
		}
	}
}

// A hook that is not there, is not executable, or that others can change is told before it is needed.
func TestProblems_HooksThatCannotStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	plain := filepath.Join(w.dir, "ca.pem")
	executable.Write(t, plain, "x")
	chmod(t, plain, 0o644)
	open := w.hook(t, "post", "open", "")
	chmod(t, open, 0o777)
	good := w.hook(t, "pre", "good", "")
	got := map[string]string{}
	for _, p := range w.Problems([]string{"", good, "'/no/such' a", "no-such-program reload nginx", plain, w.dir, "test -x /no/such/other && true"}) {
		got[p.Path] = p.Why.Error() + " > " + p.Next.String()
	}
	for path, want := range map[string]string{"no-such-program": "not found in the PATH that hooks get (/usr/bin:/bin:/usr/local/sbin", "/no/such": "is not there", plain: "> chmod +x " + plain, open: "> chmod go-w " + open, w.dir: "not executable"} {
		if !strings.Contains(got[path], want) {
			t.Errorf("%s: %q, want %q", path, got[path], want)
		}
		delete(got, path)
	}
	if len(got) > 0 {
		t.Errorf("also %q", got)
	}
}

// N1: a command line is judged by its first word, as the shell that runs it would look for that.
func TestCheck_FirstWord(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bin := filepath.Join(w.dir, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	w.Environ = []string{"PATH=/usr/bin:/bin:" + bin}
	program := func(name string, mode os.FileMode) string {
		path := filepath.Join(bin, name)
		executable.Write(t, path, "#!/bin/sh\n")
		chmod(t, path, mode)
		return path
	}
	good, plain, open := program("reload-good", 0o755), program("reload-plain", 0o644), program("reload-open", 0o777)
	link := filepath.Join(w.dir, "link")
	if err := os.Symlink(open, link); err != nil {
		t.Fatal(err)
	}
	for command, want := range map[string]string{
		"": "", "# nothing": "", good: "", "reload-good now": "", "'" + good + "' a b": "", "env true": "",
		"cd /etc && ./make": "", ". /etc/x": "", "if true; then reload-none; fi": "", "{ reload-none; }": "", ": comment": "", "exit 0": "",
		"A=b LANG=C reload-good": "", "$SERVICE reload": "", "~/reload": "", "(cd / && true)": "", ">/dev/null reload-good": "",
		"2>&1 reload-good": "", "exec reload-good": "", "reload-good;reload-none": "", "reload-good>/dev/null": "", "`which true`": "",
		"export A=b; reload-none": "", strings.TrimPrefix(good, "/") + " from the root": "",
		"reload-none": deploy.CodeUnusable, "reload-none;true": deploy.CodeUnusable, "A=b exec reload-none >/dev/null": deploy.CodeUnusable,
		"reload-plain": deploy.CodeUnusable, plain + " now": deploy.CodeUnusable, "/no/such": deploy.CodeUnusable, "./reload-good": deploy.CodeUnusable,
		"'/no such/x' now": deploy.CodeUnusable, "/no\\ such": deploy.CodeUnusable, bin: deploy.CodeUnusable, ">/dev/null reload-none": deploy.CodeUnusable,
		"(reload-none)": deploy.CodeUnusable, "reload-none|cat": deploy.CodeUnusable, "reload-none&&true": deploy.CodeUnusable,
		"/no/such\ntrue": deploy.CodeUnusable,
		open:             deploy.CodeUnsafe, "reload-open now": deploy.CodeUnsafe, "A=b " + open + " && true": deploy.CodeUnsafe, link: deploy.CodeUnsafe,
		"(" + open + ")": deploy.CodeUnsafe,
	} {
		err := w.Check([]string{"true", command})
		if fault.CodeOf(err) != want || err != nil && fault.ClassOf(err) != fault.Misconfigured {
			t.Errorf("%q: %v, want %q", command, err, want)
		}
	}
}

// N1: what another user could change by now is not run, be it a command line's and not a folder's program; and it says what to do.
func TestDeploy_CommandUnsafe(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := filepath.Join(w.dir, "reload.sh")
	executable.Write(t, path, "#!/bin/sh\necho ran\n")
	chmod(t, path, 0o777)
	for _, command := range []string{path + " now", "A=b " + path + "; true", "exec " + path} {
		err := w.Deploy(t.Context(), "", nil, []string{command, "echo next"})
		if fault.CodeOf(err) != deploy.CodeUnsafe || !strings.Contains(err.Error(), ": chmod go-w "+path) {
			t.Errorf("%s: %v", command, err)
		}
	}
	if got := w.stderr.String(); got != strings.Repeat("deploy hook: next\n", 3) {
		t.Errorf("printed %q", got)
	}
}

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// TestDeploy_LongCommand has command lines whole in errors, printable: what tells one from another may be at its end.
func TestDeploy_LongCommand(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	long := filepath.Join(w.dir, strings.Repeat("deep", 40), "reload.sh")
	for command, want := range map[string]string{
		"exit 3 # " + long + " nginx":  `hook "exit 3 # ` + long + ` nginx": exit status 3`,
		"exit 4\n# \x1b[31m red":       `hook "exit 4\n# \x1b[31m red": exit status 4`,
		long + " --reload postfix now": long + ` --reload postfix now"`,
	} {
		if err := w.Deploy(t.Context(), "", nil, []string{command}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", command, err)
		}
	}
	if err := w.Check([]string{long + " nginx"}); err == nil || !strings.Contains(err.Error(), `reload.sh nginx"`) {
		t.Errorf("%v", err)
	}
}
