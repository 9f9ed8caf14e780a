package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/go-acme/lego/v4/challenge"

	"wildcard/internal/system/subprocess"
	"wildcard/providers/plugin"
)

// service is one of lego's services. It is opened at the first call, since some log in then, and kept: what it remembers of its
// records is needed to remove them.
type service struct {
	name   string
	traits traits
	open   func(name string) (challenge.Provider, error)

	opening lock
	all     lock // held by calls of a service that wants one at a time

	mu       sync.Mutex
	provider challenge.Provider
	names    map[string]lock
	records  map[record]state
}

// state is what this process knows of a record.
type state int

const (
	unknown state = iota // also when a call for it failed half-way
	there
	notFound
	refused // the service answered that it did not make it
)

func newService(name string, t traits, open func(name string) (challenge.Provider, error)) *service {
	return &service{name: name, traits: t, open: open, opening: newLock(), all: newLock(), names: map[string]lock{},
		records: map[record]state{}}
}

// sequential is implemented by services that ask for one call at a time. The pause is for lego's own checks of publication.
type sequential interface{ Sequential() time.Duration }

// do carries out a call. It may go on when ctx has ended, and then keeps others from the same name.
func (s *service) do(ctx context.Context, op string, c call) (err error) {
	defer func() {
		if p := recover(); p != nil {
			slog.Error("panic", "service", s.name, "stack", string(debug.Stack()))
			err = fmt.Errorf("lego's %s panicked: %v", s.name, p)
		}
	}()
	provider, err := s.opened(ctx)
	if err != nil {
		return err
	}
	locks := []lock{s.lockOf(c.record.fqdn)}
	if _, ok := provider.(sequential); ok || s.traits.alone {
		locks = append(locks, s.all)
	}
	for _, l := range locks {
		if err := l.take(ctx); err != nil {
			return err
		}
		defer l.release()
	}
	if op == "present" {
		return s.present(provider, c)
	}
	return s.cleanUp(provider, c)
}

// opened returns the provider, opening it for the first call that succeeds in it.
func (s *service) opened(ctx context.Context) (challenge.Provider, error) {
	if err := s.opening.take(ctx); err != nil {
		return nil, err
	}
	defer s.opening.release()
	if s.provider != nil {
		return s.provider, nil
	}
	if s.name == "exec" {
		program, err := subprocess.Trusted(os.Getenv("EXEC_PATH"))
		if err == nil {
			err = os.Setenv("EXEC_PATH", program) // lego runs what was looked at
		}
		if err != nil {
			return nil, &failed{plugin.Failure{Class: "misconfigured", Message: "EXEC_PATH is not run: " + err.Error()}}
		}
	}
	provider, err := s.open(s.name)
	if err != nil {
		return nil, err
	}
	s.provider = provider
	return provider, nil
}

func (s *service) present(provider challenge.Provider, c call) error {
	if s.state(c.record) == there {
		return nil
	}
	if other := s.otherValue(c.record); s.traits.oneValue && other != "" {
		return &failed{plugin.Failure{Class: "misconfigured", Message: fmt.Sprintf(
			"lego's %s holds one value at a name, and %s has %s now: ask for the wildcard name and the name itself in two certificates, or use another provider",
			s.name, c.record.fqdn, other)}}
	}
	s.note(c.record, unknown)
	err := provider.Present(c.domain, c.token, c.keyAuth)
	switch {
	case err == nil, s.traits.isThere(err):
		s.note(c.record, there)
		return nil
	case wasRefused(err):
		s.note(c.record, refused)
	}
	return err
}

func (s *service) cleanUp(provider challenge.Provider, c call) error {
	before := s.state(c.record)
	if before == notFound {
		return nil
	}
	err := provider.CleanUp(c.domain, c.token, c.keyAuth)
	switch {
	case err == nil, s.traits.isNotFound(err), before == refused && forgotten(err):
		s.note(c.record, notFound)
		return nil
	case before == unknown && forgotten(err):
		return &failed{plugin.Failure{Class: "failed", Message: fmt.Sprintf(
			"%v: lego keeps the ids of this service's records in memory, and this process did not make the record: if it is there, remove by hand TXT %s %s", err, c.record.fqdn, c.record.value)}}
	}
	return err
}

func (s *service) state(r record) state {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.records[r]
}

func (s *service) note(r record, now state) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records[r] = now
}

// otherValue is another value that this process made at the record's name, or "".
func (s *service) otherValue(r record) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for other, now := range s.records {
		if other.fqdn == r.fqdn && other.value != r.value && now == there {
			return other.value
		}
	}
	return ""
}

func (s *service) lockOf(fqdn string) lock {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.names[fqdn] == nil {
		s.names[fqdn] = newLock()
	}
	return s.names[fqdn]
}

// lock is a mutex that is waited for only as long as a context lasts.
type lock chan struct{}

func newLock() lock { return make(lock, 1) }

func (l lock) take(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	select {
	case l <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (l lock) release() { <-l }
