package rfc2136

import (
	"time"

	"github.com/miekg/dns"

	"wildcard/providers"
)

// CodeClock says that this machine's clock and the server's are too far apart for signatures.
const CodeClock = "rfc2136.clock"

// unknownKey reports whether a reply says that the server does not know the key.
func unknownKey(r reply) bool {
	return r.Rcode == dns.RcodeNotAuth && r.tsig != nil && r.tsig.Error == dns.RcodeBadKey
}

// refusal is the error that a reply stands for, or nil for one that is no refusal. zone is "" for queries.
func (s *server) refusal(r reply, zone string) error {
	if !refuses(r.Rcode) {
		return nil
	}
	no := func(code string, class providers.Class, format string, args ...any) error {
		return providers.Errorf(code, class, s.address+": "+rcodeName(r.Rcode)+": "+format, args...)
	}
	if r.Rcode == dns.RcodeNotAuth && r.tsig != nil && r.tsig.Error != dns.RcodeSuccess {
		return s.refusedKey(r.tsig)
	}
	switch r.Rcode {
	case dns.RcodeServerFailure:
		return &lostError{no(providers.CodeService, providers.Temporary, "the server has a fault; its log says more")}
	case dns.RcodeRefused:
		if zone == "" {
			return no(providers.CodeNoZone, providers.Misconfigured,
				"it holds no zone with that name, or %s may not ask it (allow-query)", s.key)
		}
		return no(providers.CodeCredentials, providers.Refused,
			"%s may not change the record (update-policy, allow-update), or the zone is frozen or a secondary's", s.key)
	case dns.RcodeNotAuth:
		return no(providers.CodeNoZone, providers.Misconfigured, "it is not the primary of %s", orThatZone(zone))
	case dns.RcodeNotZone:
		return no(providers.CodeNoZone, providers.Misconfigured, "the name does not lie in %s", orThatZone(zone))
	case dns.RcodeNotImplemented:
		return no(providers.CodeService, providers.Misconfigured, "it takes no DNS updates (dnsupdate=no in PowerDNS)")
	}
	return no(providers.CodeService, providers.Failed, "it does not understand the request")
}

func orThatZone(zone string) string {
	if zone == "" {
		return "that zone"
	}
	return zone
}

// refusedKey is the error for a signature that the server did not accept (RFC 8945 §5.2).
func (s *server) refusedKey(t *dns.TSIG) error {
	no := func(code string, class providers.Class, format string, args ...any) error {
		return providers.Errorf(code, class, s.address+": NOTAUTH, "+format, args...)
	}
	switch t.Error {
	case dns.RcodeBadKey:
		return no(providers.CodeCredentials, providers.Refused, "BADKEY: it knows no %s: the name or the algorithm is another one there", s.key)
	case dns.RcodeBadSig:
		return no(providers.CodeCredentials, providers.Refused, "BADSIG: the secret of %s is another one there", s.key)
	case dns.RcodeBadTime:
		ours := s.now().UTC()
		theirs, ok := serverTime(t)
		if !ok {
			return no(CodeClock, providers.Misconfigured, "BADTIME: its clock is more than %d s away from ours, which says %s",
				fudge, ours.Format(time.RFC3339))
		}
		return no(CodeClock, providers.Misconfigured, "BADTIME: its clock says %s and ours %s, %v apart, and %d s are allowed: set the one that is wrong",
			theirs.Format(time.RFC3339), ours.Format(time.RFC3339), theirs.Sub(ours).Abs().Round(time.Second), fudge)
	case dns.RcodeBadTrunc:
		return no(providers.CodeCredentials, providers.Refused, "BADTRUNC: it wants shorter or longer signatures of %s",
			s.key)
	}
	return no(providers.CodeCredentials, providers.Refused, "TSIG error %d with %s", t.Error, s.key)
}
