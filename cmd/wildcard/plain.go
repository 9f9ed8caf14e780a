package main

import (
	"fmt"
	"strings"

	"wildcard/issuance"
	"wildcard/providers/propagation"
)

// plainLine says an event in a line for a log; "" if it need not be said.
func plainLine(name string, e issuance.Event) string {
	text := ""
	switch e.State {
	case issuance.Started:
		if e.Step == issuance.StepPublication {
			text = doing(e.Step, e.Total)
		}
	case issuance.Progress:
		if p := e.Publication; p != nil && p.State != propagation.Pending {
			text = publicationLine(e)
		}
	case issuance.Finished:
		text = done(e.Step, e.Total)
	case issuance.Failed:
		text = doing(e.Step, e.Total) + ": failed"
	case issuance.Noted:
		text = noted(e)
	}
	if text == "" {
		return ""
	}
	return fmt.Sprintf("%s: %s: %s", name, seconds(e.Elapsed), text)
}

// doing says what a step is about to do, in the words of an unfinished one.
func doing(step issuance.Step, n int) string {
	switch step {
	case issuance.StepDirectory:
		return "reading the CA's directory"
	case issuance.StepZones:
		return "finding the zones"
	case issuance.StepOrder:
		return "ordering the certificate"
	case issuance.StepAuthorization:
		return "fetching " + count(n, "authorization")
	case issuance.StepRecords:
		return "creating " + count(n, "TXT record")
	case issuance.StepPublication:
		return "waiting until all name servers have " + count(n, "TXT record")
	case issuance.StepValidation:
		return "waiting until the CA has looked at " + count(n, "name")
	case issuance.StepFinalize:
		return "waiting for the certificate"
	case issuance.StepDownload:
		return "fetching the certificate"
	case issuance.StepCleanup:
		return "deleting " + count(n, "TXT record")
	}
	return string(step)
}

// done says what a step has done.
func done(step issuance.Step, n int) string {
	switch step {
	case issuance.StepDirectory:
		return "the CA's directory is read"
	case issuance.StepZones:
		return "zones found"
	case issuance.StepOrder:
		return "certificate ordered"
	case issuance.StepAuthorization:
		return count(n, "authorization") + " fetched"
	case issuance.StepRecords:
		return count(n, "TXT record") + " created"
	case issuance.StepPublication:
		return "all name servers have " + count(n, "TXT record")
	case issuance.StepValidation:
		return count(n, "name") + " validated by the CA"
	case issuance.StepFinalize:
		return "certificate issued"
	case issuance.StepDownload:
		return "certificate fetched and checked"
	case issuance.StepCleanup:
		return count(n, "TXT record") + " deleted"
	}
	return string(step)
}

func noted(e issuance.Event) string {
	switch {
	case e.FQDN != "" && e.Domain != "":
		return fmt.Sprintf("%s: %s: %s", e.Domain, e.FQDN, e.Text)
	case e.Domain != "":
		return e.Domain + ": " + e.Text
	}
	return e.Text
}

func publicationLine(e issuance.Event) string {
	p := e.Publication
	server := p.Server
	if p.Addr != "" && p.Addr != p.Server {
		server = fmt.Sprintf("%s (%s)", strings.TrimSuffix(p.Server, "."), p.Addr)
	}
	switch {
	case p.State == propagation.Published:
		return fmt.Sprintf("%s has the record of %s", server, e.Domain)
	case p.State == propagation.Blocked:
		return "no name server can be reached on port 53"
	case e.Domain != "":
		return fmt.Sprintf("%s: record of %s: %s", server, e.Domain, p.State)
	}
	return fmt.Sprintf("%s: %s", server, p.State)
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
