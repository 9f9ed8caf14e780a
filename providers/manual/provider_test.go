package manual

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wildcard/providers"
	"wildcard/providers/conformance/conformancetest"
)

// person does at once what is asked for, in a zone that forgets nothing and repeats nothing.
type person struct {
	mu    sync.Mutex
	zone  map[string][]string
	tasks []Task
}

func (p *person) tell(t Task) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tasks = append(p.tasks, t)
	for _, r := range t.Records {
		p.change(r.FQDN, r.Value, !t.Remove)
	}
}

func (p *person) change(fqdn, value string, there bool) {
	if p.zone == nil {
		p.zone = map[string][]string{}
	}
	p.zone[fqdn] = slices.DeleteFunc(p.zone[fqdn], func(v string) bool { return v == value })
	if there {
		p.zone[fqdn] = append(p.zone[fqdn], value)
	}
}

func (p *person) texts(fqdn string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.zone[providers.CanonicalName(fqdn)])
}

func spec(t testing.TB, text string) providers.Spec {
	t.Helper()
	s, err := providers.ParseSpec(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConformance(t *testing.T) {
	t.Parallel()
	p := &person{}
	conformancetest.Run(t, conformancetest.Config{
		Zone: "example.com.",
		Open: func(t testing.TB) providers.Provider {
			return newProvider(spec(t, "example.com=manual"), p.tell, time.Millisecond)
		},
		Records: func(_ testing.TB, fqdn string) []string { return p.texts(fqdn) },
		Foreign: func(_ testing.TB, fqdn, value string) func() {
			change := func(there bool) {
				p.mu.Lock()
				defer p.mu.Unlock()
				p.change(providers.CanonicalName(fqdn), value, there)
			}
			change(true)
			return func() { change(false) }
		},
	})
}

func challenge(n int) providers.Challenge {
	sum := sha256.Sum256(fmt.Append(nil, n))
	return providers.Challenge{
		Domain: "example.com", FQDN: "_acme-challenge.example.com.", Value: base64.RawURLEncoding.EncodeToString(sum[:]),
	}
}

// What is wanted together is shown together.
func TestPresent_OneListForMany(t *testing.T) {
	t.Parallel()
	const n = 8
	p := &person{}
	// The list is held open until all are on it, however slow the machine is.
	provider := newProvider(spec(t, "manual"), p.tell, time.Hour)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			if _, err := provider.Present(t.Context(), challenge(i)); err != nil {
				t.Error(err)
			}
		})
	}
	waitFor(t, func() bool {
		provider.set.mu.Lock()
		defer provider.set.mu.Unlock()
		return provider.set.open != nil && len(provider.set.open.records) == n
	})
	provider.set.close()
	all.Wait()
	if len(p.tasks) != 1 || len(p.tasks[0].Records) != n || p.tasks[0].Remove {
		t.Errorf("%+v", p.tasks)
	}
}

func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not come to that")
		}
	}
}

// A caller that has left before the list is shown is not on it, and a list without records is not shown.
func TestPresent_CallerGivesUp(t *testing.T) {
	t.Parallel()
	p := &person{}
	provider := newProvider(spec(t, "manual"), p.tell, time.Hour)
	left := errors.New("gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	ended := make(chan error)
	go func() {
		_, err := provider.Present(ctx, challenge(1))
		ended <- err
	}()
	waitFor(t, func() bool {
		provider.set.mu.Lock()
		defer provider.set.mu.Unlock()
		return provider.set.open != nil
	})
	cancel(left)
	if err := <-ended; !errors.Is(err, left) {
		t.Errorf("%v, want the cause", err)
	}
	provider.set.close()
	if len(p.tasks) != 0 {
		t.Errorf("%+v", p.tasks)
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	ignored := func(Task) {}
	for text, c := range map[string]struct {
		options Options
		code    string
		exit    int
		words   string
	}{
		"manual":                     {Options{}, CodeNoTerminal, 78, "no terminal"},
		"example.com=manual":         {Options{Tell: ignored, Certbot: true}, providers.CodeBadSpec, 2, "wildcard issue --provider example.com=manual"},
		"manual:x":                   {Options{Tell: ignored}, providers.CodeBadSpec, 2, "no settings"},
		"manual@/etc/wildcard/x.env": {Options{Tell: ignored}, providers.CodeBadSpec, 2, "no settings"},
	} {
		accounts, err := Open(spec(t, text), c.options)
		if providers.CodeOf(err) != c.code || providers.ClassOf(err).ExitCode() != c.exit || accounts != nil || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: %v (%s), want %s with %q", text, err, providers.CodeOf(err), c.code, c.words)
		}
	}
	one, err := Open(spec(t, "example.com=manual"), Options{Tell: ignored})
	if err != nil {
		t.Fatal(err)
	}
	other, err := Open(spec(t, "example.net=manual"), Options{Tell: ignored})
	if err != nil {
		t.Fatal(err)
	}
	// The journal tells accounts apart by it, and each of these may write in its own zone only.
	if one[0].Fingerprint == other[0].Fingerprint {
		t.Errorf("two zones, one fingerprint: %s", one[0].Fingerprint)
	}
	if p := one[0].Provider.(providers.LongestWait).LongestWait(); p != 50*time.Minute {
		t.Errorf("longest wait %v", p)
	}
}
