// Package issuance obtains certificates from an ACME CA (RFC 8555) by DNS-01: one order, all its names side by side, one
// wait for all of them, one deadline.
//
// [Dial] reads a CA's directory; [CA] has what concerns accounts, revocation and renewal information (RFC 9773); an
// [Issuer] brings CA, account and DNS services together, and its [Issuer.Obtain] is the order of an issuance, step by step
// in order.go:
//
//  1. zone, account and record name of every challenge are found, before anything is created anywhere;
//  2. the order is created, or one of an earlier run taken up again; its URL and the private key are saved by the caller
//     (Request.Save) before the key is used, so that neither a lost reply nor a crash costs a second order;
//  3. authorizations are fetched and checked against what was asked for; valid ones are skipped, or given up with the order
//     and another one made (Request.ProveAgain);
//  4. each record is written to the journal and then created; if one cannot be, no challenge is answered, so no failed
//     validation is spent;
//  5. the name servers are waited for, once for all records, and then what the CA's resolvers may still remember of these names
//     (package providers/memory);
//  6. all challenges are answered, each once, and the authorizations polled until the run's limit;
//  7. the CSR is sent, the order polled, the certificate fetched and checked, while the records are deleted already.
//
// Whatever happens, panics included, the records are deleted under a deadline of their own; what cannot be deleted stays in
// the journal and is in [Result.CleanUp] or in the error.
//
// The protocol is lego's acme/api: JWS, messages, links. It has no contexts, keeps nonces for ever, reads bodies without
// end, panics on some, and believes what a CA says; so everything between it and the network is ours (transport.go): a
// request ends with the run's context; only https and only the directory's own host is spoken to; redirects to other
// hosts, content encodings, and bodies over 1 MiB are refused; every reply of status 400 and above becomes a [Problem]
// before lego sees it; nonces are kept here, and none for longer than they are good. No call of lego's is made outside of
// a function that recovers.
//
// # Decisions
//
// Reads are tried again for as long as CAs with several replicas need to agree (404 for 30 s). What creates is tried again
// after a reply of 5xx and after a network failure too: a CA gives an order of the same names back rather than a second
// one, and nothing else here creates. badNonce is answered with the nonce of that very reply, ten times at most.
//
// A first look at an authorization or an order comes 250 ms after the request that set it going; after that the CA's
// Retry-After decides, within 1 s and 24 h.
//
// A Retry-After that is longer than 30 s ends the run: the error is a [*Problem] with the instant in it, of class
// Temporary, and whoever called keeps it.
//
// "replaces" (RFC 9773 §5) is sent if the directory has renewal information, and left out once if the CA refuses the order
// with it for whatever reason.
//
// What one CA does otherwise than others is in one table (cas.go), each line with its source. What it says for sure is an
// objection, made before anything is sent; what is second-hand, or costs money only, is a note. Names that a wildcard of the
// request covers are left out at a CA that refuses both (Let's Encrypt), since the certificate is good for them all the same; a
// signing request, whose names are as they are, is refused.
//
// A certificate may have "www." before an asked name; every other name more or less is refused, with the certificate in the
// error, so that whoever called can keep it. What else a CA sends with it is reduced to one path. A certificate without its
// issuer is completed from --ca-bundle, since certbot can keep none without a chain.
//
// Authorizations are matched by base name. An external account's key that is base64 of base64 is refused by the CA before we say
// so: decoding it twice unasked would break keys that are meant so.
//
// The deadline counts by the monotonic clock and by the wall clock, since the former stands still while a machine sleeps.
package issuance
