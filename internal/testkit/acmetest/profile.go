package acmetest

import (
	"slices"
	"time"
)

const day = 24 * time.Hour

// Profile is a kind of certificate and how long what belongs to it lives (letsencrypt.org/docs/profiles, 2026-11).
type Profile struct {
	Name          string
	Description   string
	Validity      time.Duration // of a certificate
	PendingAuthz  time.Duration // an authorization that was not proven
	ValidAuthz    time.Duration // and one that was
	Order         time.Duration
	MaxNames      int
	NoCommonNames bool
}

// profiles are Let's Encrypt's; the first is the default.
func profiles() []Profile {
	return []Profile{
		{"classic", "https://letsencrypt.org/docs/profiles#classic", 90 * day, 7 * day, 30 * day, 7 * day, 100, false},
		{"tlsserver", "https://letsencrypt.org/docs/profiles#tlsserver", 45 * day, time.Hour, 7 * time.Hour, 8 * time.Hour, 25, true},
		{"shortlived", "https://letsencrypt.org/docs/profiles#shortlived", 160 * time.Hour, time.Hour, 7 * time.Hour, 8 * time.Hour, 25, true},
	}
}

// profile finds one by its name; "" is the default.
func profile(name string) (Profile, bool) {
	all := profiles()
	if name == "" {
		return all[0], true
	}
	i := slices.IndexFunc(all, func(p Profile) bool { return p.Name == name })
	if i < 0 {
		return Profile{}, false
	}
	return all[i], true
}

// leastLeft is how long a valid authorization must still live to be used for another order.
func (p Profile) leastLeft() time.Duration { return max(time.Hour, min(day, p.Order/8)) }
