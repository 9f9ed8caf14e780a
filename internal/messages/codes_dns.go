package messages

// codesOfDNS are about zones, names, delegation and publication.
var codesOfDNS = []Code{
	{
		Name: "zone.not-found", Exits: []int{78},
		Cause: "None of the configured accounts has a zone that holds the name; those they have are listed above. Often it is the other generation of ConoHa, or another account.",
		Next:  "wildcard plan NAME shows which account would be asked",
	},
	{
		Name: "zone.ambiguous", Exits: []int{78},
		Cause: "Two of the configured accounts could take the name, and only one of them is what the world sees.",
		Next:  "say which: --provider ZONE=NAME@ENVFILE",
	},
	{
		Name: "zone.delegated", Exits: []int{78},
		Cause: "The zone is in the account, but the DNS delegates it to other name servers, so the CA would not see the record. Whose servers it delegates to is above.",
		Next:  "use the account whose servers are delegated to, or change the delegation at the registrar: dig +short NS ZONE",
	},
	{
		Name: "dns.unknown-zone", Exits: []int{78},
		Cause: "The resolver knows no zone at or above the name; what it says of each is above. It may serve a network of its own, or the domain is not registered.",
		Next:  "ask another resolver, with --resolver 1.1.1.1 or --resolver https://dns.google/dns-query; what it says: dig @1.1.1.1 NS ZONE",
	},
	{
		Name: "challenge.invalid", Exits: []int{2},
		Cause: "A name is none that a certificate can have, or what certbot handed over is no DNS-01 challenge.",
		Next:  "check the spelling of the names; with certbot add --preferred-challenges dns",
	},
	{
		Name: "cname.refused", Exits: []int{78},
		Cause: "_acme-challenge is a CNAME that leads out of the zones of the configured accounts, in a circle, or too far. Writing there could be what a forger wants.",
		Next:  "correct the CNAME, or configure the account of its target too: dig CNAME _acme-challenge.NAME",
	},
	{
		Name: "cname.missing", Exits: []int{78},
		Cause: "acme-dns has a name of its own for every domain, and the CNAME that leads there from _acme-challenge is not set yet, or leads elsewhere. It is set once, by hand.",
		Next:  "set the CNAMEs of the lines above, then the same command again: dig CNAME _acme-challenge.NAME",
	},
	{
		Name: "acmedns.crowded", Exits: []int{75},
		Cause: "acme-dns holds two values of a name, which is what NAME and *.NAME need. More are wanted at once: several domains lead to one name, or two runs are at work.",
		Next:  "let each domain's CNAME lead to a name of its own, or later: wildcard renew",
	},
	{
		Name: "dns.no-answer", Exits: []int{75},
		Cause: "Resolvers or name servers did not answer, so it is not known where the record belongs. Often port 53 is closed, or the network is just coming up.",
		Next:  "name a resolver that answers, with --resolver IP; or later: wildcard renew",
	},
	{
		Name: "dns.too-many-values", Exits: []int{78},
		Cause: "Earlier runs of some ACME client have left their values at the name, so many that the service takes no more or that no answer of the name servers reaches the CA.",
		Next:  "delete the old TXT records there at the DNS service; those of ours: wildcard clean",
	},
	{
		Name: "dns.other-servers", Exits: []int{78},
		Cause: "The record was, or would be, written to one server, and others are awaited that have another zone of that name: split horizon, views, an old delegation. Both are in the line. If the parent delegates the zone to those that are awaited, the CA asks them too and does not see the record; otherwise it may well see it.",
		Next:  "do what the line names; what the world sees: dig +trace ZONE SOA",
	},
	{
		Name: "dns.intercepted", Exits: []int{75},
		Cause: "Something on this network (a router, a firewall, the provider) answers every question to port 53 itself, whatever server it was meant for. So it cannot be seen what the name servers have.",
		Next:  "let UDP and TCP port 53 through, or take the way that the line names; there is no server at this address, so an answer shows what answers for it: dig +norecurse @192.0.2.253 . SOA",
	},
	{
		Name: "dns.not-published", Exits: []int{75},
		Cause: "The record was created, but some name server still lacked it at the end of the wait; the line says which. The CA would have been told \"no\".",
		Next:  "wildcard renew tries again; a longer wait: CONOHA_PROPAGATION_TIMEOUT=1800",
	},
}
