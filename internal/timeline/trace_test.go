package timeline_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"wildcard/internal/dns01/propagation"
	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/messages"
	"wildcard/internal/timeline"
)

const token = "canary-trace-91"

// issued records a run as an issuance tells of it: records of n names, published by two servers while a third is silent.
func issued(r *timeline.Recorder, lineage string, n int, err error) {
	step := func(s issuance.Step, state issuance.State, e issuance.Event) {
		e.Step, e.State = s, state
		r.Event(lineage, e)
	}
	step(issuance.StepZones, issuance.Started, issuance.Event{})
	step(issuance.StepZones, issuance.Finished, issuance.Event{})
	step(issuance.StepRecords, issuance.Started, issuance.Event{Total: n})
	for i := range n {
		step(issuance.StepRecords, issuance.Progress, issuance.Event{Domain: fmt.Sprintf("*.h%d.example.com", i), Done: i + 1})
	}
	step(issuance.StepRecords, issuance.Finished, issuance.Event{})
	step(issuance.StepPublication, issuance.Started, issuance.Event{})
	publish := func(server string, i int, state propagation.State) {
		domain := fmt.Sprintf("*.h%d.example.com", i)
		p := &propagation.Event{Server: server + ".", Addr: "192.0.2.1:53", Zone: "example.com.", FQDN: domain, Value: token + fmt.Sprint(i), State: state}
		step(issuance.StepPublication, issuance.Progress, issuance.Event{Domain: domain, Publication: p})
	}
	for _, state := range []propagation.State{propagation.Pending, propagation.Published} {
		for i := range n {
			publish("ns1.example", i, state)
			publish("ns2.example", i, state)
			if state == propagation.Pending {
				publish("ns3.example", i, state)
			}
		}
	}
	silent := &propagation.Event{Server: "ns3.example.", Addr: "192.0.2.1:53", Zone: "example.com.", State: propagation.SteppedOver}
	step(issuance.StepPublication, issuance.Progress, issuance.Event{Publication: silent})
	if err != nil {
		step(issuance.StepPublication, issuance.Failed, issuance.Event{Err: err})
		return
	}
	step(issuance.StepPublication, issuance.Finished, issuance.Event{})
	step(issuance.StepValidation, issuance.Started, issuance.Event{})
}

func spans(d timeline.Document, kind timeline.Kind, name string) (found []*timeline.Span) {
	for _, s := range d.Spans {
		if s.Kind == kind && s.Name == name {
			found = append(found, s)
		}
	}
	return found
}

// What happened is there with its times; what is not over says so.
func TestDocument(t *testing.T) {
	t.Parallel()
	r := timeline.New("wildcard/1", "issue")
	end := r.Begin("example.com", timeline.WorkStore)
	issued(r, "example.com", 3, nil)
	end(nil)
	d := r.Document(nil)
	if d.State != timeline.Done || d.Version != 1 || d.Command != "issue" || d.Seconds < 0 {
		t.Errorf("%+v", d)
	}
	for _, want := range []struct {
		kind  timeline.Kind
		name  string
		state timeline.State
		marks int
	}{
		{timeline.Step, "records", timeline.Done, 3}, {timeline.Server, "ns1.example", timeline.Done, 3}, {timeline.Server, "ns2.example", timeline.Done, 3},
		{timeline.Server, "ns3.example", timeline.Failed, 1}, {timeline.Step, "publication", timeline.Done, 0}, {timeline.Step, "validation", timeline.Unfinished, 0},
		{timeline.Work, "store", timeline.Done, 0},
	} {
		got := spans(d, want.kind, want.name)
		if len(got) != 1 || got[0].State != want.state || len(got[0].Marks) != want.marks || got[0].Lineage != "example.com" || got[0].Start > got[0].End {
			t.Errorf("%+v: %+v", want, got)
		}
	}
	if unfinished := spans(d, timeline.Step, "validation")[0]; unfinished.End != d.Seconds {
		t.Errorf("not over at %v, drawn to %v", d.Seconds, unfinished.End)
	}
	text, err := d.JSON()
	var again timeline.Document
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if decodeErr := decoder.Decode(&again); err != nil || decodeErr != nil || len(again.Spans) != len(d.Spans) {
		t.Errorf("%v %v", err, decodeErr)
	}
	failed := timeline.New("wildcard/1", "issue")
	issued(failed, "example.com", 1, errors.New("publication: not\nthere"))
	d = failed.Document(fault.Errorf(fault.CodeNotPublished, fault.Temporary, "late"))
	if got := spans(d, timeline.Step, "publication"); d.Code != "dns.not-published" || d.Error != "late" || got[0].State != timeline.Failed || got[0].Detail != "publication: not there" {
		t.Errorf("%+v %+v", d, got[0])
	}
}

// Lines of the log become calls, whether a log is kept or not.
func TestHandler(t *testing.T) {
	t.Parallel()
	var shown bytes.Buffer
	r := timeline.New("wildcard/1", "issue")
	log := slog.New(r.Handler(slog.NewTextHandler(&shown, &slog.HandlerOptions{Level: slog.LevelInfo})))
	log.Debug("conoha: reply", "method", "POST", "path", "/v1/domains", "status", 409, "took", time.Millisecond)
	log.With("x", 1).WithGroup("g").Debug("acme", "method", "GET", "url", "https://u:"+token+"@ca.example/order/1?token="+token+"#"+token, "status", 200, "took", time.Hour)
	log.Debug("hook ended", "kind", "deploy", "command", `"/opt/reload --token=`+token+`"`, "took", time.Second, "error", errors.New("exit status 1"))
	log.Debug("hook ended", "kind", "post", "command", `"TOKEN=`+token+` reload"`, "took", time.Second, "error", error(nil))
	log.Debug("other", "method", "GET", "url", "https://ca.example/authz/1", "status", "no longer needed", "took", time.Second)
	log.Debug("nothing that took time", "token", token)
	log.Info("said", "took", time.Second)
	if got := shown.String(); !strings.Contains(got, "msg=said") || strings.Count(got, "\n") != 1 {
		t.Errorf("the log itself: %q", got)
	}
	d := r.Document(nil)
	for _, want := range []struct {
		kind         timeline.Kind
		name, detail string
		state        timeline.State
	}{
		{timeline.Request, "conoha", "POST /v1/domains 409", timeline.Failed}, {timeline.Request, "acme", "GET /order/1 200", timeline.Done},
		{timeline.Request, "other", "GET /authz/1 no longer needed", timeline.Done},
		{timeline.Work, "deploy hook", "reload", timeline.Failed}, {timeline.Work, "post hook", "sh", timeline.Done},
	} {
		if got := spans(d, want.kind, want.name); len(got) != 1 || got[0].Detail != want.detail || got[0].State != want.state || got[0].Start < 0 {
			t.Errorf("%+v: %+v", want, got)
		}
	}
	if text, err := d.JSON(); err != nil || strings.Contains(string(text), token) {
		t.Errorf("%v: %s", err, text)
	}
}

// The page is well-formed, of one piece, in both languages, for one name and for fifty, and has no contents of records.
func TestHTML(t *testing.T) {
	t.Parallel()
	outside := regexp.MustCompile(`(?i)(src=|href=|url\(|@import|<script|<link|<iframe|\bon[a-z]+=)`)
	for _, l := range []messages.Language{messages.English, messages.Japanese} {
		for _, n := range []int{1, 50} {
			r := timeline.New("wildcard/1", "renew")
			for i := range 3 {
				issued(r, fmt.Sprintf("h%d.example.com", i), n, nil)
			}
			r.Note("h1.example.com", `<script>alert("x")</script>`)
			text, err := r.Document(errors.New("<b>no</b>")).HTML(l)
			if err != nil {
				t.Fatal(err)
			}
			page := string(text)
			if found := outside.FindString(strings.ReplaceAll(page, `&lt;script&gt;`, "")); found != "" {
				t.Errorf("the page has %s", found)
			}
			if strings.Contains(page, token) || strings.Contains(page, "NaN") || strings.Contains(page, "%!") || strings.Contains(page, "ZgotmplZ") {
				t.Errorf("%s, %d names: the page has what it must not have", l, n)
			}
			if excluded := strings.Contains(page, "除外"); excluded != (l == messages.Japanese) {
				t.Errorf("%s: what was the matter with a name server", l)
			}
			if rows := strings.Count(page, `<div class="row `); rows != 3*(4+3+1) { // with the axes
				t.Errorf("%s, %d names: %d rows", l, n, rows)
			}
			if japanese := strings.Contains(page, "公開"); japanese != (l == messages.Japanese) || !strings.Contains(page, `<html lang="`+string(l)+`">`) {
				t.Errorf("language %s", l)
			}
			wellFormed(t, page)
		}
	}
}

// wellFormed reads a page with every element ended.
func wellFormed(t *testing.T, page string) {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(page))
	decoder.AutoClose = []string{"meta"}
	decoder.Entity = xml.HTMLEntity
	decoder.Strict = false
	depth := 0
	for {
		token, err := decoder.Token()
		switch {
		case errors.Is(err, io.EOF):
			if depth != 0 {
				t.Errorf("%d elements are not ended", depth)
			}
			return
		case err != nil:
			t.Fatal(err)
		}
		switch token.(type) {
		case xml.StartElement:
			depth++
		case xml.EndElement:
			depth--
		}
	}
}

// A run that did nothing has a page too.
func TestEmpty(t *testing.T) {
	t.Parallel()
	text, err := timeline.New("wildcard/1", "renew").Document(nil).HTML(messages.English)
	if err != nil || !strings.Contains(string(text), "wildcard renew") {
		t.Errorf("%v %s", err, text)
	}
	var none *timeline.Recorder
	none.Event("a", issuance.Event{})
	none.Note("a", "b")
	none.Begin("a", "b")(nil)
	if h := slog.DiscardHandler; none.Handler(h) != h {
		t.Error("nothing is recorded, and the log is read along")
	}
}

// Lineages are renewed side by side, and a document may be asked for at any moment.
func TestSideBySide(t *testing.T) {
	t.Parallel()
	r := timeline.New("wildcard/1", "renew")
	log := slog.New(r.Handler(slog.DiscardHandler))
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			issued(r, fmt.Sprintf("h%d", i), 5, nil)
			log.Debug("conoha: reply", "method", "GET", "path", "/", "status", 200, "took", time.Second)
			if _, err := r.Document(nil).HTML(messages.English); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if got := len(spans(r.Document(nil), timeline.Server, "ns1.example")); got != 8 {
		t.Errorf("%d", got)
	}
}

// The page of a run of a thousand certificates, each with its hooks, is made at once: it takes time in proportion to the run.
func TestManyCertificates(t *testing.T) {
	t.Parallel()
	const n = 2000
	r := timeline.New("wildcard/1", "renew")
	for i := range n {
		r.Begin(fmt.Sprintf("h%d.example.com", i), timeline.WorkStore)(nil)
		r.Begin("", "deploy hook")(nil)
	}
	page, err := r.Document(nil).HTML(messages.English)
	if err != nil || !bytes.Contains(page, []byte("1900 more certificates")) || bytes.Count(page, []byte("deploy hook:")) < n {
		t.Errorf("%v, %d bytes", err, len(page))
	}
}
