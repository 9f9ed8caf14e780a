package doctor

import (
	"context"
	"slices"
	"time"

	"github.com/miekg/dns"

	"wildcard/internal/dns01/propagation"
	"wildcard/internal/fault"
	"wildcard/internal/messages"
	"wildcard/providers"
)

func dnssecKinds() []Kind {
	return []Kind{
		{
			Code: FoundDNSSEC, Severity: Error, Class: fault.Misconfigured,
			What: "DNSSEC of %s is broken: %s",
			Why:  "CAs validate, and see no record of such a zone at all.",
			Fix:  "dig +dnssec %s SOA; sign the zone anew, or have the registrar remove the DS record",
		},
	}
}

// dnssec finds out whether a zone validates. CAs validate since March 2026 (CA/Browser Forum, SC-085), and see a zone that
// does not as one that is not there. Two things are looked at:
//
//   - whether the resolver answers with SERVFAIL unless it is told not to validate (RFC 4035 §3.2.2), which is how one that
//     validates says "bogus";
//   - the last link of the chain, for resolvers that do not validate: if the parent has a DS record, the zone has a key that
//     it fits (RFC 4035 §5.2), which signs the zone's keys, of which one signs its SOA record, and both signatures are valid
//     today. Links further up are of other zones' owners, and the resolver's word is taken for them.
//
// A zone whose DS records are all of kinds that we do not know counts as unsigned (RFC 4035 §5.2).
func (v *visit) dnssec(ctx context.Context, resolver *propagation.Resolver, zone string) {
	ask := func(kind uint16, unchecked bool) (*dns.Msg, error) {
		return resolver.LookUp(ctx, propagation.Query{Name: zone, Type: kind, Signatures: true, Unchecked: unchecked})
	}
	checked, err := ask(dns.TypeSOA, false)
	if err != nil {
		return // the look-ups of the delegation say so
	}
	soa, err := ask(dns.TypeSOA, true)
	if err != nil {
		return
	}
	if checked.Rcode == dns.RcodeServerFailure && soa.Rcode == dns.RcodeSuccess {
		v.find(FoundDNSSEC, zone, []any{zone, because("the resolver answers only if it need not validate")}, zone)
		return
	}
	parent, err := ask(dns.TypeDS, true)
	if err != nil {
		return
	}
	ds := usable(of[*dns.DS](parent.Answer, zone))
	if len(ds) == 0 {
		if soa.Rcode == dns.RcodeSuccess {
			v.good(zone, "not signed by DNSSEC")
		}
		return
	}
	keys, err := ask(dns.TypeDNSKEY, true)
	if err != nil {
		return
	}
	if why := link(zone, ds, keys.Answer, soa.Answer, v.now()); why != nil {
		v.find(FoundDNSSEC, zone, []any{zone, why}, zone)
		return
	}
	v.good(zone, "signed by DNSSEC; keys and signatures fit")
}

// link says where the chain from DS to SOA breaks; nil if it holds.
func link(zone string, ds []*dns.DS, keyAnswer, soaAnswer []dns.RR, now time.Time) *messages.Message {
	keys := of[*dns.DNSKEY](keyAnswer, zone)
	if len(keys) == 0 {
		return because("the parent has a DS record, and the zone has no key (DNSKEY)")
	}
	entry := slices.DeleteFunc(slices.Clone(keys), func(k *dns.DNSKEY) bool {
		return !slices.ContainsFunc(ds, func(d *dns.DS) bool {
			own := k.ToDS(d.DigestType)
			return own != nil && k.KeyTag() == d.KeyTag && k.Algorithm == d.Algorithm &&
				providers.CanonicalName(own.Digest) == providers.CanonicalName(d.Digest)
		})
	})
	if len(entry) == 0 {
		return because("none of its keys fits the parent's DS record (key tag %d)", ds[0].KeyTag)
	}
	if why := signed(zone, dns.TypeDNSKEY, keyAnswer, entry, now); why != nil {
		return why
	}
	return signed(zone, dns.TypeSOA, soaAnswer, keys, now)
}

// signed says why none of the keys has signed the records of a type; nil if one has.
func signed(zone string, kind uint16, answer []dns.RR, keys []*dns.DNSKEY, now time.Time) *messages.Message {
	var set []dns.RR
	for _, rr := range answer {
		if rr.Header().Rrtype == kind && providers.CanonicalName(rr.Header().Name) == zone {
			set = append(set, rr)
		}
	}
	what := dns.TypeToString[kind]
	why := because("%s has no signature", what)
	for _, signature := range of[*dns.RRSIG](answer, zone) {
		if signature.TypeCovered != kind {
			continue
		}
		for _, key := range keys {
			switch err := signature.Verify(key, set); {
			case key.KeyTag() != signature.KeyTag:
			case err != nil:
				why = because("the signature of %s does not verify: %v", what, err)
			case !signature.ValidityPeriod(now):
				why = because("the signature of %s is valid from %s to %s only", what, date(signature.Inception),
					date(signature.Expiration))
			default:
				return nil
			}
		}
	}
	return why
}

// date writes the time of a signature (RFC 4034 §3.1.5).
func date(t uint32) string { return time.Unix(int64(t), 0).UTC().Format(time.DateOnly) }

// usable are the DS records of digests and algorithms that are in use.
func usable(all []*dns.DS) []*dns.DS {
	return slices.DeleteFunc(all, func(d *dns.DS) bool {
		digest := d.DigestType == dns.SHA1 || d.DigestType == dns.SHA256 || d.DigestType == dns.SHA384
		algorithm := slices.Contains([]uint8{dns.RSASHA256, dns.RSASHA512, dns.ECDSAP256SHA256, dns.ECDSAP384SHA384,
			dns.ED25519}, d.Algorithm)
		return !digest || !algorithm
	})
}

// of returns the records of one type that a name owns.
func of[T dns.RR](section []dns.RR, name string) []T {
	var records []T
	for _, rr := range section {
		if record, ok := rr.(T); ok && providers.CanonicalName(rr.Header().Name) == providers.CanonicalName(name) {
			records = append(records, record)
		}
	}
	return records
}
