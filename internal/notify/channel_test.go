package notify_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"wildcard/internal/fault"
	"wildcard/internal/messages"
	"wildcard/internal/notify"
	"wildcard/internal/testkit/executable"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const token = "canary-token-5dd1"

func message(l messages.Language) notify.Message {
	s := notify.Sender{Program: "wildcard/1.2.3", Host: "web1", Language: l}
	return s.Write([]notify.Event{
		{Kind: notify.Failing, Lineage: "example.com", Names: []string{"*.example.com"}, Since: began().Add(-day), NotAfter: began().Add(20 * day), Code: "credentials.refused", Error: "conoha: log in: 401"},
		{Kind: notify.Recovered, Lineage: "example.net", Since: began().Add(-2 * day)},
	}, began())
}

// script writes a program into a folder of its own.
func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	executable.Write(t, path, "#!/bin/sh\n"+text+"\n")
	return path
}

func send(t *testing.T, o notify.Options, m notify.Message, specs ...string) []error {
	t.Helper()
	channels, err := notify.Parse(specs, o)
	if err != nil {
		t.Fatal(err)
	}
	return channels.Send(t.Context(), m)
}

// A program gets the message and nothing of our environment; one that does not read it, or talks, does no harm.
func TestProgram(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	keeps := script(t, "cat >"+dir+"/in; env >"+dir+"/env; echo said")
	var stderr bytes.Buffer
	o := notify.Options{Environ: []string{"PATH=/usr/bin:/bin", "CONOHA_API_PASSWORD=" + token}, Stderr: &stderr}
	if errs := send(t, o, message(messages.English), "exec:"+keeps); errs[0] != nil {
		t.Fatal(errs)
	}
	in, err := os.ReadFile(dir + "/in")
	if err != nil {
		t.Fatal(err)
	}
	var got notify.Message
	decoder := json.NewDecoder(bytes.NewReader(in))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&got); err != nil || got.Version != 1 || len(got.Events) != 2 || got.Events[0].Code != "credentials.refused" || !got.Time.Equal(began()) {
		t.Errorf("%v: %s", err, in)
	}
	if env, err := os.ReadFile(dir + "/env"); err != nil || strings.Contains(string(env), token) {
		t.Errorf("%v: %s", err, env)
	}
	if stderr.String() != "notify: said\n" {
		t.Errorf("%q", &stderr)
	}
	if errs := send(t, o, message(messages.English), "exec:"+script(t, "exit 0"), "exec:"+script(t, "exit 3"), "exec:/nonexistent"); errs[0] != nil || errs[1] == nil || errs[2] == nil ||
		fault.CodeOf(errs[1]) != notify.CodeFailed || !strings.Contains(errs[1].Error(), "exit status 3") {
		t.Errorf("%v", errs)
	}
}

// A program that others can change is not run.
func TestProgramOfOthers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := script(t, "touch "+dir+"/ran")
	if err := os.Chmod(path, 0o777); err != nil {
		t.Fatal(err)
	}
	errs := send(t, notify.Options{}, message(messages.English), "exec:"+path)
	if _, err := os.Stat(dir + "/ran"); err == nil || errs[0] == nil || !strings.Contains(errs[0].Error(), "chmod go-w") {
		t.Errorf("%v", errs)
	}
}

// A run that ends takes the channels with it.
func TestEnds(t *testing.T) {
	t.Parallel()
	channels, err := notify.Parse([]string{"exec:" + script(t, "exec sleep 1000")}, notify.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(50*time.Millisecond, func() { cancel(fmt.Errorf("interrupted")) })
	if errs := channels.Send(ctx, message(messages.English)); errs[0] == nil || !strings.Contains(errs[0].Error(), "interrupted") {
		t.Error(errs)
	}
}

// Mail is read by others as it was meant, in both languages, whatever names and errors have in them.
func TestMail(t *testing.T) {
	t.Parallel()
	for _, l := range []messages.Language{messages.English, messages.Japanese} {
		dir := t.TempDir()
		o := notify.Options{Sendmail: script(t, `printf '%s\n' "$@" >`+dir+"/args; cat >"+dir+"/mail")}
		m := message(l)
		m.Subject += "\r\nBcc: everybody@example.org\n\n" + strings.Repeat("長い件名", 40)
		if errs := send(t, o, m, "mailto:admin@example.com,root"); errs[0] != nil {
			t.Fatal(errs)
		}
		args, err := os.ReadFile(dir + "/args")
		if err != nil || string(args) != "-i\n--\nadmin@example.com\nroot\n" {
			t.Errorf("%v %q", err, args)
		}
		raw, err := os.ReadFile(dir + "/mail")
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.SplitSeq(string(raw), "\n") {
			if len(line) > 78 || strings.Contains(line, "\r") {
				t.Errorf("a line of %d: %q", len(line), line)
			}
		}
		got, err := mail.ReadMessage(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		subject, err := new(mime.WordDecoder).DecodeHeader(got.Header.Get("Subject"))
		if err != nil || !strings.HasPrefix(subject, strings.SplitN(m.Subject, "\r", 2)[0]) || !strings.HasSuffix(subject, "長い件名") {
			t.Errorf("%v %q", err, subject)
		}
		if got.Header.Get("Bcc") != "" || got.Header.Get("Auto-Submitted") != "auto-generated" || got.Header.Get("To") != "admin@example.com, root" {
			t.Errorf("%q", got.Header)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(got.Body))
		if err != nil || string(body) != m.Text || !strings.Contains(m.Text, "conoha: log in: 401 [credentials.refused]") {
			t.Errorf("%v\n%s", err, body)
		}
		if japanese := strings.Contains(m.Text, "更新"); japanese != (l == messages.Japanese) {
			t.Errorf("%s: %s", l, m.Text)
		}
	}
}

// A webhook's token is sent to its host, and shown nowhere; nor is anything that the host says.
func TestWebhook(t *testing.T) {
	t.Parallel()
	var status atomic.Int64
	status.Store(204)
	var elsewhere atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		var m notify.Message
		if json.Unmarshal(text, &m) != nil || m.Subject == "" || r.Method != http.MethodPost || r.URL.Path != "/"+token || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s: %s", r.Method, r.URL, text)
		}
		w.Header().Set("Location", other.URL)
		w.WriteHeader(int(status.Load()))
		fmt.Fprint(w, "echo "+token)
	}))
	spec := server.URL + "/" + token + "?key=" + token
	if errs := send(t, notify.Options{}, message(messages.English), spec); errs[0] != nil {
		t.Error(errs)
	}
	for _, code := range []int64{301, 307, 404, 500} {
		status.Store(code)
		errs := send(t, notify.Options{}, message(messages.English), spec)
		if errs[0] == nil || !strings.Contains(errs[0].Error(), fmt.Sprint(code)) || strings.Contains(errs[0].Error(), token) {
			t.Errorf("%d: %v", code, errs)
		}
	}
	server.Close()
	if errs := send(t, notify.Options{}, message(messages.English), spec); errs[0] == nil || strings.Contains(errs[0].Error(), token) || !strings.Contains(errs[0].Error(), "127.0.0.1") {
		t.Errorf("nobody there: %v", errs)
	}
	if elsewhere.Load() != 0 {
		t.Error("a redirect was followed")
	}
	channels, err := notify.Parse([]string{"https://user:" + token + "@example.com/" + token}, notify.Options{})
	if err != nil || strings.Contains(fmt.Sprintf("%v %+v %#v %s", channels, channels, channels, channels[0]), token) {
		t.Errorf("%v %v", channels, err)
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, spec := range []string{
		"", "admin@example.com", "exec:", "exec:relative", "exec:/bin/sh -c x/../y", "mailto:", "mailto:-oQ/tmp@example.com", "mailto:a@b@c",
		"mailto:a b@example.com", "mailto:a@example.com\nBcc:x", "mailto:a@example.com,", "mailto:a@example.com?subject=x",
		"http://example.com/" + token, "http://localhost/" + token, "https://", "https:///" + token, "https://%zz/" + token, "ftp://example.com/" + token, "https:" + token,
	} {
		channels, err := notify.Parse([]string{spec}, notify.Options{})
		if err == nil || fault.ClassOf(err) != fault.Usage || strings.Contains(err.Error(), token) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v %v", spec, channels, err)
		}
	}
	for _, spec := range []string{"mailto:root", "mailto:a.b+c@example.co.jp,d_e@host", "https://example.com/x", "http://127.0.0.1:8080/x", "http://[::1]/", "exec:/usr/local/bin/tell"} {
		if _, err := notify.Parse([]string{spec}, notify.Options{}); err != nil {
			t.Errorf("%q: %v", spec, err)
		}
	}
}
