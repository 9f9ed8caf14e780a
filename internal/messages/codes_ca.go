package messages

import "wildcard/internal/fault"

// codesOfCA are about the certificate authority and the accounts there.
var codesOfCA = []Code{
	{
		Name: "acme.directory", Exits: []int{1},
		Cause: "What answers at the CA's URL is no ACME server, or one that lacks a part of the protocol.",
		Next:  "check --server; without it Let's Encrypt is asked",
	},
	{
		Name: "acme.unreachable", Exits: []int{75},
		Cause: "The CA cannot be reached, or does not answer: network, firewall, proxy, or a failure there.",
		Next:  fault.Verbatim("curl -sS https://acme-v02.api.letsencrypt.org/directory"),
	},
	{
		Name: "acme.tls", Exits: []int{1},
		Cause: "The CA's own TLS certificate is not trusted here: a private CA, an inspecting proxy, or old root certificates.",
		Next:  "for a private CA: --ca-bundle FILE; else: apt-get install --reinstall ca-certificates",
	},
	{
		Name: "acme.bad-reply", Exits: []int{1},
		Cause: "The CA's answer breaks the protocol (RFC 8555). Something between may have changed it, or the CA is broken.",
		Next:  "run it again with -v; if it stays, tell the CA",
	},
	{
		Name: "acme.unavailable", Exits: []int{75},
		Cause: "The CA answers that it cannot work now.",
		Next:  "look at the CA's status page; the timer tries again, or later by hand: wildcard renew",
	},
	{
		Name: "acme.rate-limited", Exits: []int{75},
		Cause: "The CA's limit for this account, name or set of names is used up. The line says until when; asking sooner only prolongs it.",
		Next:  "wait; meanwhile try with --dry-run, which counts elsewhere",
	},
	{
		Name: "acme.paused", Exits: []int{77},
		Cause: "The CA issues nothing here until a person has done something on its web site: too many tries have failed over months, or this program is too old for it. Waiting changes nothing.",
		Next:  "fix what failed (wildcard doctor), then open the address in the line above and follow it",
	},
	{
		Name: "acme.ended", Exits: []int{78},
		Cause: "This CA, or this server of it, issues no certificates any more.",
		Next:  "wildcard issue --server letsencrypt NAME..., or another of: wildcard help ca",
	},
	{
		Name: "acme.too-many-names", Exits: []int{2},
		Cause: "The CA takes fewer names on one certificate; the line above says how many. Nothing was sent to it.",
		Next:  "several certificates, or one name with an asterisk in place of many: wildcard issue '*.example.com' example.com",
	},
	{
		Name: "acme.no-wildcard", Exits: []int{2},
		Cause: "This CA issues no wildcard certificates. Nothing was sent to it.",
		Next:  "each name by itself, or another CA: --server letsencrypt",
	},
	{
		Name: "acme.covered-name", Exits: []int{2},
		Cause: "*.example.com covers www.example.com, and this CA refuses a certificate with both. Nothing was sent to it.",
		Next:  "make the signing request without the names that *.example.com covers",
	},
	{
		Name: "acme.revocation-reason", Exits: []int{2},
		Cause: "The CA does not take this reason for a revocation; those it takes are in the line above.",
		Next:  "wildcard revoke --reason REASON NAME with one of those, or without --reason",
	},
	{
		Name: "acme.refused", Exits: []int{1},
		Cause: "The CA refuses the request, for the reason in the line above.",
		Next:  "fix what the CA names, then try: wildcard issue --dry-run NAME",
	},
	{
		Name: "acme.unauthorized", Exits: []int{77},
		Cause: "The account may not do this: it is deactivated, or the certificate belongs to another account.",
		Next:  fault.Verbatim("wildcard account show"),
	},
	{
		Name: "acme.account-unknown", Exits: []int{77},
		Cause: "The CA does not know the account whose files are here; it was removed there, or belongs to another server.",
		Next:  fault.Verbatim("wildcard account register --agree-tos"),
	},
	{
		Name: "acme.terms", Exits: []int{77},
		Cause: "A new account needs your consent to the CA's terms of service; their address is in the line above.",
		Next:  "read them, then add --agree-tos",
	},
	{
		Name: "acme.external-account", Exits: []int{78},
		Cause: "This CA opens accounts only for its own customers, who prove it with a key (external account binding), and that is missing or wrong.",
		Next:  "get them from the CA; --eab-kid ID, the key in WILDCARD_EAB_HMAC_KEY",
	},
	{
		Name: "acme.contact", Exits: []int{2},
		Cause: "The CA does not accept the e-mail address.",
		Next:  "another --email ADDRESS, or none: most CAs want none",
	},
	{
		Name: "acme.rejected-name", Exits: []int{1},
		Cause: "The CA does not issue for this name: it is not public, on a list of the CA's, or misspelt.",
		Next:  "issue without that name: wildcard issue NAME...",
	},
	{
		Name: "acme.caa", Exits: []int{78},
		Cause: "A CAA record of the domain forbids this CA to issue (RFC 8659), or its name servers do not answer the question for CAA.",
		Next:  "dig CAA ZONE, and allow the CA by its name in CAA records, which is in the line above: 0 issuewild \"NAME\"",
	},
	{
		Name: "acme.profile", Exits: []int{2},
		Cause: "The CA has no certificate profile of that name; those it has are in the line above.",
		Next:  "choose one of those with --profile, or leave it out",
	},
	{
		Name: "acme.csr", Exits: []int{1},
		Cause: "The CA does not accept the certificate signing request: weak key, names that differ, or extensions it does not issue.",
		Next:  fault.Verbatim("openssl req -in FILE -noout -text -verify"),
	},
	{
		Name: "acme.no-dns-challenge", Exits: []int{1},
		Cause: "The CA offers no challenge for a name that could be answered here.",
		Next:  "try another way or another CA: --challenge dns-01, --server letsencrypt",
	},
	{
		Name: "persist.missing", Exits: []int{78},
		Cause: "No record at _validation-persist lets this account prove a name: it is missing, has ended, is another account's, or is not written as every CA reads it. The line above has the record that would.",
		Next:  "publish it: wildcard persist set NAME; or prove the name by dns-01: --challenge dns-01",
	},
	{
		Name: "persist.by-hand", Exits: []int{78},
		Cause: "The DNS service, or its plugin, writes records of challenges alone, and this one is another.",
		Next:  "set the record of the line above yourself; wildcard persist check NAME tells when it holds",
	},
	{
		Name: "acme.validation-failed", Exits: []int{1},
		Cause: "The CA looked for the TXT records and did not find what it should; every name and the CA's words are above. Some of its viewpoints may see other servers than we do.",
		Next:  fault.Verbatim("wildcard doctor"),
	},
	{
		Name: "acme.remembers", Exits: []int{75},
		Cause: "The CA looked at this name a moment ago, and its resolvers keep an answer for its TTL, a minute at most: it would not see the new value. The run may not take long enough to wait for that.",
		Next:  "run it again after the time in the line above; for a CA of your own whose resolver keeps nothing: --ca-cache 0",
	},
	{
		Name: "acme.order-invalid", Exits: []int{1},
		Cause: "The CA gave the order up; the next run makes a new one.",
		Next:  fault.Verbatim("wildcard renew"),
	},
	{
		Name: "acme.bad-certificate", Exits: []int{1},
		Cause: "What the CA delivered is not the certificate that was asked for (key, names, dates or chain). It is not made live.",
		Next:  "compare the line above with what you asked for, and ask the CA; to order again: wildcard issue --force NAME...",
	},
	{
		Name: "acme.already-revoked", Exits: []int{1},
		Cause: "The certificate was revoked before; there is nothing left to do for that.",
		Next:  "for a new one: wildcard issue --force NAME",
	},
	{
		Name: "acme.deadline", Exits: []int{75},
		Cause: "The run took longer than it may, most often because the CA or the name servers are slow. The order is kept.",
		Next:  fault.Verbatim("wildcard renew"),
	},
	{
		Name: "acme.renewal-information", Exits: []int{1, 75},
		Cause: "The CA's advice on when to renew (RFC 9773) cannot be used. The certificate's own dates decide instead.",
		Next:  "nothing needs to be done",
	},
}
