package plugin

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode"

	"wildcard/internal/system/subprocess"
	"wildcard/providers"
)

// wantTold checks that an error can be shown: with a code, on one short line.
func wantTold(t *testing.T, err error) {
	t.Helper()
	if text := err.Error(); providers.CodeOf(err) == "" || len(text) > 4*mostMessage || strings.ContainsFunc(text, obeyed) {
		t.Errorf("code %q, text %q", providers.CodeOf(err), text)
	}
}

// obeyed reports what a terminal would obey.
func obeyed(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }

// FuzzSession takes bytes for what a plugin prints while three requests wait, one of which was given up. Each gets
// one answer, and what it is told can be shown.
func FuzzSession(f *testing.F) {
	for _, output := range []string{
		`{"protocol":1,"id":1,"fqdn":"_acme-challenge.example.com.","handle":"x"}` + "\n" + `{"protocol":1,"id":2,"error":{"class":"refused","message":"no\u001b[2J\u202e"}}` + "\n",
		`{"protocol":1,"id":1}` + "\n" + `{"protocol":1,"id":1}` + "\n", `{"protocol":1,"id":4}` + "\n", `{"protocol":2,"id":1}`, `{"protocol":1,"id":3,"zones":["..",""]}`,
		`{"protocol":1,"id":1,"variables":[{"name":"LD_PRELOAD"}]}`, `{"protocol":1,"id":1,"services":[{"name":"../x"}]}`, "\n", "{}\n", "null\n", "[]\n", "{}{}\n", "\x1b[2J\n", `{"id":1e99}`,
		`{"protocol":1,"id":2,"error":{"class":"x","message":"` + strings.Repeat("é", 500) + `"}}` + "\n", strings.Repeat("x", mostReply+1), strings.Repeat("[", 5000) + "\n",
	} {
		f.Add([]byte(output))
	}
	f.Fuzz(func(t *testing.T, output []byte) {
		s := &session{cancel: func() {}, done: make(chan struct{}), next: 3, waiting: map[int]chan answer{3: nil}}
		waiting := []chan answer{make(chan answer, 1), make(chan answer, 1)}
		for i, w := range waiting {
			s.waiting[i+1] = w
		}
		reader, writer := io.Pipe()
		go func() {
			_, _ = writer.Write(output)
			_ = writer.Close()
		}()
		s.read(reader)
		s.fail(errors.New("it ended"))
		for _, w := range waiting {
			a := <-w
			switch {
			case a.err != nil:
				wantTold(t, lost(a.err))
				continue
			case a.reply.Error != nil:
				wantTold(t, a.reply.Error.err())
			}
			if bad := a.reply.Description.check(); bad != nil {
				wantTold(t, providers.Errorf(providers.CodeService, providers.Failed, "%w", bad))
			} else {
				a.reply.Description.Family("plugin:x")
			}
			again, err := json.Marshal(a.reply)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := parseReply(again); err != nil && len(again) < mostReply {
				t.Errorf("%s is not read again: %v", again, err)
			}
		}
		if s.usable() || len(s.waiting) > 0 {
			t.Errorf("%d requests still wait", len(s.waiting))
		}
	})
}

// FuzzScriptOutput makes handles of what scripts print: they can stand in the journal, and certbot's hooks get back what they
// printed.
func FuzzScriptOutput(f *testing.F) {
	for _, output := range []string{"", "id-1\nmore", "id 2", "\r\n", "\x00", "é", strings.Repeat("x", 385), strings.Repeat("x", 513), "  a\nb  "} {
		f.Add([]byte(output))
	}
	handles := func(spec providers.Spec, open func(providers.Spec, Options) ([]providers.Account, error)) *script {
		accounts, err := open(spec, Options{})
		if err != nil {
			f.Fatal(err)
		}
		return accounts[0].Provider.(*script)
	}
	const there = "/usr/bin/env"
	exec := handles(providers.Spec{Zone: "example.com.", Name: "exec", Arg: there}, OpenExec)
	hook := handles(providers.Spec{Zone: "example.com.", Name: "certbot-hook", Arg: there + "," + there}, OpenCertbotHook)
	f.Fuzz(func(t *testing.T, output []byte) {
		var kept head
		for chunk := range bytes.SplitAfterSeq(output, []byte("\n")) {
			if n, err := kept.Write(chunk); n != len(chunk) || err != nil {
				t.Fatal(n, err)
			}
		}
		if len(kept.text) > mostOutput || !bytes.HasPrefix(output, kept.text) {
			t.Errorf("%d bytes kept", len(kept.text))
		}
		h := hook.handle(kept.text)
		for _, h := range []providers.Handle{exec.handle(kept.text), h} {
			if !handleForm.MatchString(string(h)) {
				t.Errorf("a handle %q", h)
			}
		}
		if back, err := base64.RawURLEncoding.DecodeString(string(h)); err != nil || h != "" && !bytes.Equal(back, bytes.TrimSpace(output)) {
			t.Errorf("%q comes back as %q, %v", output, back, err)
		}
		called, err := hook.dialect("cleanup", "_acme-challenge.example.com.", providers.Challenge{}, providers.Handle(output))
		if err != nil || strings.ContainsRune(strings.Join(called.environ, ""), 0) {
			t.Errorf("%q, %v", called.environ, err)
		}
	})
}

// FuzzStderr passes on what programs complain of: so many bytes, and none that a terminal obeys.
func FuzzStderr(f *testing.F) {
	for _, output := range []string{"", "a\nb", "\x1b[2Jx\r\n", "\u202eevil\u2066\n", "\xff\xfe\n", strings.Repeat("x\n", 70000), strings.Repeat("y", 5000)} {
		f.Add([]byte(output), 7)
	}
	f.Fuzz(func(t *testing.T, output []byte, at int) {
		var shown bytes.Buffer
		lines := &subprocess.Lines{To: &shown, Prefix: "p: "}
		at = max(0, min(at, len(output)))
		for _, chunk := range [][]byte{output[:at], output[at:]} {
			if n, err := lines.Write(chunk); n != len(chunk) || err != nil {
				t.Fatal(n, err)
			}
		}
		lines.End()
		if shown.Len() > 8*(64<<10) {
			t.Errorf("%d bytes are shown", shown.Len())
		}
		for line := range strings.Lines(shown.String()) {
			if text, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "p: "); !ok || strings.ContainsFunc(text, obeyed) || len(text) > 3<<10 {
				t.Fatalf("a line %.100q", line)
			}
		}
		if last := lines.Last(); strings.ContainsFunc(last, obeyed) {
			t.Errorf("the last line is %q", last)
		}
	})
}
