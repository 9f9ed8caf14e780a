package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-acme/lego/v4/challenge"

	"wildcard/cmd/wildcard-dns-lego/catalogue"
	"wildcard/providers/plugin"
)

// dialogue is a server with a service of the test's behind every name.
type dialogue struct {
	t        *testing.T
	requests io.Writer
	replies  *bufio.Scanner
	opened   int
}

func talk(t *testing.T, open func() (challenge.Provider, error)) *dialogue {
	t.Helper()
	t.Setenv("LEGO_DISABLE_CNAME_SUPPORT", "true")
	services, err := catalogue.Services()
	if err != nil {
		t.Fatal(err)
	}
	z, err := startZones()
	if err != nil {
		t.Fatal(err)
	}
	d := &dialogue{t: t}
	env := map[string]string{"CF_DNS_API_TOKEN": "canary+token", "CF_TTL": "canary-ttl"}
	s := newServer(services, z, secretsOf(services, func(name string) string { return env[name] }), func(string) (challenge.Provider, error) {
		d.opened++
		return open()
	})
	requests, in := io.Pipe()
	out, replies := io.Pipe()
	d.requests, d.replies = in, bufio.NewScanner(out)
	d.replies.Buffer(nil, 64<<10)
	done := make(chan error, 1)
	go func() { done <- s.serve(requests, replies) }()
	t.Cleanup(func() {
		_ = in.Close()
		go func() { _, _ = io.Copy(io.Discard, out) }()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
		z.close()
	})
	return d
}

func (d *dialogue) send(r plugin.Request) {
	d.t.Helper()
	r.Protocol = 1
	line, err := json.Marshal(r)
	if err != nil {
		d.t.Fatal(err)
	}
	if _, err := d.requests.Write(append(line, '\n')); err != nil {
		d.t.Fatal(err)
	}
}

func (d *dialogue) receive() plugin.Reply {
	d.t.Helper()
	if !d.replies.Scan() {
		d.t.Fatalf("no reply: %v", d.replies.Err())
	}
	var r plugin.Reply
	if err := json.Unmarshal(d.replies.Bytes(), &r); err != nil || r.Protocol != 1 {
		d.t.Fatalf("%s: %v", d.replies.Bytes(), err)
	}
	return r
}

func (d *dialogue) ask(r plugin.Request) plugin.Reply {
	d.t.Helper()
	r.ID = 7
	d.send(r)
	reply := d.receive()
	if reply.ID != 7 || reply.FQDN != r.FQDN {
		d.t.Errorf("%+v answers %+v", reply, r)
	}
	return reply
}

// works asks for what must be done.
func (d *dialogue) works(r plugin.Request) {
	d.t.Helper()
	if reply := d.ask(r); reply.Error != nil {
		d.t.Errorf("%s: %+v", r.Op, reply.Error)
	}
}

// fails asks for what must fail.
func (d *dialogue) fails(r plugin.Request, class, text string) {
	d.t.Helper()
	reply := d.ask(r)
	if reply.Error == nil || reply.Error.Class != class || !strings.Contains(reply.Error.Message, text) {
		d.t.Errorf("%s: %+v, want %s, %q", r.Op, reply.Error, class, text)
	}
}

// request is a request for a record of domain; the values of different tokens differ.
func request(op, service, domain, token string) plugin.Request {
	keyAuth := token + ".thumbprint"
	digest := sha256.Sum256([]byte(keyAuth))
	return plugin.Request{
		Op: op, Service: service, Zone: "example.com.", Domain: domain, FQDN: "_acme-challenge." + domain + ".",
		Value: base64.RawURLEncoding.EncodeToString(digest[:]), Token: token, KeyAuthorization: keyAuth, Seconds: 60,
	}
}

// fake is a service of lego's.
type fake struct {
	mu       sync.Mutex
	calls    []string
	present  func(domain string) error
	cleanUp  func(domain string) error
	underWay int
	most     int
}

func (f *fake) call(op, domain string, do func(string) error) error {
	f.mu.Lock()
	f.calls = append(f.calls, op+" "+domain)
	f.underWay++
	f.most = max(f.most, f.underWay)
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		f.underWay--
		f.mu.Unlock()
	}()
	if do == nil {
		return nil
	}
	return do(domain)
}

func (f *fake) Present(domain, _, _ string) error { return f.call("present", domain, f.present) }
func (f *fake) CleanUp(domain, _, _ string) error { return f.call("cleanup", domain, f.cleanUp) }

func (f *fake) said() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.calls, ", ")
}

func (f *fake) open() (challenge.Provider, error) { return f, nil }

// sequentialFake asks for one call at a time.
type sequentialFake struct{ *fake }

func (sequentialFake) Sequential() time.Duration { return time.Hour }

func TestDescribe(t *testing.T) {
	d := talk(t, func() (challenge.Provider, error) { return nil, errors.New("nobody is to be asked") })
	all := d.ask(plugin.Request{Op: "describe"})
	names := map[string]string{}
	for _, s := range all.Services {
		names[s.Name] = s.Title
		if s.Title == "" || !strings.HasPrefix(s.Link, "http") {
			t.Errorf("%+v", s)
		}
		one := d.ask(plugin.Request{Op: "describe", Service: s.Name})
		if one.Error != nil || !one.KeyAuthorization || !one.Concurrent || one.Zoned || one.Title == "" || len(one.Variables) == 0 {
			t.Errorf("%s: %+v", s.Name, one)
		}
	}
	if len(names) < 195 || names["route53"] != "Amazon Route 53" || names["dnsupdate"] != "the same as rfc2136" || !all.KeyAuthorization {
		t.Errorf("%d services: %v", len(names), names)
	}
	d.fails(plugin.Request{Op: "describe", Service: "nonsense"}, "usage", `no DNS service "nonsense"`)
	d.fails(plugin.Request{Op: "describe", Service: "manual"}, "usage", "terminal")
	d.fails(plugin.Request{Op: "zones"}, "usage", "no such request")
	d.send(plugin.Request{ID: 8, Op: "close"})
	if r := d.receive(); r.ID != 8 || r.Error != nil {
		t.Errorf("%+v", r)
	}
}

// A service is opened once, when it is needed, and again when that has failed.
func TestOpening(t *testing.T) {
	f := &fake{}
	var refusal error = &failed{plugin.Failure{Class: "refused", Message: "wrong canary+token, also canary%2Btoken; canary-ttl"}}
	d := talk(t, func() (challenge.Provider, error) { return f, refusal })
	d.fails(request("present", "cloudflare", "a.example.com", "1"), "refused", "wrong ***, also ***; canary-ttl")
	refusal = nil
	d.works(request("present", "cloudflare", "a.example.com", "1"))
	d.works(request("cleanup", "cloudflare", "a.example.com", "1"))
	if d.opened != 2 || f.said() != "present a.example.com, cleanup a.example.com" {
		t.Errorf("opened %d times: %s", d.opened, f.said())
	}
}

// Nothing is done that would make another record than was asked for.
func TestRefusals(t *testing.T) {
	f := &fake{}
	d := talk(t, f.open)
	for name, test := range map[string]struct {
		change      func(r *plugin.Request)
		class, text string
	}{
		"a CNAME's target":      {func(r *plugin.Request) { r.FQDN = "elsewhere.example.com." }, "misconfigured", "_acme-challenge"},
		"another value":         {func(r *plugin.Request) { r.Value = strings.Repeat("x", 43) }, "usage", "lego would make"},
		"no key authorization":  {func(r *plugin.Request) { r.KeyAuthorization = "" }, "usage", "key authorization"},
		"no zone":               {func(r *plugin.Request) { r.Zone = "" }, "usage", "zone"},
		"outside of the zone":   {func(r *plugin.Request) { r.Zone = "example.net." }, "usage", "zone"},
		"no such service":       {func(r *plugin.Request) { r.Service = "nonsense" }, "usage", "nonsense"},
		"a service that is not": {func(r *plugin.Request) { r.Service = "manual" }, "usage", "terminal"},
	} {
		for _, op := range []string{"present", "cleanup"} {
			r := request(op, "cloudflare", "a.example.com", "1")
			test.change(&r)
			t.Log(name, op)
			d.fails(r, test.class, test.text)
		}
	}
	if f.said() != "" {
		t.Error(f.said())
	}
}

// What a process has done it does not do again, and what lego's services say of records that they do not know is taken for
// what it is.
func TestMemory(t *testing.T) {
	f := &fake{cleanUp: func(string) error {
		return errors.New("cloudflare: unknown record ID for '_acme-challenge.a.example.com.'")
	}}
	d := talk(t, f.open)
	const cf = "cloudflare"
	d.fails(request("cleanup", cf, "a.example.com", "1"), "failed", "this process did not make the record: if it is there, remove by hand TXT _acme-challenge.a.example.com. ")
	f.present = func(string) error {
		return errors.New("cloudflare: unexpected status code: [status code: 403] body: no")
	}
	d.fails(request("present", cf, "b.example.com", "1"), "refused", "403")
	d.works(request("cleanup", cf, "b.example.com", "1")) // it was not made
	f.present = func(string) error {
		return errors.New("cloudflare: unexpected status code: [status code: 502] body: no")
	}
	d.fails(request("present", cf, "c.example.com", "1"), "temporary", "502")
	d.fails(request("cleanup", cf, "c.example.com", "1"), "failed", "by hand") // it may have been made
	f.present, f.cleanUp = nil, nil
	for range 2 {
		d.works(request("present", cf, "d.example.com", "1"))
	}
	for range 2 {
		d.works(request("cleanup", cf, "d.example.com", "1"))
	}
	if !strings.HasSuffix(f.said(), "cleanup c.example.com, present d.example.com, cleanup d.example.com") {
		t.Error(f.said())
	}
	f.present = func(string) error {
		return errors.New(`conoha: [status code: 409] body: {"message": "duplicate_record"}`)
	}
	f.cleanUp = func(string) error { return errors.New("conoha: failed to get record ID: no such record") }
	d.works(request("present", "conoha", "e.example.com", "1"))
	d.works(request("cleanup", "conoha", "e.example.com", "1"))
}

// A service that holds one value at a name gets no second one, which would replace the first.
func TestOneValue(t *testing.T) {
	f := &fake{}
	d := talk(t, f.open)
	d.works(request("present", "dnsupdate", "a.example.com", "1"))
	d.fails(request("present", "rfc2136", "a.example.com", "2"), "misconfigured", "two certificates")
	d.works(request("present", "rfc2136", "b.example.com", "2"))
	d.works(request("cleanup", "rfc2136", "a.example.com", "1"))
	d.works(request("present", "rfc2136", "a.example.com", "2"))
	d.works(request("present", "route53", "a.example.com", "1"))
	d.works(request("present", "route53", "a.example.com", "2"))
}

// Different names go side by side, one name's values one after the other, and some services do one thing at a time.
func TestSideBySide(t *testing.T) {
	for name, test := range map[string]struct {
		service    string
		domains    []string
		sequential bool
		most       int
	}{
		"names":      {"route53", []string{"a.example.com", "b.example.com", "c.example.com"}, false, 3},
		"one name":   {"route53", []string{"a.example.com", "a.example.com", "a.example.com"}, false, 1},
		"sequential": {"route53", []string{"a.example.com", "b.example.com", "c.example.com"}, true, 1},
		"alone":      {"pdns", []string{"a.example.com", "b.example.com", "c.example.com"}, false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fake{}
			met := make(chan struct{})
			f.present = func(string) error {
				f.mu.Lock()
				if f.underWay == test.most && len(f.calls) == 3 {
					close(met)
				}
				f.mu.Unlock()
				if test.most > 1 {
					<-met // no call goes on before all are there
				}
				return nil
			}
			var p challenge.Provider = f
			if test.sequential {
				p = sequentialFake{f}
			}
			d := talk(t, func() (challenge.Provider, error) { return p, nil })
			for i, domain := range test.domains {
				r := request("present", test.service, domain, string(rune('1'+i)))
				r.ID = i
				d.send(r)
			}
			for range test.domains {
				if r := d.receive(); r.Error != nil {
					t.Errorf("%+v", r.Error)
				}
			}
			if f.most != test.most {
				t.Errorf("%d at once, want %d", f.most, test.most)
			}
		})
	}
}

// A call that takes too long is answered in time. It goes on, and the next for its name waits for it; others do not.
func TestServer_SlowCall(t *testing.T) {
	resume := make(chan struct{})
	f := &fake{}
	f.present = func(domain string) error {
		if domain == "slow.example.com" {
			<-resume
		}
		return nil
	}
	d := talk(t, f.open)
	slow := request("present", "route53", "slow.example.com", "1")
	slow.Seconds = 1
	d.fails(slow, "temporary", "not come to an end within")
	slow.Op = "cleanup"
	d.fails(slow, "temporary", "not come to an end within")
	d.works(request("present", "route53", "a.example.com", "1"))
	if f.said() != "present slow.example.com, present a.example.com" {
		t.Error(f.said())
	}
	close(resume)
	d.works(request("cleanup", "route53", "slow.example.com", "1"))
	if !strings.HasSuffix(f.said(), ", cleanup slow.example.com") {
		t.Error(f.said())
	}
}

func TestPanic(t *testing.T) {
	f := &fake{present: func(string) error { panic("canary+token is wrong") }}
	d := talk(t, f.open)
	d.fails(request("present", "route53", "a.example.com", "1"), "failed", "panicked: *** is wrong")
	f.present = nil
	d.works(request("present", "route53", "a.example.com", "1"))
}
