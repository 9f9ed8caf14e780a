package timeline

import (
	"wildcard/internal/issuance"
	"wildcard/internal/messages"
)

// label says what a span is about.
func label(l messages.Language, s *Span) string {
	switch s.Kind {
	case Server:
		return s.Name
	case Request:
		if s.Name == "acme" {
			return l.Sprintf("calls of the CA")
		}
		return l.Sprintf("calls of %s", s.Name)
	case Work:
		return workLabel(l, s.Name)
	}
	switch issuance.Step(s.Name) {
	case issuance.StepDirectory:
		return l.Sprintf("CA's directory")
	case issuance.StepZones:
		return l.Sprintf("login, zones")
	case issuance.StepOrder:
		return l.Sprintf("order")
	case issuance.StepAuthorization:
		return l.Sprintf("authorizations")
	case issuance.StepRecords:
		return l.Sprintf("TXT records created")
	case issuance.StepPublication:
		return l.Sprintf("publication")
	case issuance.StepExtraWait:
		return l.Sprintf("extra wait")
	case issuance.StepMemory:
		return l.Sprintf("CA's cache")
	case issuance.StepValidation:
		return l.Sprintf("validation by the CA")
	case issuance.StepFinalize:
		return l.Sprintf("certificate made")
	case issuance.StepDownload:
		return l.Sprintf("certificate fetched")
	case issuance.StepCleanup:
		return l.Sprintf("TXT records deleted")
	}
	return s.Name
}

// The names of the machine's work.
const (
	WorkWait  = "wait"  // before the start, so that not all come at once
	WorkSweep = "sweep" // removing what dead runs left
	WorkStore = "store" // files on disk
)

func workLabel(l messages.Language, name string) string {
	switch name {
	case WorkWait:
		return l.Sprintf("waiting before the start")
	case WorkSweep:
		return l.Sprintf("leftovers of earlier runs")
	case WorkStore:
		return l.Sprintf("files stored")
	case "pre hook":
		return l.Sprintf("pre hook")
	case "deploy hook":
		return l.Sprintf("deploy hook")
	case "post hook":
		return l.Sprintf("post hook")
	}
	return name
}

func classLabel(l messages.Language, class string) string {
	switch class {
	case "dns":
		return l.Sprintf("DNS service")
	case "servers":
		return l.Sprintf("name servers")
	case "ca":
		return l.Sprintf("CA")
	}
	return l.Sprintf("this machine")
}
