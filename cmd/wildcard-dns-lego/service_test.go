package main

import (
	"strings"
	"testing"

	"github.com/go-acme/lego/v4/challenge/dns01"
	"github.com/go-acme/lego/v4/providers/dns"

	"wildcard/cmd/wildcard-dns-lego/catalogue"
)

// What the catalogue calls required is what lego itself misses when nothing is set.
func TestRequired(t *testing.T) {
	services, err := catalogue.Services()
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, s := range services {
		missing := map[string]bool{}
		for _, v := range s.Variables {
			if v.Required {
				missing[v.Name] = true
			}
			t.Setenv(v.Name, "")
		}
		if len(missing) == 0 {
			continue
		}
		count++
		_, err := dns.NewDNSChallengeProviderByName(s.Name)
		if err == nil {
			t.Errorf("%s: opens without %v", s.Name, missing)
			continue
		}
		_, names, _ := strings.Cut(err.Error(), "some credentials information are missing: ")
		for name := range strings.SplitSeq(names, ",") {
			if !missing[name] {
				t.Errorf("%s: %v; %v is called required", s.Name, err, missing)
			}
			delete(missing, name)
		}
		if len(missing) > 0 {
			t.Errorf("%s: %v; %v is called required", s.Name, err, missing)
		}
	}
	if count < 100 {
		t.Errorf("only %d services require something", count)
	}
}

// Every service that is treated in a way of its own is one of lego's.
func TestTraits(t *testing.T) {
	services, err := catalogue.Services()
	if err != nil {
		t.Fatal(err)
	}
	one, alone, looking := 0, 0, 0
	for _, s := range services {
		if traitsOf(s.Name).oneValue {
			one++
		}
		if traitsOf(s.Name).alone {
			alone++
		}
		if traitsOf(s.Name).notFound != "" {
			looking++
		}
	}
	if one != 11 || alone != 9 || looking != 15 {
		t.Errorf("%d services with one value, %d of which calls are made alone, %d that look for records", one, alone, looking)
	}
}

// lego finds a zone by asking us, also for names that exist nowhere, and is told of none else.
func TestZones(t *testing.T) {
	z, err := startZones()
	if err != nil {
		t.Fatal(err)
	}
	defer z.close()
	z.add("example.com.")
	z.add("Sub.Example.com.")
	for fqdn, want := range map[string]string{
		"_acme-challenge.example.com.":         "example.com.",
		"_acme-challenge.a.b.c.example.com.":   "example.com.",
		"_acme-challenge.sub.example.com.":     "sub.example.com.",
		"_acme-challenge.www.sub.example.com.": "sub.example.com.",
		"_acme-challenge.notexample.com.":      "",
		"_acme-challenge.example.net.":         "",
	} {
		zone, err := dns01.FindZoneByFqdnCustom(fqdn, []string{z.address()})
		if zone != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v, want %q", fqdn, zone, err, want)
		}
	}
}
