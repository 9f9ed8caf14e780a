package doctor

import (
	"context"
	"slices"
	"strings"
	"time"

	"wildcard/internal/dns01/propagation"
	"wildcard/internal/fault"
	"wildcard/internal/lineage"
	"wildcard/internal/messages"
)

func recordKinds() []Kind {
	return []Kind{
		{
			Code: FoundRecordStale, Severity: Warning,
			What: "%s TXT %s was made on %s by process %d, which died",
			Why:  "It is left over from an earlier run and safe to remove.",
			Fix:  fault.Verbatim("wildcard clean"),
		},
		{
			Code: FoundRecordForeign, Severity: Note,
			What: "TXT records at %s that are not in our journal: %d (%s)",
			Why:  "Another client made it: it is at work now, or has left it behind. One that was deleted minutes ago may still show.",
			Fix:  "if no other client uses the name, delete it at the DNS service",
		},
		{
			Code: FoundJournal, Severity: Warning,
			What: fault.Verbatim("%s: %s"),
			Why:  "Which record it was about is not known, so that record is not deleted.",
			Fix:  "look at it, then rm %s",
		},
	}
}

// journal looks for records that runs which died have left, as far as the journal knows of them.
func (v *visit) journal(context.Context) {
	if v.Journal == nil {
		return
	}
	entries, damaged, err := v.Journal.Entries()
	if err != nil {
		v.find(FoundFolder, v.Dirs.State, []any{v.Dirs.State,
			because("has a journal that cannot be read: %s", messages.OneLine(err.Error()))},
			"ls -l "+lineage.Quote(v.Dirs.State))
		return
	}
	for _, d := range damaged {
		v.find(FoundJournal, d.Path, []any{d.Path, messages.OneLine(d.Err.Error())}, lineage.Quote(d.Path))
	}
	left := 0
	for _, e := range entries {
		if !e.Stands() && e.Owner.Dead(v.now().Sub(e.Created)) {
			left++
			v.find(FoundRecordStale, e.FQDN, []any{e.FQDN, e.Value, messages.Instant(e.Created), e.Owner.PID})
		}
	}
	if left == 0 {
		v.good("journal", "no record is left behind")
	}
}

// lingering is how long after a run its records, deleted at the service, may still be published.
const lingering = 15 * time.Minute

// records looks for challenge records at a name that are not in the journal: ours are that, those of runs under way too.
// After a run of ours nothing is said for a while.
func (v *visit) records(ctx context.Context, resolver *propagation.Resolver, c Case, fqdn string) {
	if v.State != nil {
		if h, err := v.State.Last(c.subject(), v.now()); err == nil && v.now().Sub(h.Last.Time) < lingering {
			return
		}
	}
	values, err := resolver.Texts(ctx, fqdn)
	if err != nil {
		return // the name servers are looked at one by one elsewhere
	}
	var ours []string
	if v.Journal != nil {
		entries, _, err := v.Journal.Entries()
		if err != nil {
			return // "journal" says so
		}
		for _, e := range entries {
			if e.FQDN == fqdn {
				ours = append(ours, e.Value)
			}
		}
	}
	others := slices.DeleteFunc(values, func(value string) bool { return slices.Contains(ours, value) })
	if len(others) == 0 {
		return
	}
	const most = 3
	var shown []string
	for _, value := range others[:min(len(others), most)] {
		shown = append(shown, shortened(value))
	}
	if len(others) > most {
		shown = append(shown, "…")
	}
	v.find(FoundRecordForeign, fqdn, []any{fqdn, len(others), strings.Join(shown, " ")})
}

// shortened is a value from outside, fit to be printed.
func shortened(value string) string {
	const most = 64
	if len(value) > most {
		value = value[:most] + "…"
	}
	return messages.OneLine(value)
}
