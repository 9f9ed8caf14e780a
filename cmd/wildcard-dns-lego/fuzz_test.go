package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-acme/lego/v4/challenge"

	"wildcard/cmd/wildcard-dns-lego/catalogue"
	"wildcard/providers/plugin"
)

// output is what a server wrote, line by line.
type output struct {
	mu    sync.Mutex
	lines [][]byte
	more  chan struct{}
}

func (o *output) Write(line []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lines = append(o.lines, bytes.Clone(line))
	o.more <- struct{}{}
	return len(line), nil
}

// echo is a service whose errors show all that it was given, and a secret.
type echo struct{ secret string }

func (e echo) Present(domain, token, keyAuth string) error {
	return errors.New(e.secret + " " + domain + " " + token + " " + keyAuth + "\x1b[2J")
}
func (e echo) CleanUp(string, string, string) error { panic(e.secret) }

// FuzzRequests takes bytes for what wildcard asks. Each request gets one reply of the protocol, without the secret; the service is
// asked only for what its record is what the request says.
func FuzzRequests(f *testing.F) {
	f.Setenv("LEGO_DISABLE_CNAME_SUPPORT", "true")
	services, err := catalogue.Services()
	if err != nil {
		f.Fatal(err)
	}
	const secret = "c4n4ry+S3cret"
	var all []byte
	for i, op := range []string{"describe", "present", "cleanup", "zones", "close"} {
		r := request(op, "cloudflare", "example.com", "token")
		r.Protocol, r.ID = plugin.Protocol, i
		line, err := json.Marshal(r)
		if err != nil {
			f.Fatal(err)
		}
		all = append(append(all, line...), '\n')
		f.Add(line)
		f.Add(bytes.Replace(line, []byte("cloudflare"), []byte("\\u001b[2J"), 1))
		f.Add(bytes.Replace(line, []byte(`"seconds":60`), []byte(`"seconds":9223372036854775807`), 1))
		f.Add(bytes.Replace(line, []byte("_acme-challenge.example.com."), []byte("x."), 1))
	}
	f.Add(all)
	for _, text := range []string{"", "\n\n", "{}", "null", "[]", "{", `{"protocol":1,"op":"describe","service":"manual"}`, `{"protocol":2}`, `{"protocol":1,"op":"describe"}`, strings.Repeat("x", 70<<10)} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, requests []byte) {
		getenv := func(name string) string {
			if name == "CF_DNS_API_TOKEN" {
				return secret
			}
			return ""
		}
		s := newServer(services, &zones{known: map[string]bool{}}, secretsOf(services, getenv), func(string) (challenge.Provider, error) { return echo{secret}, nil })
		want := 0
		for line := range bytes.SplitSeq(requests, []byte("\n")) {
			var r plugin.Request
			if len(bytes.TrimSpace(line)) == 0 {
				continue
			}
			if len(line) >= 64<<10-1 || json.Unmarshal(line, &r) != nil {
				break
			}
			if want++; r.Protocol == plugin.Protocol && r.Op == "close" {
				break
			}
		}
		got := &output{more: make(chan struct{}, want+1)}
		_ = s.serve(bytes.NewReader(requests), got) // what is no request ends it
		for range want {
			select {
			case <-got.more:
			case <-time.After(time.Minute):
				t.Fatalf("fewer than %d replies to %q", want, requests)
			}
		}
		got.mu.Lock()
		defer got.mu.Unlock()
		if len(got.lines) != want {
			t.Errorf("%d replies to %d requests", len(got.lines), want)
		}
		for _, line := range got.lines {
			var r plugin.Reply
			if json.Unmarshal(line, &r) != nil || r.Protocol != plugin.Protocol || bytes.Count(line, []byte("\n")) != 1 || bytes.Contains(line, []byte(secret)) {
				t.Errorf("%q is no reply", line)
			}
			if len(line) > 64<<10 && r.Error != nil {
				t.Errorf("a reply of %d bytes, which nobody reads", len(line))
			}
		}
	})
}

// FuzzWithin has requests say how long their answer is waited for: a call gets some time, and not more than that.
func FuzzWithin(f *testing.F) {
	for _, seconds := range []int{0, -1, 1, 60, 9223372036854775807, 9223372037} {
		f.Add(seconds)
	}
	f.Fuzz(func(t *testing.T, seconds int) {
		if d := within(seconds); d <= 0 || seconds > 0 && d.Seconds() > float64(seconds) {
			t.Errorf("%d s give a call %v", seconds, d)
		}
	})
}
