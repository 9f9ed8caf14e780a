// Package issuance obtains certificates from an ACME CA (RFC 8555) by DNS-01: one order, all its names side by side, one
// wait for all of them, one deadline.
//
// [Dial] reads a CA's directory; [CA] has what concerns accounts, revocation and renewal information (RFC 9773); an
// [Issuer] brings CA, account and DNS services together, and its [Issuer.Obtain] is the order of an issuance, step by step
// in steps.go:
//
//  1. zone, account and record name of every challenge are found, before anything is created anywhere;
//  2. the order is created, or one of an earlier run taken up again; its URL and the private key are saved by the caller
//     (Request.Save) before the key is used, so that neither a lost reply nor a crash costs a second order;
//  3. authorizations are fetched and checked against what was asked for; valid ones are skipped, or given up with the order
//     and another one made (Request.ProveAgain);
//  4. each record is written to the journal and then created; if one cannot be, no challenge is answered, so no failed
//     validation is spent;
//  5. the name servers are waited for, once for all records, and then what the CA's resolvers may still remember of these names
//     (package internal/dns01/memory);
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
// Reads are tried again for as long as CAs with several replicas need to agree: 404 for 30 s where a thing was just made, for
// 5 s where it was there before. What creates is tried again after a reply of 5xx and after a network failure too: a CA gives
// an order of the same names back rather than a second one, and nothing else here creates. badNonce is answered with the
// nonce of that very reply, ten times at most.
//
// A Retry-After of a refusal (429, 5xx) is an order: it is waited for up to 90 s, as every 500 of Boulder's says 60, and if the
// run has the time; else the run ends with a [*Problem] of class Temporary that has the instant, and the caller keeps it.
// Without one it is 5, 15 and 45 s after a limit, and 1, 2, 4 and 8 s after 5xx. In a good reply it is a wish, followed from
// 2 s to 30 s (orders: 60 s); what asks for longer is looked at after 30 s.
//
// Each challenge is answered once, since Boulder leaves it pending until its validation is over and counts each further answer.
// It is answered again, three times at most, if the request failed and a look shows that nothing came of it: 5 s later where
// the CA said so, 40 s where its reply was lost, as validations take up to half a minute. A CA that validates within the
// answer says so by an error (answer.go); it is answered again 15 s later, and its words are the verdict after the third time.
// A look that fails tells nothing, and is made again before anything is answered.
// When a challenge is answered is in the record's journal entry before it is: a run that takes the record over after a kill
// does not answer for those 40 s, and looks. A run that was ended has deleted its records, so its look fails; of that the memory
// (package memory) tells the next run, which waits for the outcome and has a new order.
//
// Runs of this machine with one account, the same names and the same profile have their orders one after the other
// ([Issuer.Orders]), since Let's Encrypt gives a pending order to all of them: from before the order until its CSR is accepted,
// when the next is given another. Who waits does so for as long as a run may take, and is told for whom. Hooks of certbot's,
// and other machines with the same account, are not kept apart.
// 409, and a 400 without a word of the record, count as an answer taken; if nothing comes of it within 30 s, as a refusal.
//
// All that is pending is looked at until the run's limit, never for a number of times. The order tells by one request whether all
// names are proven, so it is looked at 50 and 150 ms after the last answer, for CAs that are ready at once, and then 220 ms
// apart; one authorization in turn every 2.2 s, for what the order does not tell. After 15 s either is looked at every 2 s,
// after a minute every 10 s, after five every 30 s. All runs at one CA together look at most five times a second. That costs
// a tenth of a second in the median, with any number of names (BenchmarkObtainBoulder).
//
// A look that fails is no verdict. The records stay until each authorization is final, the order accepted, or the limit over; at
// the limit, and when the run is stopped, they go, but authorizations are not deactivated: Boulder counts that as a failed
// validation, and gives the order back to the next run. Where a CA asks for longer than the run may wait, they stay one more
// minute. A run that is stopped by its user does not wait for the CA: its records go at once.
//
// A run ends a minute before its authorizations expire. An order that another run has finalized with its own key is replaced by
// a new one, once.
//
// Eight requests are under way at one CA at most, whatever carries them, and ten nonces a second are asked for: Let's Encrypt's
// load balancer refuses twenty. Nonces of replies are used for 15 min.
//
// "replaces" (RFC 9773 §5) is sent if the directory has renewal information, and left out once if the CA refuses the order
// with it for whatever reason.
//
// What one CA does otherwise than others is in one table (ca_table.go), each line with its source. What it says for sure is an
// objection, made before anything is sent; what is second-hand, or costs money only, is a note. Names that a wildcard of the
// request covers are left out at a CA that refuses both (Let's Encrypt), since the certificate is good for them all the same; a
// signing request, whose names are as they are, is refused.
//
// A certificate may have "www." before an asked name; every other name more or less is refused, with the certificate in the
// error, so that the caller can keep it. What else a CA sends with it is reduced to one path. A certificate without its
// issuer is completed from --ca-bundle, since certbot can keep none without a chain.
//
// Authorizations are matched by base name. An external account's key that is base64 of base64 is refused by the CA before we say
// so: decoding it twice unasked would break keys that are meant so.
//
// The deadline counts by the monotonic clock and by the wall clock, since the former stands still while a machine sleeps.
package issuance
