package state

import (
	"strings"
	"time"

	"wildcard/internal/fault"
)

// longestAsk is what a CA may ask for at once: Let's Encrypt, 34 h 37 min (one of 5 certificates with the same names in a week, and
// 3 %).
const longestAsk = 36 * time.Hour

// MostFailures is how many validations of a name may fail within an hour before nothing is tried any more.
const MostFailures = 3

// Intent is an attempt that a run is about to make.
type Intent struct {
	Lineage    string
	Server     string
	Account    string
	Domains    []string
	Now        time.Time
	NotAfter   time.Time // when the live certificate expires; zero if there is none
	Unattended bool      // no person waits for it
	Force      bool
}

// Check returns nil if the attempt may be made, else an error of one of the Code… of this package, which says from when on.
func (s *State) Check(i Intent) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	attempts, err := s.load()
	if err != nil {
		return err
	}
	past := until(attempts, i.Now)
	if err := validations(past, i); err != nil || i.Force {
		return err
	}
	if err := rateLimited(past, i); err != nil || !i.Unattended {
		return err
	}
	return backOff(history(past, i.Lineage, i.Now).Last, i)
}

// FailedValidations is how many validations of each name ("*.N" and "N" are two) have failed within the last hour for the intent's
// server and account, of the [MostFailures] that there may be.
func (s *State) FailedValidations(i Intent) (map[string]int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	attempts, err := s.load()
	if err != nil {
		return nil, err
	}
	failed := map[string]int{}
	for name, times := range failures(until(attempts, i.Now), i) {
		failed[name] = len(times)
	}
	return failed, nil
}

// until leaves out attempts of the future, which a wrong clock made.
func until(attempts []Attempt, now time.Time) []Attempt {
	past := make([]Attempt, 0, len(attempts))
	for _, a := range attempts {
		if !a.Time.After(now.Add(wrongClock)) {
			past = append(past, a)
		}
	}
	return past
}

// failures has the times of the failed validations of the last hour, by name.
func failures(past []Attempt, i Intent) map[string][]time.Time {
	times := map[string][]time.Time{}
	for _, a := range past {
		if a.Server != i.Server || a.Account != i.Account || i.Now.Sub(a.Time) >= time.Hour {
			continue
		}
		for _, name := range a.FailedValidations {
			times[identifier(name)] = append(times[identifier(name)], a.Time)
		}
	}
	return times
}

// validations is the limit of failed validations.
func validations(past []Attempt, i Intent) error {
	times := failures(past, i)
	for _, name := range i.Domains {
		if t := times[identifier(name)]; len(t) >= MostFailures {
			from := t[len(t)-MostFailures].Add(time.Hour)
			return later(CodeValidations, from, "%d validations of %s failed within an hour, and the CA shuts an account out that goes on; --dry-run tries it elsewhere", len(t), identifier(name))
		}
	}
	return nil
}

// identifier is what the CA counts by: each name of a certificate by itself, a wildcard too (boulder/ratelimits).
func identifier(name string) string { return strings.ToLower(name) }

// rateLimited is what the CA asked for. A limit may be one of the account, or of names: it holds for the lineage that met it.
func rateLimited(past []Attempt, i Intent) error {
	for n := len(past) - 1; n >= 0; n-- {
		a := past[n]
		if a.Server != i.Server || a.Lineage != i.Lineage {
			continue
		}
		from := a.NotBefore
		if most := a.Time.Add(longestAsk); from.After(most) {
			from = most
		}
		if a.Outcome == Failed && from.After(i.Now) {
			return later(CodeRateLimited, from, "the CA asked for patience: %s", a.Text)
		}
		return nil // the last word counts
	}
	return nil
}

func later(code string, from time.Time, format string, args ...any) error {
	return fault.Errorf(code, fault.Temporary, "not before "+from.UTC().Format("2006-01-02 15:04:05 MST")+": "+format,
		args...)
}
