package issuance

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-acme/lego/v4/acme"

	"wildcard/internal/dns01"
	"wildcard/internal/fault"
	"wildcard/internal/messages"
	"wildcard/internal/persist"
)

// endsSoon is how long before a record ends that is told of in each order.
const endsSoon = 90 * 24 * time.Hour

// persistent is the record that is there already and lets the account prove a name.
func (w ways) persistent(name, url string, a authorization) (*record, error) {
	r := w.run
	rec, err := take(byPersist(), name, url, a)
	if err != nil {
		return nil, err
	}
	q, err := r.CA.question(r.Account, name, a.terms)
	if err != nil {
		return nil, err
	}
	found, err := w.held(name, q)
	if err != nil {
		return nil, err
	}
	rec.place.FQDN, rec.value = persist.Name(q.Domain), found.Text
	if until := found.Record.Until; !until.IsZero() && until.Before(q.At.Add(endsSoon)) {
		r.note(StepAuthorization, "%s: the record that proves it ends on %s: wildcard persist set '%s'", name,
			messages.Instant(until), name)
	}
	r.observe(Event{Step: StepAuthorization, State: Noted, Domain: name, FQDN: rec.place.FQDN,
		Text: messages.New("proven by the record that is there")})
	return rec, nil
}

// held finds the record that fits in what was seen of the name servers. Where none could be asked, the CA finds out.
func (w ways) held(name string, q persist.Question) (persist.Finding, error) {
	r := w.run
	seen := r.looks[q.Domain]
	if seen.err != nil && r.Method == Auto {
		return persist.Finding{}, seen.err
	}
	if seen.err != nil || !seen.view.Answered() {
		if r.Method == Persist {
			r.note(StepAuthorization, "%s: no name server could be asked for its record; the CA finds out", name)
			return persist.Finding{}, nil
		}
		return persist.Finding{}, Unfit(name, q, persist.Finding{}, false)
	}
	found, ok := seen.view.Judge(q)
	if ok && found.Verdict == persist.Fits {
		return found, nil
	}
	return persist.Finding{}, Unfit(name, q, found, ok)
}

// Unfit is the error of a name whose records do not let the account prove it, with the one that would. found is the best of those that
// are there, if any is.
func Unfit(name string, q persist.Question, found persist.Finding, ok bool) error {
	what := "has no record"
	if ok {
		what = unfit(found)
	}
	want := q.CA.Make(q.Account, q.Domain, q.Wildcard, time.Time{}).String()
	return fault.Errorf(CodePersist, fault.Misconfigured,
		"acme: %s: %s %s; what lets this account prove it is: %s TXT \"%s\"",
		name, persist.Name(q.Domain), what, persist.Name(q.Domain), want)
}

// unfit is why a record does not let the account prove a name.
func unfit(f persist.Finding) string {
	switch f.Verdict {
	case persist.Ended:
		return "has a record that ended on " + f.Record.Until.Format("2006-01-02")
	case persist.NoWildcard:
		return "has a record without policy=wildcard"
	case persist.OtherShape:
		return "has a record in the shape that this CA took before (the account's URL)"
	case persist.OtherAccount:
		return "has a record of another account only: " + fault.Excerpt(f.Record.Account)
	case persist.Malformed:
		return "has a record that not every CA can read: " + f.Why.Error()
	case persist.Fits, persist.OtherCA:
	}
	return "has no record for this CA"
}

// question is what a record has to say for an account to prove a name. The terms are those of the challenge; without, the directory's.
func (ca *CA) question(a Account, name string, t terms) (persist.Question, error) {
	at := ca.PersistTerms()
	account := persist.Account{URI: a.URI}
	var err error
	if account.Thumbprint, err = persist.Thumbprint(a.Key); err != nil {
		return persist.Question{}, fault.Errorf(CodeInternal, fault.Internal, "acme: thumbprint: %w", err)
	}
	issuers := t.issuers(at.Shape())
	for _, issuer := range issuers {
		if at.Shape() == persist.Hashed && !slices.Contains(at.Issuers, issuer) { // the client must not go on (-02)
			return persist.Question{}, fault.Errorf(CodeReply, fault.Failed,
				"acme: authorization of %s: the challenge names %s, which the directory does not", name, printable(issuer, 100))
		}
	}
	if len(issuers) > 0 {
		at.Issuers = issuers
	}
	if at.Shape() == persist.Plain && t.Account != "" {
		account.URI = string(t.Account)
	}
	if len(at.Issuers) == 0 {
		return persist.Question{}, fault.Errorf(CodeNoChallenge, fault.Failed,
			"acme: %s: the CA does not say by which name records are to name it", ca.server.Host)
	}
	domain := Base(name)
	return persist.Question{CA: at, Account: account, Domain: domain, Wildcard: domain != name, At: ca.clock()}, nil
}

// PersistQuestion is what a record has to say for an account to prove a name, as far as the CA's directory tells: in shape -01 the
// challenge may say it anew. Errors are CodeNoChallenge, for a CA that does not say how it is named.
func (ca *CA) PersistQuestion(a Account, name string) (persist.Question, error) {
	return ca.question(a, name, terms{})
}

// terms are what a challenge dns-persist-01 says.
type terms struct {
	Plain   texts `json:"issuer-domain-names"` // -01
	Hashed  texts `json:"issuerDomainNames"`   // -02
	Account text  `json:"accounturi"`          // -01
}

// issuers are the names that the CA goes by, in normal form.
func (t terms) issuers(shape persist.Shape) []string {
	names := t.Plain
	if shape == persist.Hashed || len(names) == 0 {
		names = t.Hashed
	}
	var all []string
	for _, name := range names {
		all = append(all, string(name))
	}
	return normal(all)
}

func normal(names []string) (all []string) {
	for _, name := range names {
		if n, err := persist.Normal(strings.TrimSpace(name)); err == nil && len(all) < 10 {
			all = append(all, n)
		}
	}
	return all
}

// authorization is one as the CA shows it.
type authorization struct {
	acme.Authorization

	terms terms // of its challenge dns-persist-01
}

func (a authorization) offers(m Method) bool {
	return slices.ContainsFunc(a.Challenges, func(c acme.Challenge) bool { return c.Type == string(m) })
}

// kinds are the types of the challenges that are offered.
func (a authorization) kinds() string {
	var all []string
	for _, c := range a.Challenges {
		all = append(all, printable(c.Type, 40))
	}
	slices.Sort(all)
	return cmp.Or(strings.Join(all[:min(len(all), 10)], ", "), "nothing")
}

// lookedAt is what was seen of the name servers for a domain.
type lookedAt struct {
	view persist.View
	err  error
}

// longestLook is what looking for records may take that need not be there.
const longestLook = 5 * time.Second

// lookFor looks for the persistent records of domains, side by side, each once in a run. With Auto it does not take long: what was not
// seen by then is not there.
func (w ways) lookFor(ctx context.Context, domains []string) error {
	r := w.run
	domains = slices.DeleteFunc(slices.Compact(slices.Sorted(slices.Values(domains))), func(d string) bool {
		_, known := r.looks[d]
		return known
	})
	if r.looks == nil {
		r.looks = map[string]lookedAt{}
	}
	looking := ctx
	if r.Method == Auto {
		var cancel context.CancelFunc
		looking, cancel = context.WithTimeout(ctx, longestLook)
		defer cancel()
	}
	var mu sync.Mutex
	err := r.sideBySide(lookupsAtOnce, len(domains), func(i int) error {
		view, err := persist.Look(looking, r.Resolver, domains[i])
		mu.Lock()
		defer mu.Unlock()
		r.looks[domains[i]] = lookedAt{view, err}
		return nil
	})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// lookForOffered does so for the names of which the CA takes such a record.
func (w ways) lookForOffered(all []authorization, names []string) error {
	r := w.run
	var domains []string
	for i, a := range all {
		if a.Status != acme.StatusValid && (r.Method == Persist || r.Method == Auto && a.offers(Persist)) {
			domains = append(domains, Base(names[i]))
		}
	}
	if len(domains) == 0 {
		return nil
	}
	return w.lookFor(r.session.ctx, domains)
}

// Foresee finds out, where the DNS services could not be opened, whether names can be proven without them, as far as that can be known
// before there is an order. The error is then [Issuer.Unrouted].
func (i *Issuer) Foresee(ctx context.Context, names []string) error {
	if i.Unrouted == nil {
		return nil
	}
	r := &run{Issuer: i, request: Request{Names: names}, log: slog.New(slog.DiscardHandler)}
	_, err := ways{r}.findPlaces(ctx)
	return err
}

// findPlaces finds the place of every record that is to be made. With Auto a name needs none that has its persistent record, if the
// directory tells enough of the CA: then what is wrong with the DNS services is no matter.
func (w ways) findPlaces(ctx context.Context) (map[string]dns01.Place, error) {
	r := w.run
	if r.Method == Persist {
		return nil, nil
	}
	places, err := map[string]dns01.Place{}, r.Unrouted
	if err == nil {
		places, err = r.locate(ctx)
	}
	if err == nil || r.Method != Auto || ctx.Err() != nil {
		return places, err
	}
	var without []string
	for _, name := range r.request.Names {
		if places[Base(name)].FQDN == "" {
			without = append(without, name)
		}
	}
	domains := make([]string, len(without))
	for i, name := range without {
		domains[i] = Base(name)
	}
	if lookErr := w.lookFor(ctx, domains); lookErr != nil {
		return nil, lookErr
	}
	for _, name := range without {
		q, unknown := r.CA.PersistQuestion(r.Account, name)
		if unknown != nil {
			return nil, err
		}
		if found, ok := r.looks[q.Domain].view.Judge(q); !ok || found.Verdict != persist.Fits {
			return nil, err
		}
	}
	r.unplaced = err
	return places, nil
}
