package doctor

import (
	"wildcard/messages"
	"wildcard/providers"
)

// The codes of findings.
const (
	FoundSettings        = "settings.unusable"          // a DNS service cannot be opened
	FoundSecretsOld      = "secrets.old"                // a credential's file has not changed for long
	FoundSecretsOpen     = "secrets.open"               // a file with a secret can be read by others
	FoundLogin           = "login.failed"               // a service does not let us in
	FoundName            = "name.unroutable"            // a name's record can be put nowhere
	FoundDelegation      = "delegation.elsewhere"       // a zone is delegated to others than its service
	FoundServerSilent    = "nameserver.silent"          // an address does not answer over UDP
	FoundServerTCP       = "nameserver.no-tcp"          // an address does not answer over TCP
	FoundServerLame      = "nameserver.lame"            // an address answers without authority
	FoundServerHost      = "nameserver.no-address"      // a name server has no address
	FoundCAA             = "caa.forbids"                // CAA does not let the CA issue
	FoundCAAUnanswered   = "caa.unanswered"             // CAA cannot be looked up
	FoundCAAUnjudged     = "caa.unjudged"               // the CA does not say how CAA names it
	FoundDNSSEC          = "dnssec.broken"              // a signed zone does not validate
	FoundRecordStale     = "record.stale"               // a record of ours was left behind
	FoundRecordForeign   = "record.foreign"             // a challenge record of somebody else's
	FoundJournal         = "journal.damaged"            // a file in the journal is no entry
	FoundClockSkewed     = "clock.skewed"               // the clock is minutes off
	FoundClockWrong      = "clock.wrong"                // the clock is hours off
	FoundCA              = "ca.unusable"                // the CA cannot be spoken to
	FoundAccount         = "account.unusable"           // the account's files cannot be used
	FoundAccountRefused  = "account.refused"            // the CA does not accept the account
	FoundProfile         = "profile.unknown"            // the CA does not offer the profile
	FoundLedger          = "ledger.blocked"             // limits do not allow an attempt now
	FoundAttempt         = "attempt.failed"             // the last attempt failed
	FoundStore           = "store.unusable"             // certificates cannot be stored
	FoundFolder          = "folder.unusable"            // the state or run directory cannot be used
	FoundUnreadable      = "lineage.unreadable"         // a lineage cannot be read
	FoundDamaged         = "lineage.damaged"            // the live files are not a set
	FoundUnfinished      = "lineage.unfinished"         // a newer set waits, as after a crash
	FoundUnrepaired      = "lineage.unrepaired"         // --fix could not repair it
	FoundExpired         = "certificate.expired"        // it is over
	FoundOverdue         = "certificate.overdue"        // it should have been renewed by now
	FoundDeploy          = "deploy.pending"             // deploy hooks have not succeeded
	FoundTimerMissing    = "timer.missing"              // nothing runs renew
	FoundTimerInactive   = "timer.inactive"             // the timer is there and off
	FoundTimerDouble     = "timer.double"               // both a timer and cron run renew
	FoundSchedulers      = "scheduler.conflict"         // certbot renews what is ours
	FoundCertbotTimer    = "certbot.unscheduled"        // certbot's own lineages with our hooks, and no certbot timer
	FoundHook            = "hook.unusable"              // a lineage of certbot's names a hook that cannot run
	FoundEndpoint        = "endpoint.unreachable"       // a server does not answer with TLS
	FoundEndpointOther   = "endpoint.other-certificate" // it serves another certificate than the live one
	FoundEndpointChain   = "endpoint.chain"             // it does not send the issuers, or not in order
	FoundEndpointUnknown = "endpoint.unmatched"         // it belongs to no certificate that is looked at
	FoundProbe           = "probe.failed"               // the record of --probe did not make the round
	FoundProbeLeft       = "probe.left"                 // the record of --probe is still there
	FoundLate            = "check.late"                 // a check did not end
	FoundCrashed         = "check.crashed"              // a defect of ours
)

// Kinds are all kinds of findings.
func Kinds() []Kind {
	var all []Kind
	for _, some := range [][]Kind{settingsKinds(), dnsKinds(), caKinds(), machineKinds(), endpointKinds()} {
		all = append(all, some...)
	}
	return all
}

func kinds() map[string]Kind {
	byCode := map[string]Kind{}
	for _, k := range Kinds() {
		byCode[k.Code] = k
	}
	return byCode
}

func settingsKinds() []Kind {
	return []Kind{
		{FoundSettings, Error, providers.Misconfigured, command("%s"), text("Without its settings a DNS service cannot be used at all."), command("%s")},
		{FoundSecretsOld, Note, 0, text("%s was last changed %d days ago"), text("A password that stays for years is known to everybody who ever had it."), text("change the password at the service, then in %s")},
		{FoundSecretsOpen, Error, providers.Misconfigured, text("%s is open to others (mode %04o)"), text("Whoever has an account on this machine can take the secret in it."), command("chmod o-rwx %s")},
		{FoundLogin, Error, providers.Refused, command("%s"), text("No record can be made or deleted."), text("check user, password and tenant in %s")},
	}
}

func dnsKinds() []Kind {
	return []Kind{
		{FoundName, Error, providers.Misconfigured, command("%s"), text("The record that proves the name can be put nowhere."), command("%s")},
		{FoundDelegation, Error, providers.Misconfigured, command("%s"), text("What is written to this account is never seen by the CA."), text("set the name servers at the registrar of %s, or use the service that publishes it (--provider)")},
		{FoundServerSilent, Warning, 0, text("%s does not answer over UDP: %s"), text("The CA may happen to ask this one, and every run waits for it."), command("dig +norecurse @%s %s SOA")},
		{FoundServerTCP, Warning, 0, text("%s does not answer over TCP: %s"), text("Large answers come over TCP only (RFC 7766); a CA that needs one gets none."), text("dig +tcp +norecurse @%s %s SOA, and let port 53 TCP through to it")},
		{FoundServerLame, Warning, 0, text("%s is delegated %s and does not serve it: %s"), text("A CA that asks this one finds nothing, and the validation may fail."), text("take it out of the delegation, or add the zone to it: dig +norecurse @%s %s SOA")},
		{FoundServerHost, Warning, 0, text("the name server %s has no address"), text("It is asked in vain by everybody, and half the look-ups may be slow."), text("dig %s A, then mend the delegation of %s")},
		{FoundCAA, Error, providers.Misconfigured, text("the CAA records of %s do not let %s issue: %s"), text("The CA must refuse the order (RFC 8659)."), text("add a record: %s")},
		{FoundCAAUnanswered, Warning, 0, text("CAA of %s cannot be looked up: %s"), text("A CA that gets no answer either must refuse the order."), command("dig %s CAA")},
		{FoundCAAUnjudged, Note, 0, text("%s has CAA records, and %s does not say by which name they are to allow it"), text("Whether they let it issue cannot be told beforehand."), text("dig %s CAA, and compare with what the CA documents")},
		{FoundDNSSEC, Error, providers.Misconfigured, text("DNSSEC of %s is broken: %s"), text("CAs validate, and see no record of such a zone at all."), text("dig +dnssec %s SOA; sign the zone anew, or have the registrar remove the DS record")},
		{FoundRecordStale, Warning, 0, text("%s TXT %s was made on %s by process %d, which died"), text("It lies about a validation that is long over."), command("wildcard clean")},
		{FoundRecordForeign, Note, 0, text("%s TXT %s is not in our journal"), text("Another client made it: it is at work now, or has left it behind. One that was deleted minutes ago may still show."), text("if no other client uses the name, delete it at the DNS service")},
	}
}

func caKinds() []Kind {
	return []Kind{
		{FoundClockSkewed, Warning, 0, text("this machine's clock is %s off, says the CA"), text("Orders and renewals are timed by it."), command("timedatectl set-ntp true")},
		{FoundClockWrong, Error, providers.Misconfigured, text("this machine's clock is %s off, says the CA"), text("What is due cannot be told, and nothing is renewed without --force."), command("timedatectl set-ntp true")},
		{FoundCA, Error, providers.Temporary, command("%s"), text("Nothing can be ordered."), command("%s")},
		{FoundAccount, Error, providers.Misconfigured, command("%s"), text("Nothing can be ordered without an account."), text("wildcard account register --server %s, or name one with --account")},
		{FoundAccountRefused, Error, providers.Refused, command("%s"), text("Nothing can be ordered in the name of this account."), command("wildcard account show --server %s")},
		{FoundProfile, Error, providers.Usage, text("the CA offers no profile %s, only: %s"), text("It refuses the order."), command("wildcard issue --profile OTHER %s")},
		{FoundLedger, Warning, 0, text("no attempt %s"), text("A timer tries nothing before that."), text("wait; once the reason is mended: wildcard renew --force --cert-name %s")},
		{FoundAttempt, Warning, 0, text("the last attempt, on %s, failed: %s"), text("It is tried again, but the same will happen if the reason stays."), command("wildcard renew --cert-name %s")},
	}
}

func machineKinds() []Kind {
	return []Kind{
		{FoundStore, Error, providers.Misconfigured, command("%s"), text("A certificate could not be stored."), command("ls -ld %s; df -h %s")},
		{FoundFolder, Error, providers.Misconfigured, command("%s %s"), text("No program of ours starts without it."), command("%s")},
		{FoundJournal, Warning, 0, command("%s: %s"), text("Which record it was about is not known, so nobody deletes that."), text("look at it, then rm %s")},
		{FoundUnreadable, Error, providers.Misconfigured, command("%s"), text("It is neither listed nor renewed."), text("look at renewal/%s.conf")},
		{FoundDamaged, Error, providers.Misconfigured, command("%s"), text("Servers that are started anew find no certificate that fits its key."), command("%s")},
		{FoundUnfinished, Warning, 0, text("a set of files waits that is not live, or one that certbot would take for newer is not good"), text("A run was cut off; the newest good certificate is not the one in use."), command("wildcard doctor --fix %s")},
		{FoundUnrepaired, Error, providers.Misconfigured, command("%s"), text("There is no good set of files to go back to."), command("wildcard issue --force --cert-name %s NAME...")},
		{FoundExpired, Error, providers.Failed, text("it has expired on %s"), text("Everybody who connects is refused."), command("%s")},
		{FoundOverdue, Warning, 0, text("it has been due since %s and is not renewed; it expires on %s"), text("Something keeps it from being renewed."), command("wildcard renew --cert-name %s")},
		{FoundDeploy, Warning, 0, text("its deploy hooks have not succeeded since it was renewed"), text("Servers may still use the old certificate."), command("wildcard renew --cert-name %s")},
		{FoundTimerMissing, Warning, 0, text("neither a systemd timer nor cron runs wildcard renew"), text("Nothing is renewed by itself."), command("%s")},
		{FoundTimerInactive, Warning, 0, text("%s is installed, but it is %s and %s"), text("Nothing is renewed by itself."), command("systemctl enable --now %s")},
		{FoundTimerDouble, Note, 0, text("both %s and %s run wildcard renew"), text("One is enough; they only wait for each other."), command("rm %s")},
		{FoundSchedulers, Error, providers.Misconfigured, text("certbot's %s would renew it too: autorenew = False is missing in renewal/%s.conf"), text("Two clients renew one certificate, and each undoes what the other has set."), command("wildcard doctor --fix %s")},
		{FoundCertbotTimer, Warning, 0, text("certbot is to renew it with our hooks, and neither a timer nor cron runs certbot renew"), text("It is not renewed by itself."), text("systemctl enable --now certbot.timer, or have us renew it: wildcard adopt %s")},
		{FoundHook, Error, providers.Misconfigured, text("%s of renewal/%s.conf cannot be run: %s"), text("certbot's renewal fails."), text("set it to the path of wildcard-auth-hook or wildcard-cleanup-hook, or: wildcard adopt %s")},
		{FoundLate, Warning, 0, text("looking at %s took longer than %s and was given up"), text("What it would have found is not known."), command("wildcard doctor -v")},
		{FoundCrashed, Error, providers.Internal, text("looking at %s met a defect of ours: %s"), text("What it would have found is not known."), text("please report it")},
	}
}

func endpointKinds() []Kind {
	return []Kind{
		{FoundEndpoint, Warning, 0, text("no TLS connection to %s: %s"), text("What it serves is not known."), command("openssl s_client -connect %s -servername %s")},
		{FoundEndpointOther, Error, providers.Failed, text("it serves the certificate %s, valid until %s; the live one is %s, valid until %s"), text("The server was not reloaded after the renewal, or reads other files."), text("reload the server, and have that done each time: wildcard issue --deploy-hook 'systemctl reload SERVER' %s")},
		{FoundEndpointChain, Error, providers.Failed, text("it sends %s"), text("Many clients cannot verify it then."), text("have the server use %s")},
		{FoundEndpointUnknown, Error, providers.Usage, text("%s belongs to no certificate that is looked at"), text("There is nothing to compare it with."), command("wildcard doctor --endpoint CERTIFICATE=%s")},
		{FoundProbe, Error, providers.Failed, command("%s"), text("A real run would fail in the same way."), command("%s")},
		{FoundProbeLeft, Warning, 0, text("%s TXT %s could not be deleted: %s"), text("The journal has it; the next run tries again."), command("wildcard clean")},
	}
}

// text marks a text for users, which has a translation.
func text(english string) string { return english }

// command marks what is the same in every language.
func command(line string) string { return line }

// because is a reason that is part of a finding.
func because(english string, args ...any) *messages.Message {
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
