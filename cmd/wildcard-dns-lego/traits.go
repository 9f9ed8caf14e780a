package main

import (
	"slices"
	"strings"
)

// traits is what has to be known of a service beyond lego's interface. It is from lego's source, in the version of go.mod.
type traits struct {
	oneValue bool   // the service, or lego's code for it, holds one value at a name, and a second one replaces it
	alone    bool   // calls for different names get in each other's way, and lego does not say so (it makes one at a time)
	there    string // part of the error of Present for a value that is there already
	notFound string // part of the error of CleanUp when the service was asked and has no such record
}

func traitsOf(service string) traits {
	t := traits{oneValue: slices.Contains([]string{
		"ddnss", "dnshomede", "dode", "duckdns", "freemyip", "hurricane", "mijnhost", "mittwald", "rcodezero", "rfc2136",
		"sonic",
	}, service)}
	switch service {
	case "artfiles", "cpanel", "eurodns", "gandi", "keyhelp", "namecheap", "netcup", "versio":
		t.alone = true // reads the zone and writes it back, or has a serial number or a session for it
	case "pdns":
		t.alone = true // with its sqlite back end it answers 500 "database is locked"
	}
	switch service {
	case "axelname", "baiducloud", "vegadns":
		t.notFound = "record not found"
	case "active24":
		t.notFound = "no record found"
	case "clouddns", "rainyun":
		t.notFound = "record not found: domainID"
	case "conoha", "conohav3":
		t.there, t.notFound = "[status code: 409]", "no such record"
	case "hyperone":
		t.notFound = "not found: fqdn="
	case "inwx", "limacity":
		t.notFound = "TXT record not found"
	case "nicmanager":
		t.notFound = "no record found to clean up"
	case "oraclecloud":
		t.notFound = "no record to clean up"
	case "pdns":
		t.there, t.notFound = "Duplicate record", "no existing record found"
	case "selectelv2":
		t.notFound = "rrset not found"
	}
	return t
}

// isThere reports whether an error of Present says that the value is there.
func (t traits) isThere(err error) bool {
	return t.there != "" && strings.Contains(err.Error(), t.there)
}

// isNotFound reports whether an error of CleanUp says that there is nothing to remove.
func (t traits) isNotFound(err error) bool {
	return t.notFound != "" && strings.Contains(err.Error(), t.notFound)
}

// forgotten reports whether an error of CleanUp says that lego does not know the record's id. Its services use these words
// for a map that the id should be in.
func forgotten(err error) bool {
	return slices.ContainsFunc([]string{"unknown record ID for", "unknown recordID for", "unknown record for"},
		func(words string) bool {
			return strings.Contains(err.Error(), words)
		})
}
