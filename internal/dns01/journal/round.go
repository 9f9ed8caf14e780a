package journal

import (
	"cmp"
	"crypto/rand"
	"slices"
)

// Round returns the round that a call of certbot's belongs to, by what it says remains. certbot numbers the challenges of one
// order downwards to 0, calls the cleanups, and may begin again in the same process. So a new round begins when nothing
// is known of one, when the call before had 0 remaining, when the count did not fall, and when a cleanup has begun.
func (j *Journal) Round(owner Process, remaining int) (string, error) {
	entries, _, err := j.Entries()
	if err != nil {
		return "", err
	}
	entries = slices.DeleteFunc(entries, func(e Entry) bool { return e.Owner != owner })
	if len(entries) > 0 {
		// Sequence comes first: the clock may have been set back between two calls.
		last := slices.MaxFunc(entries, func(a, b Entry) int {
			return cmp.Or(cmp.Compare(a.Sequence, b.Sequence), a.Created.Compare(b.Created))
		})
		over := slices.ContainsFunc(entries, func(e Entry) bool { return e.Round == last.Round && e.CleaningUp })
		if !over && last.Remaining > 0 && remaining < last.Remaining {
			return last.Round, nil
		}
	}
	return rand.Text(), nil
}

// InRound returns the records that the owner has made in a round and that are to be waited for.
func (j *Journal) InRound(owner Process, round string) ([]Entry, error) {
	entries, _, err := j.Entries()
	return slices.DeleteFunc(entries, func(e Entry) bool {
		return e.Owner != owner || e.Round != round || e.CleaningUp
	}), err
}
