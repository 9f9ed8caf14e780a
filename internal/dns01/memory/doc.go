// Package memory knows what the resolvers of a CA may still remember. They keep an answer for its TTL, Let's Encrypt's for 60
// seconds at most, the answer "no" too (community.letsencrypt.org 126670, boulder#3405); a value that is added to a record name
// within that time is not seen by those who ask them, however well it is published. So it is kept here who had a CA look at
// which name, when, and which values all name servers had by then; and before another value of that name is shown to the CA,
// what is left of that time is waited for.
//
// A [Reservation] is one run's part: the records that it will have the CA look at.
//
//	r := m.Reserve(id, owner, ca)
//	r.Put(ctx, records)              // as early as they are known
//	if r.Show(ctx, ttl).Left > 0 {   // all name servers have them: the CA may look, unless it remembers something
//		err = r.Wait(ctx, limit, tell)
//		r.Look(ctx)
//	}
//	r.Looked(ctx, memory.Found)      // it has come to an end
//	r.Release(ctx)                   // in any case
//
// # What is waited for
//
// A look is remembered from its end for the TTL that the record had, the CA's own limit ([CA.Keep]) at most, and two seconds
// more, since resolvers count whole seconds. It counts for values that were not published everywhere before it began. It counts
// where the record stands, at the end of CNAMEs, so for two domains that lead to one name, too; and at the challenge's own name if
// that led elsewhere by then, since resolvers remember CNAMEs as well (of these no TTL is known, so it is [CA.Keep]). What is
// remembered can never be older than the value itself: a value that all name servers have had for that long needs to wait for
// nothing, whatever goes on.
//
// A look whose end is not known goes on as long as its process lives, and for at most a minute if that is dead: CAs give a
// validation up sooner.
//
// Several runs at once may have records at one name: lineages of one "renew", or of two processes. All of them are to be
// published before the CA looks at the first (boulder#3405), or the last would have to wait out the first's look. So before a
// look, records of others that are reserved at the name and not published yet are waited for, but no longer than the CA would
// remember.
//
// # Decisions
//
// All directories of one operator count as one CA: production and staging of Let's Encrypt run in the same places, and
// whether they share resolvers is not published. At worst a try is followed by a minute that need not have been; otherwise a
// failed validation would be burnt. An operator that is not known ([CA.Operator] "": certbot tells its hooks none, nor does
// cert-manager its webhooks) counts as any.
//
// An operator of a CA of their own, whose resolver keeps nothing, says so (--ca-cache 0): then nothing is kept or waited for.
//
// # On disk
//
// looks.json in a private folder has one line for each record: JSON. It is written whole under a lock, never synced: after a loss of
// power, starting again takes longer than anything in it lasts. What is over is left out when it is next written, and there are
// never more than a few thousand lines. One that is damaged or cannot be written costs a failed validation at worst: it is told to
// the log, and stops no run. With no folder it is kept in the process.
package memory
