// Package persist is the record of dns-persist-01 (draft-ietf-acme-dns-persist-02, and -01, which all CAs run so far): what it says,
// where it stands, and whether it holds. The record is set once and stays; while it is there, the account that it names can prove
// the name without any change in the DNS.
//
//	_validation-persist.example.com. TXT "letsencrypt.org;accounturi=https://…/acct/1;policy=wildcard;persistUntil=1798761600"
//
// # Two shapes
//
// They differ in one parameter, accounturi: in [Plain] (-01) it is the account's URL, in [Hashed] (-02) a hash of it below a prefix of
// the CA's. Which one a CA takes shows in its directory: [Hashed] if it has both accountHashPrefix and issuerDomainNames. Records of
// both may stand at one name, since a CA passes over those that do not fit.
//
// # Decisions
//
// A record holds if all of those would take it who read records: Boulder (va/dns_persist.go) and Pebble (va/va.go), which are not
// equally strict. Pebble compares the issuer octet by octet, where Boulder normalizes it; it refuses any parameter that is there
// twice, where Boulder ignores what it does not know. So the strictest decides, and what we write is without blanks, which services
// treat differently.
//
// A name is proven only by the record at just that name: CAs do not climb to parents. CNAMEs there are followed, as their resolvers do.
package persist
