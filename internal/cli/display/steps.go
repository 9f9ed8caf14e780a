package display

import (
	"fmt"
	"strings"
	"time"

	"wildcard/internal/dns01/propagation"
	"wildcard/internal/issuance"
	"wildcard/internal/messages"
)

// stepLine says an event in a line for a log; "" if it need not be said.
func stepLine(l messages.Language, name string, e issuance.Event) string {
	var text messages.Localizer
	switch e.State {
	case issuance.Started:
		switch e.Step {
		case issuance.StepPublication:
			text = doing(e.Step, e.Total)
		case issuance.StepMemory:
			text = remembered(e)
		case issuance.StepExtraWait:
			text = longer(e)
		}
	case issuance.Progress:
		if p := e.Publication; p != nil && p.State != propagation.Pending {
			text = publicationLine(e)
		}
		if e.Step == issuance.StepExtraWait && wholeSeconds(e.Left)%10 == 0 {
			text = longer(e)
		}
		if e.Step == issuance.StepMemory && wholeSeconds(e.Left)%10 == 0 {
			text = remembered(e)
		}
	case issuance.Finished:
		text = done(e.Step, e.Total)
	case issuance.Failed:
		text = messages.New("%s: failed", doing(e.Step, e.Total))
	case issuance.Noted:
		text = noted(e)
	}
	if text == nil {
		return ""
	}
	return fmt.Sprintf("%s: %s: %s", name, Seconds(e.Elapsed), text.In(l))
}

// longer says for how long the CA is not told to look yet.
func longer(e issuance.Event) messages.Message {
	return messages.New("%s: %d s more (--extra-wait)", doing(e.Step, e.Total), wholeSeconds(e.Left))
}

// doing says what a step is about to do, in the words of an unfinished one.
func doing(step issuance.Step, n int) messages.Message {
	switch step {
	case issuance.StepDirectory:
		return messages.New("reading the CA's directory")
	case issuance.StepZones:
		return messages.New("finding the zones")
	case issuance.StepOrder:
		return messages.New("ordering the certificate")
	case issuance.StepAuthorization:
		return messages.New("fetching %s", messages.Count(n, "authorization"))
	case issuance.StepRecords:
		return messages.New("creating %s", messages.Count(n, "TXT record"))
	case issuance.StepPublication:
		return messages.New("waiting until all name servers have %s", messages.Count(n, "TXT record"))
	case issuance.StepExtraWait:
		return messages.New("waiting for name servers that cannot be asked from here")
	case issuance.StepMemory:
		return messages.New("waiting until the CA's resolvers have forgotten what they saw before")
	case issuance.StepValidation:
		return messages.New("waiting until the CA has looked at %s", messages.Count(n, "name"))
	case issuance.StepFinalize:
		return messages.New("waiting for the certificate")
	case issuance.StepDownload:
		return messages.New("fetching the certificate")
	case issuance.StepCleanup:
		return messages.New("deleting %s", messages.Count(n, "TXT record"))
	}
	return messages.New("%s", string(step))
}

// done says what a step has done.
func done(step issuance.Step, n int) messages.Message {
	switch step {
	case issuance.StepDirectory:
		return messages.New("the CA's directory is read")
	case issuance.StepZones:
		return messages.New("zones found")
	case issuance.StepOrder:
		return messages.New("certificate ordered")
	case issuance.StepAuthorization:
		return messages.New("%s fetched", messages.Count(n, "authorization"))
	case issuance.StepRecords:
		return messages.New("%s created", messages.Count(n, "TXT record"))
	case issuance.StepPublication:
		return messages.New("all name servers have %s", messages.Count(n, "TXT record"))
	case issuance.StepExtraWait:
		return messages.New("the time for name servers that cannot be asked is over")
	case issuance.StepMemory:
		return messages.New("the CA's resolvers have forgotten what they saw before")
	case issuance.StepValidation:
		return messages.New("%s validated by the CA", messages.Count(n, "name"))
	case issuance.StepFinalize:
		return messages.New("certificate issued")
	case issuance.StepDownload:
		return messages.New("certificate fetched and checked")
	case issuance.StepCleanup:
		return messages.New("%s deleted", messages.Count(n, "TXT record"))
	}
	return messages.New("%s", string(step))
}

func noted(e issuance.Event) messages.Message {
	switch {
	case e.FQDN != "" && e.Domain != "":
		return messages.New("%s: %s: %s", e.Domain, e.FQDN, e.Text)
	case e.Domain != "":
		return messages.New("%s: %s", e.Domain, e.Text)
	}
	return messages.New("%s", e.Text)
}

// remembered says for how long the CA's memory is waited for, or another run's record.
func remembered(e issuance.Event) messages.Message {
	if e.Others {
		return messages.New("%s: waiting for another run's record of the same name, %d s at most",
			e.FQDN, wholeSeconds(e.Left))
	}
	return messages.New("%s: waiting until the CA's resolvers have forgotten what stood there before: %d s more",
		e.FQDN, wholeSeconds(e.Left))
}

// wholeSeconds is a time in seconds, rounded up.
func wholeSeconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

func publicationLine(e issuance.Event) messages.Message {
	p := e.Publication
	server := p.Server
	if p.Addr != "" && p.Addr != p.Server {
		server = fmt.Sprintf("%s (%s)", strings.TrimSuffix(p.Server, "."), p.Addr)
	}
	switch {
	case p.State == propagation.Published:
		return messages.New("%s has the record of %s", server, e.Domain)
	case p.State == propagation.Lame && e.Domain != "":
		return messages.New("%s is no server of the zone of %s", server, e.Domain)
	case p.State == propagation.Blocked:
		return messages.New("no name server can be reached on port 53")
	case p.State == propagation.Intercepted:
		return messages.New("something answers on port 53 in the place of the name servers")
	case e.Domain != "":
		return messages.New("%s: record of %s: %s", server, e.Domain, messages.New(p.State.Text()))
	}
	return messages.New("%s: %s", server, messages.New(p.State.Text()))
}
