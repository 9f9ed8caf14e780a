package advice

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"wildcard/internal/testkit/executable"
)

// elsewhere are the commands that other tests than those of this list run, or as much of them as can be run without the Internet: a file,
// and what it has of the command.
var elsewhere = []struct{ command, file, has string }{
	{`^(go test|bash .ci/run)`, ".ci/run", "go test -tags failpoint -run Sweep"},
	{`^go doc `, "docs/architecture.md", "internal/NAME"},
	{`^go generate ./internal/messages`, "internal/messages/errorpage.go", "go generate ./internal/messages"},
	{`^go run ./cmd/wildcard-sandbox (demo|run)`, ".ci/run", "./cmd/wildcard-sandbox"},
	{`^CGO_ENABLED=0 go build `, "e2e/world_test.go", "executable.Build"},
	{`go -C cmd/wildcard-dns-lego build `, ".ci/run", "go -C cmd/wildcard-dns-lego build"},
	{`^bash packaging/build /tmp/packages wildcard$`, "packaging/release", `bash packaging/build`},
	{`^bash packaging/build /tmp/packages wildcard-dns-lego`, ".ci/run", "packaging/build \"$work/packages\" wildcard-dns-lego"},
	{`^apt-get install (/tmp|certbot|nginx-light)`, ".ci/run", "apt-get install"},
	{`go -C packaging/image run -trimpath . wildcard-webhook`, "packaging/release", `go -C packaging/image run -trimpath . "$image"`},
	{`^bash packaging/release 1.0.0`, "packaging/e2e_test.go", `"packaging/release", version, folder, "wildcard"`},
	{`^podman load `, "docs/containers.md", "podman load"}, // no test may ask for Podman: what it reads is run by packaging's test of the image
	{`^echo 'deb \[signed-by`, "packaging/session.sh", "echo \"deb [signed-by=/usr/share/keyrings/wildcard.asc]"},
	{`^apt-get update && apt-get install wildcard`, "packaging/session.sh", "apt-get update"},
	{`^skopeo `, "docs/kubernetes.md", "skopeo copy"},
	{`^helm install `, "cmd/wildcard-webhook/k8s_manifests_test.go", `"lint", "--strict"`},
	{`^kubectl `, "cmd/wildcard-webhook/k8s_manifests_test.go", `"apply", "--server-side"`},
	{`^wildcard-sandbox demo`, "cmd/wildcard-sandbox/demo_test.go", `"demo", "--dir"`},
	{`^wildcard-sandbox run`, "cmd/wildcard-sandbox/shell_test.go", `"run", "--zone"`},
	{`wildcard-sandbox serve`, "cmd/wildcard-sandbox/testdata/script/serve.txtar", `eval "$(wildcard-sandbox serve &)"`},
	{`^wildcard-auth-hook --help`, "hooks/help_test.go", `"--help"`},
	{`wildcard completion`, "internal/cli/e2e_shells_test.go", `"completion", shell`},
	{`^30 9 \* \* \* root .*wildcard list --check 14d`, "internal/cli/advised_test.go", "TestAdvised_Ours"},
	{`^(sudo )?wildcard `, "internal/cli/advised_test.go", "TestAdvised_Ours"},
	{`^(mkdir nginx|cat >nginx|cd "\$WILDCARD|export PATH|nginx -p|sleep 2|openssl (x509|s_client -connect 127))`, "e2e/docs_test.go", "TestOffline"},
	{`^17 \*/6 \* \* \* root .*wildcard renew --quiet`, "internal/doctor/cron_test.go", "17 */6 * * * root /usr/local/bin/wildcard renew --quiet"},
	{`^restorecon `, "docs/servers.md", "restorecon -Rv /etc/letsencrypt"}, // of machines with SELinux
	{`^editor `, "docs/migration.md", "editor"},
}

// ofE2E are the programs whose commands e2e.TestAdvised_Programs runs.
func ofE2E(program string) bool { return slices.Contains(E2E(), program) }

// TestCommands_EachIsRun fails for a command in a text that no test runs, and runs those of the usual programs itself.
func TestCommands_EachIsRun(t *testing.T) {
	t.Parallel()
	const root = "../../.."
	all, err := Commands(root)
	if err != nil || len(all) < 200 {
		t.Fatal(len(all), err)
	}
	used := make([]bool, len(elsewhere))
	for _, c := range all {
		if i := slices.IndexFunc(elsewhere, func(e struct{ command, file, has string }) bool {
			return regexp.MustCompile(e.command).MatchString(c.Line)
		}); i >= 0 {
			used[i] = true
			text, err := os.ReadFile(filepath.Join(root, elsewhere[i].file))
			if err != nil || !strings.Contains(string(text), elsewhere[i].has) {
				t.Errorf("%s: %s: not in %s: %v", c.At, c.Line, elsewhere[i].file, err)
			}
			continue
		}
		if !ofE2E(c.Program()) {
			t.Run(strings.ReplaceAll(c.Line, "/", "_"), func(t *testing.T) { run(t, c) })
		}
	}
	for i, e := range elsewhere {
		if !used[i] {
			t.Errorf("no text has %s any more", e.command)
		}
	}
}

// run runs a command of the usual programs as a shell does, in a folder that has what messages fill in.
func run(t *testing.T, c Command) {
	dir := t.TempDir()
	for _, name := range []string{"file", ".env", ".env.example", "create_conoha_dns_record.sh", "delete_conoha_dns_record.sh", "cert7.pem",
		"chain7.pem", "fullchain7.pem", "privkey7.pem", "cli.ini"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("text\r\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"accounts", "conoha", "lego", "rfc2136"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	line := strings.NewReplacer("mv %s %s", "mv file other", "mv %s %s.old", "mv file file.old", "echo %s > %s", "echo line > file", "sed -i %s", "sed -i s/a/b/",
		"cd %s", "cd .", "chmod %s", "chmod go-rwx", "%d.pem", "7.pem", "%d", "0", "%s", "file", "FILE", "file", "PATH", "file", "GROUP", "root",
		"/etc/letsencrypt/conoha", "conoha", "/etc/letsencrypt/", "", "/etc/letsencrypt", ".", "/var/lib/wildcard", ".",
		"/run/wildcard", ".", "/usr/local/lib/wildcard", "lib").Replace(c.Line)
	switch {
	case line == "chmod 640", line == "chmod 750", line == "chmod go-w", strings.HasSuffix(line, " root"): // of a sentence that has the file
		line += " file"
	case strings.HasPrefix(line, "ln "):
		line = "rm *_conoha_dns_record.sh; " + line
	}
	if os.Geteuid() != 0 && strings.HasPrefix(line, "chown") {
		line = strings.NewReplacer("root:root", "$(id -u)", "root", "$(id -u)", " 0 ", " $(id -u) ").Replace(line)
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-ec", line)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+programs(t)+":"+os.Getenv("PATH"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %s\n(%s): %v\n%s", c.At, c.Line, line, err, out)
	}
}

// programs is a folder that has our hooks.
func programs(t *testing.T) string {
	dir := t.TempDir()
	for _, name := range []string{"wildcard-auth-hook", "wildcard-cleanup-hook"} {
		executable.Write(t, filepath.Join(dir, name), "#!/bin/sh\n")
	}
	return dir
}

// TestOfText_Sentences has what is a command in a sentence, and what is none.
func TestOfText_Sentences(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"wildcard list shows them":                                        "wildcard list",
		"it issues no wildcard certificates; wildcard help ca has others": "wildcard help ca",
		"another: wildcard isue NAME...":                                  "wildcard isue NAME…",
		"certbot renews it, or certbot renew --force-renewal does":        "certbot renew --force-renewal",
		"ls -ld %s; df -h %s":                                             "ls -ld %s|df -h %s",
		"give it back (chown root:root PATH); done":                       "chown root:root PATH",
		"issue --deploy-hook: wildcard issue --deploy-hook 'a, or b' %s":  "wildcard issue --deploy-hook 'a, or b' %s",
		"後で: wildcard show 名前 で見られます":                                     "wildcard show NAME",
		"Text.\n\n  wildcard renew\n  wildcard completion fish | source":  "wildcard renew|wildcard completion fish | source",
	} {
		if got := strings.Join(OfText(text), "|"); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	page := "See `wildcard list`, `live/`.\n```sh\n# note\ncat >x <<END\nwildcard none\nEND\nwildcard a \\\n  b  # c\n```\n"
	if got := strings.Join(OfPage(page), "|"); got != "cat >x <<END|wildcard a b|wildcard list" {
		t.Errorf("%q", got)
	}
}
