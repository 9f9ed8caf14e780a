package cli

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"wildcard/conoha/conohatest"
	"wildcard/internal/timeline"
)

// timeline reads what --trace wrote.
func (w *world) timeline(path string) (d timeline.Document) {
	w.t.Helper()
	if err := json.Unmarshal([]byte(w.read(path)), &d); err != nil {
		w.t.Fatal(err)
	}
	return d
}

// parts are the spans, as "KIND NAME".
func parts(d timeline.Document) map[string]*timeline.Span {
	all := map[string]*timeline.Span{}
	for _, s := range d.Spans {
		all[string(s.Kind)+" "+s.Name] = s
	}
	return all
}

// A run's timeline has what took its time, and no secret that passed through it: not the password, no token, no key, no
// contents of a record, nothing of a hook's arguments or our own.
func TestTrace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	page, data := filepath.Join(w.dir, "run.html"), filepath.Join(w.dir, "run.json")
	w.issue("--trace", page, "--trace", data, "--deploy-hook", "true canary-hook", "--email", "canary-mail@mail.example", "*.example.com", "example.com")
	d := w.timeline(data)
	have := parts(d)
	for _, want := range []string{"step zones", "step records", "step publication", "step validation", "step cleanup", "request acme", "request conoha", "work store", "work deploy hook"} {
		if s := have[want]; s == nil || s.State != timeline.Done || s.End < s.Start || s.End > d.Seconds {
			t.Errorf("%s: %+v", want, s)
		}
	}
	if d.State != timeline.Done || d.Command != "issue" || have["step records"].Lineage != "example.com" {
		t.Errorf("%+v", d)
	}
	secrets := []string{"canary", strings.Split(w.read(w.config("live", "example.com", "privkey.pem")), "\n")[1]}
	for _, entry := range w.environ {
		if value, ok := strings.CutPrefix(entry, "CONOHA_API_PASSWORD="); ok {
			secrets = append(secrets, value)
		}
	}
	for _, r := range w.conoha.Log() {
		secrets = append(secrets, r.Header.Get("X-Auth-Token"))
		var record struct{ Type, Data string }
		if r.Method == http.MethodPost && json.Unmarshal(r.Body, &record) == nil && record.Type == "TXT" {
			secrets = append(secrets, record.Data)
		}
	}
	known := 0
	for _, text := range []string{w.read(page), w.read(data)} {
		for _, secret := range secrets {
			if secret == "" {
				continue
			}
			known++
			if strings.Contains(text, secret) {
				t.Errorf("a secret is in the timeline: %s", secret)
			}
		}
	}
	if known < 10 {
		t.Errorf("%d secrets were looked for", known)
	}
}

// What failed, or was interrupted, is what people want to see.
func TestTraceOfFailures(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	data := filepath.Join(w.dir, "run.json")
	w.noOrders()
	w.run("issue", "--agree-tos", "--trace", data, "*.example.com").exits(75)
	d := w.timeline(data)
	if d.State != timeline.Failed || d.Code == "" || parts(d)["step order"].State != timeline.Failed {
		t.Errorf("%+v", d)
	}
	w.run("issue", "--agree-tos", "--env-file", "/nonexistent", "--trace", data, "*.example.com").exits(78)
	if d := w.timeline(data); d.State != timeline.Failed || !strings.HasPrefix(d.Code, "settings.") {
		t.Errorf("%+v", d)
	}
	w.run("issue", "--trace", filepath.Join(w.dir, "none", "run.json"), "*.example.com").exits(78, "[output.unwritable]")
	w.run("issue", "--trace", "run.txt", "*.example.com").exits(2, ".html or .json")
	if w.conoha.Calls().Creates > 0 {
		t.Error("records were created")
	}
}

func TestTraceOfInterruption(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.conoha.SetPublicationDelay(time.Hour)
	data := filepath.Join(w.dir, "run.json")
	created := make(chan struct{}, 1)
	w.conoha.Fault(conohatest.Fault{Match: conohatest.Match{Func: func(r conohatest.Request) bool {
		if r.Create() {
			created <- struct{}{}
		}
		return false
	}}})
	c := w.start("issue", "--agree-tos", "--trace", data, "*.example.com")
	<-created
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	c.end().exits(143)
	if d := w.timeline(data); d.State != timeline.Failed || !strings.Contains(d.Error, "SIGTERM") {
		t.Errorf("%+v", d)
	}
	w.nothingLeft()
}

// All certificates of a renewal are in one timeline.
func TestTraceOfRenewal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issue("*.example.com")
	w.issue("*.example.net")
	data, page := filepath.Join(w.dir, "run.json"), filepath.Join(w.dir, "run.html")
	w.run("renew", "--force", "--trace", data, "--trace", page, "--quiet").exits(0)
	lineages := map[string]bool{}
	for _, s := range w.timeline(data).Spans {
		lineages[s.Lineage] = true
	}
	if !lineages["example.com"] || !lineages["example.net"] || !strings.Contains(w.read(page), "<h2>example.net</h2>") {
		t.Errorf("%v", lineages)
	}
}
