// Package propagation waits until name servers publish TXT records, and finds out which servers those are.
//
// [Resolver.Delegation] finds the zone that holds a name and the addresses of its name servers, [Resolver.FollowCNAME] finds
// where a challenge's record must stand, and [Wait.Run] waits for all values of all zones in one loop.
//
// # What it promises
//
// A recursive resolver is never asked for the name of a challenge, nor for anything below it: it would remember "no such
// name" for as long as the zone's SOA says, up to an hour at ConoHa, and so might the CA's. Resolvers are asked for NS, A
// and AAAA records only, from the parent of the name (or the account's own zone) upwards; everything else is asked of the
// name servers themselves, with recursion off. The one exception is a machine that is cut off from them, below. The servers above a
// zone are asked about the zone, not about the challenge.
//
// Whom the CA may ask is who is waited for: all to which the parent's servers delegate, as these say themselves, and all that the
// zone's own servers list, with all their addresses, those in referrals included. A resolver's cache is none of these.
//
// The wait is over when every address of every name server, IPv4 and IPv6, has every value, all values of one name in one
// answer, and has them still a tenth of a second later. A server that does not answer, or answers without authority, holds
// this up for [Wait.DeadAfter], counted from when the first server of the zone had everything (or from when it fell
// silent), and is then stepped over and reported. A server that answers with authority and lacks a value is never stepped
// over.
//
// What comes from the network is believed as little as possible: sockets are connected, so that only the server asked can
// answer; the id is random; an answer must repeat the question; records of other owners are passed over; noise is ignored
// until the time is up; sizes, counts and times are bounded; a referral counts only downwards, towards the name; and a
// CNAME leads only into zones that the caller allows.
//
// # Decisions
//
//   - Every address has its own goroutine, so that dead servers hold up no other, with at most 16 queries under way.
//     An address that answered nothing at all is asked about one name until it answers.
//   - An answer without the AA bit counts if it has the TXT records, or the zone's SOA record. Else it says nothing about the zone,
//     unless no server of the zone ever has authority and it does not offer recursion: such servers are taken at their word, as
//     the CA takes them, and the doctor says so.
//   - Name servers are asked for TXT records, and a CNAME is read out of that answer: some answer nothing else. What else they
//     are asked (NS for the zone's own list) may stay without an answer.
//   - A CNAME that a wildcard makes (RFC 4592) leads nowhere if the name is in a zone of ours: a random name beside it has the same
//     target. A true CNAME that is like the wildcard's is told by a name below it, for which the wildcard then does not hold.
//   - Where the servers above cannot be asked within one and a half times [Resolver.Timeout], or know nothing of the zone, as with one
//     of the own network, the resolvers' word stands ([Delegation.Private]).
//   - Hosts within a zone have the addresses of the referral, not those that a resolver remembers.
//   - UDP gets half of [Resolver.Timeout], then TCP all of it. EDNS0 announces 1232 bytes; a server that cannot bear it is
//     asked without.
//   - With [Resolver.NameServers] a server that refuses a zone does not serve it, and is stepped over at once if another one
//     does. The others are treated as delegated ones are.
//   - IPv6 addresses on a machine without IPv6 are stepped over at once and without a word; hosts without any address are
//     reported, and not waited for.
//   - A zone cut at the challenge name itself (_acme-challenge delegated away by NS records) is found through the referral
//     of the parent's servers.
//   - If the account's zone turns out not to be delegated, the wait fails at once instead of asking the TLD's servers for
//     a quarter of an hour.
//   - The history of a zone is the last ten delays, from the call of Run to the last value's appearance. It only
//     sets the pace: name servers are looked at from the start, since they do not remember a "no".
//   - A time-out of all resolvers ends Run at once, while that of name servers does not.
//
// # Cut off from the name servers
//
// If no address ever answered with authority, it is found out why ([Resolver.CutOff]): the servers of the zone above are asked,
// and addresses at which there is no server at all. Either the zone's servers are down or lame, and the wait goes on; or this
// machine is kept from them. Packets to port 53 bring nothing ([Blocked]), or something on the way answers in the place of
// all servers ([Intercepted]): a router's forwarder, a firewall's resolver, a provider's. An interceptor is not asked for
// challenges any more, since it may ask a resolver in turn, and what it says never counts as a name server's word. It is told
// from servers that never set the AA bit by the zone above, which has authority for them.
//
// Resolvers then stand in: those over HTTPS (RFC 8484) first, else those on port 53, of which one may be all that can be
// reached. They are asked nothing before the longest delay that the zones' histories know (180 s without a history; three
// quarters of a shorter limit), and then every 30 s. A wait that ends this way is marked [Report.Unverified], and adds nothing
// to the history. A CNAME is looked up only at a name that no account of ours holds: at our own a resolver would remember that
// there is none. If one is there all the same, the wait sees it and fails. None of this holds with [Resolver.NameServers],
// which a resolver knows nothing of.
package propagation
