// Package rfc2136 publishes DNS-01 challenges by DNS UPDATE (RFC 2136), signed with TSIG (RFC 8945): in BIND, Knot,
// PowerDNS and every other primary that speaks it.
//
// An env file for it, /etc/letsencrypt/rfc2136/.env (mode 0600), with the variable names that lego uses too:
//
//	# The primary, host or host:port. A name is looked up as any other host's.
//	RFC2136_NAMESERVER=192.0.2.1:53
//	# The key, as tsig-keygen, keymgr -t or pdnsutil generate-tsig-key made it: name, algorithm, secret.
//	RFC2136_TSIG_KEY=wildcard-key
//	RFC2136_TSIG_ALGORITHM=hmac-sha256
//	RFC2136_TSIG_SECRET=bWFkZSBieSB0c2lnLWtleWdlbg==
//	# Or all three of them in a key file of BIND, as tsig-keygen prints it, in place of the lines above:
//	#RFC2136_TSIG_FILE=/etc/letsencrypt/rfc2136/wildcard.key
//	# The zones to write in. Not needed if the provider is given as ZONE=rfc2136.
//	#RFC2136_ZONE=example.com,example.net
//	# TTL of the records, and how long to wait for one answer and for publication, in seconds.
//	#RFC2136_TTL=1
//	#RFC2136_DNS_TIMEOUT=10
//	#RFC2136_PROPAGATION_TIMEOUT=900
//
// What certbot-dns-rfc2136 calls dns_rfc2136_server and dns_rfc2136_port is RFC2136_NAMESERVER here, dns_rfc2136_name is
// RFC2136_TSIG_KEY, dns_rfc2136_secret is RFC2136_TSIG_SECRET and dns_rfc2136_algorithm is RFC2136_TSIG_ALGORITHM. The key
// needs no more than, in BIND's words, "update-policy { grant wildcard-key zonesub TXT; };".
//
// What it promises, besides the rules of package providers:
//
//   - An update adds or deletes exactly one record. A record set is never replaced and never deleted, and keeps its TTL:
//     a server gives all records of a set the TTL of the one that is added last (RFC 2181 §5.2), so the record is added
//     with the TTL that the others have, on the condition that the set is still there, or on the condition that there is
//     none.
//   - Every query and update is signed, and what is made of the reply needs a signature that holds. The reply to the look
//     before an update tells the zone, so a run costs one query and one update per record, and one update per deletion.
//   - When it is not known whether an update took effect, the server is asked for the record before another is sent.
//   - An update at a name that has a CNAME would succeed and do nothing (RFC 2136 §3.4.2.2); it is sent on the condition
//     that there is none.
//
// Decisions:
//
//   - This protocol cannot list zones. So an account writes only within the ZONE= of its spec, example.com=rfc2136, or in
//     the zones of RFC2136_ZONE, which it then lists as its own. With neither it writes nothing. Both may be deeper or
//     wider than one zone of the server only in one way: several zones may lie within a ZONE=, none may reach beyond it.
//   - Within a ZONE= the zone is the one whose SOA the server itself names, with authority, for the record's name. In the
//     zones of RFC2136_ZONE no SOA is asked for, but an answer that names another zone is refused.
//   - Updates without TSIG, which some servers take by address alone, are not sent: a host that can forge an address could
//     send them too, and nothing would tell their replies from forged ones. HMAC-MD5 is not supported; HMAC-SHA-1 is.
//   - The default algorithm is hmac-sha256, that of tsig-keygen (lego's is hmac-sha1).
//   - TCP is used, where a lost packet is no lost reply and one cannot be forged from afar; UDP if no TCP connection can be
//     made. From then on UDP comes first and TCP when that brings nothing or is truncated.
//   - A server that does not know the key may be a secondary that forwards updates to a primary that does (RFC 2136 §6). It is
//     then asked without signatures, and updates are sent signed, with no condition but that there is no CNAME: what it shows
//     may be older than what the primary has. The primary's signed reply comes back through it. If it refuses the update too,
//     or shows nothing without a key, the key is refused.
//   - A refusal needs no signature, since a server that does not know the key cannot sign one. Over UDP, where it may be
//     forged, it counts only if no signed reply comes in time.
//   - The fingerprint is server and key name. A handle is "NAME|ZONE|VALUE", NAME relative to ZONE. One that does not agree
//     with the challenge is treated as empty, since it comes from journals and logs that may be damaged: what is deleted is
//     always the challenge's own record, and the handle tells only the zone.
//   - A key file must be as safe as an env file, so it is a copy, not the one that named reads.
package rfc2136
