package acmeserver

import (
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/state"
)

// longestLimit is for how long a CA is believed: Let's Encrypt's longest is 34 h 37 min.
const longestLimit = 36 * time.Hour

// limits are what the CA has said that there is no more of for now, on disk: nothing that it counts there is asked for before. Its word is
// for the registered domain or the name that it quotes, for the account, or for the names of the order together. One client that
// spends its own leaves the others theirs.
type limits struct {
	files state.Documents

	mu    sync.Mutex
	until map[string]limit
}

type limit struct {
	Until  time.Time `json:"until"`
	Detail string    `json:"detail"`
}

// What limits are of: the account at the CA, or with a name behind it, a registered domain, a name, or the names of an order together.
const (
	ofAccount = "account"
	ofDomain  = "domain "
	ofName    = "name "
	ofSet     = "names "
)

func openLimits(s *state.State) (*limits, error) {
	l := &limits{files: s.Documents("server"), until: map[string]limit{}}
	_, err := l.files.Read("limits", &l.until)
	if err != nil || l.until == nil {
		l.until = map[string]limit{}
	}
	return l, err
}

// quoted is a name that a CA's text has in quotes (boulder/ratelimits: `already issued for "example.com"`).
var quoted = regexp.MustCompile(`"([^"]+)"`)

// limitOf is what a limit is of.
func limitOf(names []string, detail string) string {
	if strings.Contains(detail, "from this account") {
		return ofAccount
	}
	for _, found := range quoted.FindAllStringSubmatch(detail, -1) {
		name := strings.ToLower(found[1])
		switch {
		case strings.Contains(detail, "already issued") &&
			slices.ContainsFunc(names, func(one string) bool { return registered(one) == name }):
			return ofDomain + name
		case slices.Contains(names, name):
			return ofName + name
		}
	}
	return ofSet + strings.Join(names, " ")
}

// heard keeps what the CA said of an order, if that is a limit with an end.
func (l *limits) heard(names []string, err error, now time.Time) error {
	said, ok := errors.AsType[*issuance.Problem](err)
	if !ok || fault.CodeOf(err) != issuance.CodeRateLimited || !said.RetryAfter.After(now) {
		return nil
	}
	until := said.RetryAfter
	if most := now.Add(longestLimit); until.After(most) {
		until = most
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	maps.DeleteFunc(l.until, func(_ string, one limit) bool { return !now.Before(one.Until) })
	l.until[limitOf(names, said.Detail)] = limit{until.UTC(), said.Detail}
	return l.files.Save("limits", l.until)
}

// standing are those that hold now, the one that ends first at first.
func (l *limits) standing(now time.Time) []limit {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []limit
	for _, one := range l.until {
		if one.holds(now) {
			all = append(all, one)
		}
	}
	slices.SortFunc(all, func(a, b limit) int { return a.Until.Compare(b.Until) })
	return all
}

// holds is false for one that is over, and for one that a wrong clock made.
func (l limit) holds(now time.Time) bool {
	return now.Before(l.Until) && !l.Until.After(now.Add(longestLimit))
}

// on is the limit that an order for some names would meet, which ends last; ok is false if there is none. One whose names had a
// certificate before is none of a domain's.
func (l *limits) on(names []string, before bool, now time.Time) (worst limit, ok bool) {
	keys := []string{ofAccount, ofSet + strings.Join(names, " ")}
	for _, name := range names {
		keys = append(keys, ofName+name)
		if !before {
			keys = append(keys, ofDomain+registered(name))
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, key := range keys {
		one, there := l.until[key]
		if there && one.holds(now) && one.Until.After(worst.Until) {
			worst, ok = one, true
		}
	}
	return worst, ok
}
