package doctor

import (
	"slices"

	"wildcard/internal/deploy"
	"wildcard/internal/deploy/target"
	"wildcard/internal/fault"
	"wildcard/internal/messages"
)

// The codes of findings.
const (
	FoundSettings        = "settings.unusable"          // a DNS service cannot be opened
	FoundEnvironment     = "settings.environment"       // a credential is in the environment of this process
	FoundUnconfined      = "plugin.unconfined"          // files cannot be hidden from plugins here
	FoundSecretsOld      = "secrets.old"                // a credential's file has not changed for long
	FoundSecretsOpen     = "secrets.open"               // a file with a secret can be read by others
	FoundLogin           = "login.failed"               // a service does not let us in
	FoundName            = "name.unroutable"            // a name's record can be put nowhere
	FoundDelegation      = "delegation.elsewhere"       // a zone is delegated to others than its service
	FoundServerSilent    = "nameserver.silent"          // an address does not answer over UDP
	FoundServerTCP       = "nameserver.no-tcp"          // an address does not answer over TCP
	FoundServerLame      = "nameserver.lame"            // an address answers without authority
	FoundServerHost      = "nameserver.no-address"      // a name server has no address
	FoundServerModest    = "nameserver.no-authority"    // an address serves the zone and never says so
	FoundServerOnlyTXT   = "nameserver.only-txt"        // an address answers nothing but TXT
	FoundServerSets      = "nameserver.sets-differ"     // parent and zone name different servers
	FoundServerBehind    = "nameserver.behind"          // an address has an older copy of the zone
	FoundResolverBehind  = "resolver.behind"            // resolvers know servers that the zone does not have any more
	FoundPrivate         = "zone.private"               // the public DNS does not know the zone
	FoundBlocked         = "port53.closed"              // no name server can be asked from here
	FoundIntercepted     = "port53.intercepted"         // something else answers in the place of name servers
	FoundCAA             = "caa.forbids"                // CAA does not let the CA issue
	FoundCAAUnanswered   = "caa.unanswered"             // CAA cannot be looked up
	FoundCAAUnjudged     = "caa.unjudged"               // the CA does not say how CAA names it
	FoundPersist         = "persist.record"             // no persistent record proves what is renewed by one
	FoundPersistEnds     = "persist.ends"               // it ends before the renewal after next
	FoundDNSSEC          = "dnssec.broken"              // a signed zone does not validate
	FoundRecordStale     = "record.stale"               // a record of ours was left behind
	FoundRecordForeign   = "record.foreign"             // a challenge record of another client's
	FoundJournal         = "journal.damaged"            // a file in the journal is no entry
	FoundClockSkewed     = "clock.skewed"               // the clock is minutes off
	FoundClockWrong      = "clock.wrong"                // the clock is hours off
	FoundCA              = "ca.unusable"                // the CA cannot be spoken to
	FoundAccount         = "account.unusable"           // the account's files cannot be used
	FoundAccountRefused  = "account.refused"            // the CA does not accept the account
	FoundProfile         = "profile.unknown"            // the CA does not offer the profile
	FoundRefusal         = "ca.refusal"                 // the CA would refuse the order
	FoundCharge          = "ca.conditions"              // the CA might, or it costs money
	FoundBinding         = "account.binding"            // a new account needs what is not given
	FoundHeld            = "certificate.refused"        // a certificate was issued and refused, and none is ordered again
	FoundLedger          = "ledger.blocked"             // limits do not allow an attempt now
	FoundAttempt         = "attempt.failed"             // the last attempt failed
	FoundStore           = "store.unusable"             // certificates cannot be stored
	FoundFolder          = "folder.unusable"            // the state or run directory cannot be used
	FoundUnreadable      = "lineage.unreadable"         // a lineage cannot be read
	FoundDamaged         = "lineage.damaged"            // the live files are not a set
	FoundUnfinished      = "lineage.unfinished"         // a newer set waits, as after a crash
	FoundOutnumbered     = "lineage.outnumbered"        // an older set has a higher number than the live one
	FoundUnrepaired      = "lineage.unrepaired"         // --fix could not repair it
	FoundRevoked         = "certificate.revoked"        // it was revoked from here, and is live still
	FoundExpired         = "certificate.expired"        // it is over
	FoundOverdue         = "certificate.overdue"        // it should have been renewed by now
	FoundDeploy          = "deploy.pending"             // deploy hooks have not succeeded
	FoundRolledBack      = deploy.CodeRolledBack        // the newer certificate was not served, so the former one is live
	FoundLastRun         = "renew.late"                 // renew has not run for days
	FoundUnsafe          = "lineage.unsafe-path"        // others could change the lines that root runs
	FoundHalf            = "lineage.half"               // files in live or archive without a .conf
	FoundTimerMissing    = "timer.missing"              // nothing runs renew
	FoundTimerInactive   = "timer.inactive"             // the timer is there and off
	FoundTimerDouble     = "timer.double"               // both a timer and cron run renew
	FoundSchedulers      = "scheduler.conflict"         // certbot renews what is ours
	FoundCertbotTimer    = "certbot.unscheduled"        // certbot's own lineages with our hooks, and no certbot timer
	FoundCron            = "cron.broken"                // a file is to have cron run renew, and does not
	FoundHook            = deploy.CodeUnusable          // a hook's program is not there, or cannot be run
	FoundHookUnsafe      = deploy.CodeUnsafe            // another user could change a hook
	FoundHookMisplaced   = "hook.misplaced"             // a hook in a .conf stands where it is none
	FoundHookOutside     = "hook.outside"               // certbot runs a hook that stands in no .conf
	FoundEndpoint        = "endpoint.unreachable"       // a server does not answer with TLS
	FoundEndpointOther   = "endpoint.other-certificate" // it serves another certificate than the live one
	FoundEndpointChain   = "endpoint.chain"             // it does not send the issuers, or not in order
	FoundEndpointUnknown = "endpoint.unmatched"         // it belongs to no certificate that is looked at
	FoundTarget          = target.CodeUnusable          // a target could not take a certificate
	FoundProbe           = "probe.failed"               // the record of --probe did not make the round
	FoundProbeLeft       = "probe.left"                 // the record of --probe is still there
	FoundUser            = "access.not-root"            // what is root's is looked at by another user
	FoundLate            = "check.late"                 // a check did not end
	FoundCrashed         = "check.crashed"              // a defect of ours
)

// Kinds are all kinds of findings. Each is declared where it is found.
func Kinds() []Kind {
	return slices.Concat(settingsKinds(), domainKinds(), caaKinds(), persistKinds(), dnssecKinds(), recordKinds(),
		caKinds(),
		storeKinds(), lineageKinds(), schedulerKinds(),
		hookKinds(), targetKinds(), endpointKinds(), probeKinds(), checkKinds())
}

// Codes are the codes of all findings. What is to be done stands in each finding, with its names.
func Codes() []messages.Code {
	var codes []messages.Code
	for _, k := range Kinds() {
		codes = append(codes,
			messages.Code{Name: k.Code, Exits: []int{k.Exit()}, Cause: k.Why, Next: fault.Verbatim("wildcard doctor")})
	}
	return codes
}

func kinds() map[string]Kind {
	byCode := map[string]Kind{}
	for _, k := range Kinds() {
		byCode[k.Code] = k
	}
	return byCode
}

// because is a reason that is part of a finding.
func because(english messages.Text, args ...any) *messages.Message {
	m := messages.Message{Format: english, Args: args}
	return &m
}

// next is what to do about an error, as far as its code tells.
type next struct{ code string }

// In returns it in a language.
func (n next) In(l messages.Language) string {
	if known, ok := l.Explain(n.code); ok {
		return known.Next
	}
	return "wildcard doctor -v"
}

// String returns the English text.
func (n next) String() string { return n.In(messages.English) }
