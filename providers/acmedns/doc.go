// Package acmedns publishes challenges at an acme-dns server (https://github.com/joohoi/acme-dns): a name server with one
// purpose, to which a CNAME leads from every domain's challenge name, set once by hand. So a machine that renews
// certificates holds no credential with which anything else in the domain's DNS could be changed.
//
// An env file for it, /etc/letsencrypt/acmedns/.env (mode 0600), with lego's variable names:
//
//	# The server's API. Your own server is the one to use; its operator can get certificates for your domains.
//	ACME_DNS_API_BASE=https://auth.example.org
//	# Where the accounts are kept, one for each domain. This is the default:
//	#ACME_DNS_STORAGE_PATH=/etc/letsencrypt/acmedns/accounts.json
//	# Networks from which new accounts may be used, and from nowhere else.
//	#ACME_DNS_ALLOWLIST=192.0.2.0/24,2001:db8::/32
//	# Or one account for everything, in place of the file, with acme.sh's names (ACMEDNS_BASE_URL is good too, for the
//	# server). The last is the name that the CNAMEs lead to, if it is not SUBDOMAIN.HOST-OF-THE-SERVER.
//	#ACMEDNS_USERNAME=eabcdb41-d89f-4580-826f-3e62e9755ef2
//	#ACMEDNS_PASSWORD=pbAXVjlIOE01xbut7YnAbkhMQIkcwoHO0ek2j4Q0
//	#ACMEDNS_SUBDOMAIN=d420c923-bbd7-4056-ab64-c3ca54c9b3cf
//	#ACMEDNS_FULLDOMAIN=d420c923-bbd7-4056-ab64-c3ca54c9b3cf.auth.example.org
//	# How long to wait for one answer and for publication, in seconds.
//	#ACMEDNS_HTTP_TIMEOUT=30
//	#ACMEDNS_PROPAGATION_TIMEOUT=900
//
// # The first time
//
// Run the command that is to get the certificate. For every domain without an account one is registered and saved, and the
// run ends, before anything is ordered, with the CNAME to set ([providers.CodeNoCNAME], exit status 78):
//
//	_acme-challenge.example.com. CNAME d420c923-bbd7-4056-ab64-c3ca54c9b3cf.auth.example.org.
//
// Set them all, and run the command again; it goes through as soon as the CNAMEs can be seen. Nothing is to be done after
// that, for renewals neither. The error comes back, with the same names, for as long as a CNAME is missing or leads
// elsewhere. Where other accounts are configured too, only what they do not hold is acme-dns's, or what ZONE= says:
// "example.com=acmedns" is for the names in example.com, wherever their CNAMEs lead.
//
// # The file
//
// It is the one of lego, goacmedns and acme-dns's hook for certbot, and may be shared with them: a JSON object with the domain
// as the key and fulldomain, subdomain, username and password in each entry. What is not ours to understand stays in it, and it
// is written whole and at once (0600). Entries of another server (server_url) are passed over. It holds the only copy of
// the passwords: if it is lost, new accounts and new CNAMEs are needed. lego's ACME_DNS_STORAGE_BASE_URL is not supported.
//
// # What acme-dns can and cannot do
//
// A name holds two values. An update takes the place of the older one; nothing can be deleted, and nothing read. Hence:
//
//   - Two values of a name may be in use at once, which is what example.com with *.example.com needs. A third one is refused
//     until one of them is cleaned up, or an hour old: it would take away a value that a run waits for.
//   - CleanUp sends nothing. It notes that the value may be replaced, and the value stays until the next run: the digest of
//     a key authorization that is good for one challenge, long over.
//   - Which values we put there, when, and which are in use, is kept in the run directory, one file for each name, so that the
//     hooks' processes know of each other; without one it is kept in the process alone. From it follows whether an update
//     would hit a value in use. If it could, that value is sent once more before, so that it is the newer one. acme-dns tells
//     the age of values in whole seconds, so that may take one second.
//   - An update whose reply was lost may have been made, which cannot be found out. It is repeated if no other value is in use, and
//     then the value may stand there twice, which in the DNS is once (RFC 2181 §5). Otherwise the run fails.
//
// Decisions:
//
//   - A name is written only if it is exactly the registered one of an account in the file. Zones lists these names, and they
//     are the only targets to which CNAMEs are followed; that they are no zones in the DNS [providers.CNAMETargets] says.
//   - The name servers of the zone in which the registered name lies, which is acme-dns itself, are asked for publication as
//     any other's are.
//   - http:// only to loopback addresses: with a password anyone can get certificates. Put TLS in front of the server.
//   - The fingerprint is the server with the file, or with the user. A handle is the subdomain.
//   - Registration needs a folder that can be written to: this is found out before anything is registered.
package acmedns
