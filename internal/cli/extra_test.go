package cli

import (
	"encoding/json"
	"strings"
	"testing"
)

// --extra-wait is kept with the certificate, is in the hook lines that certbot would use, and is used by renew.
func TestExtraWait_KeptWithTheCertificate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if said := w.issue("--extra-wait", "1", "example.com"); said.code != 0 || !strings.Contains(said.stderr, "1 s more (--extra-wait)") {
		t.Fatalf("exit %d, %s", said.code, said.stderr)
	}
	l := w.lineage("example.com")
	if s, _ := l.Conf.Settings(); s.ExtraWait != "1" {
		t.Errorf("kept: %q", s.ExtraWait)
	}
	text := w.read(w.config("renewal", "example.com.conf"))
	if n := strings.Count(text, "--extra-wait 1"); n != 2 {
		t.Errorf("%d hook lines have the option:\n%s", n, text)
	}
	if said := w.run("show", "example.com"); !strings.Contains(said.stdout, "1 s") {
		t.Errorf("show: %s", said.stdout)
	}
	said := w.run("renew", "--force", "--json", "--plain")
	if said.code != 0 || !strings.Contains(said.stderr, "1 s more (--extra-wait)") {
		t.Errorf("renew: exit %d, %s", said.code, said.stderr)
	}
	if said := w.issue("--extra-wait", "0", "--force", "example.com"); said.code != 0 || strings.Contains(said.stderr, "--extra-wait") {
		t.Errorf("without: exit %d, %s", said.code, said.stderr)
	}
}

func TestExtraWait_InTheAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	said := w.issue("--extra-wait", "1", "--json", "example.net")
	var answer struct {
		Extra float64 `json:"extra_wait"`
	}
	if err := json.Unmarshal([]byte(said.stdout), &answer); err != nil || answer.Extra != 1 {
		t.Errorf("%v, %s", err, said.stdout)
	}
}

func TestExtraWait_Wrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, text := range []string{"-1", "soon", "3001", "1.5", "10s"} {
		said := w.run("issue", "--agree-tos", "--extra-wait="+text, "example.com")
		if said.code != 2 || !strings.Contains(said.stderr, "--extra-wait") || !strings.Contains(said.stderr, "from 0 to 3000") {
			t.Errorf("%s: exit %d, %s", text, said.code, said.stderr)
		}
	}
	w.environ = append(w.environ, "WILDCARD_EXTRA_WAIT=soon")
	if said := w.run("issue", "--agree-tos", "example.com"); said.code != 78 || !strings.Contains(said.stderr, "WILDCARD_EXTRA_WAIT") {
		t.Errorf("exit %d, %s", said.code, said.stderr)
	}
	w.orders(0)
}
