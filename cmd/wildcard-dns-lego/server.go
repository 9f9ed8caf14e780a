package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/go-acme/lego/v4/challenge"

	"wildcard/cmd/wildcard-dns-lego/catalogue"
	"wildcard/providers/plugin"
)

// usualLimit is what a call may take when the request does not say.
const usualLimit = 5 * time.Minute

// mostSeconds is the longest time that a request can give.
const mostSeconds = 24 * 60 * 60

// server answers requests.
type server struct {
	catalogue []catalogue.Service
	zones     *zones
	secrets   secrets
	open      func(name string) (challenge.Provider, error)

	mu       sync.Mutex
	services map[string]*service

	writing sync.Mutex
}

func newServer(all []catalogue.Service, z *zones, s secrets,
	open func(name string) (challenge.Provider, error)) *server {
	return &server{catalogue: all, zones: z, secrets: s, open: open, services: map[string]*service{}}
}

// serve reads requests and writes replies, until the input ends or a request says so. Calls that go on are left.
func (s *server) serve(requests io.Reader, replies io.Writer) error {
	lines := bufio.NewScanner(requests)
	lines.Buffer(nil, 64<<10)
	for lines.Scan() {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var r plugin.Request
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return errors.New("a request is not one line of JSON")
		}
		if r.Protocol != plugin.Protocol {
			s.reply(replies, plugin.Reply{ID: r.ID,
				Error: &plugin.Failure{Class: "failed",
					Message: fmt.Sprintf("this is version %d of the protocol", plugin.Protocol)}})
			continue
		}
		switch r.Op {
		case "describe":
			s.reply(replies, s.describe(r))
		case "present", "cleanup":
			go func() { s.reply(replies, s.carryOut(r)) }()
		case "close":
			s.reply(replies, plugin.Reply{ID: r.ID})
			return nil
		default:
			s.reply(replies, plugin.Reply{ID: r.ID, Error: &plugin.Failure{Class: "usage", Message: "there is no such request"}})
		}
	}
	return lines.Err()
}

func (s *server) reply(to io.Writer, r plugin.Reply) {
	r.Protocol = plugin.Protocol
	if r.Error != nil {
		r.Error.Message = s.secrets.cut(r.Error.Message)
	}
	line, err := json.Marshal(r)
	if err != nil {
		return // it has strings and numbers only
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	_, _ = to.Write(append(line, '\n')) // the reader has ended
}

// describe tells about all services or about one.
func (s *server) describe(r plugin.Request) plugin.Reply {
	d := plugin.Description{Title: "lego's DNS services", Link: "https://go-acme.github.io/lego/dns/", KeyAuthorization: true, Concurrent: true}
	if r.Service == "" {
		for _, c := range s.catalogue {
			d.Services = append(d.Services, c.Service)
			for _, alias := range c.Aliases {
				d.Services = append(d.Services, plugin.Service{Name: alias, Title: "the same as " + c.Name, Link: c.Link})
			}
		}
		return plugin.Reply{ID: r.ID, Description: d}
	}
	c, ok := catalogue.Find(s.catalogue, r.Service)
	if !ok {
		return plugin.Reply{ID: r.ID, Error: s.unknown(r.Service)}
	}
	d.Variables, d.Title, d.Link = c.Variables, c.Title, c.Link
	return plugin.Reply{ID: r.ID, Description: d}
}

func (s *server) unknown(name string) *plugin.Failure {
	if name == "manual" {
		return &plugin.Failure{Class: "usage", Message: `lego's "manual" asks at a terminal; wildcard has a provider "manual" of its own`}
	}
	meant := plugin.LegoService(name)
	if meant == name {
		message := fmt.Sprintf("this plugin was built without %s: build it with -tags one,%s, or without -tags for all services",
			name, strings.ReplaceAll(name, "-", ""))
		return &plugin.Failure{Class: "usage", Message: message}
	}
	if meant != "" {
		message := fmt.Sprintf("lego has no DNS service %q: did you mean lego:%s?", name, meant)
		return &plugin.Failure{Class: "usage", Message: message}
	}
	return &plugin.Failure{Class: "usage", Message: fmt.Sprintf("lego has no DNS service %q; all are at https://go-acme.github.io/lego/dns/", name)}
}

// carryOut makes a call of a service, within the time that the request gives it.
func (s *server) carryOut(r plugin.Request) plugin.Reply {
	c, failure := checked(r)
	if failure != nil {
		return plugin.Reply{ID: r.ID, FQDN: r.FQDN, Error: failure}
	}
	service, failure := s.service(r.Service)
	if failure != nil {
		return plugin.Reply{ID: r.ID, FQDN: r.FQDN, Error: failure}
	}
	s.zones.add(r.Zone)
	limit := within(r.Seconds)
	ctx, cancel := context.WithTimeoutCause(context.Background(), limit, lateError{limit})
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- service.do(ctx, r.Op, c) }()
	var err error
	select {
	case err = <-done:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	return plugin.Reply{ID: r.ID, FQDN: r.FQDN, Error: explain(err)}
}

// within is the time for a call of which the answer is waited for so long. Who does not answer at all is killed.
func within(seconds int) time.Duration {
	if seconds <= 0 {
		return usualLimit
	}
	whole := time.Duration(min(seconds, mostSeconds)) * time.Second
	return whole - min(whole/5, 3*time.Second)
}

func (s *server) service(name string) (*service, *plugin.Failure) {
	c, ok := catalogue.Find(s.catalogue, name)
	if !ok {
		return nil, s.unknown(name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.services[c.Name] == nil {
		s.services[c.Name] = newService(c.Name, traitsOf(c.Name), s.open)
	}
	return s.services[c.Name], nil
}
