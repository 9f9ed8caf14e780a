package acmetest

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"
)

// limit is how often something may be done; it comes back evenly (boulder ratelimits/, letsencrypt.org/docs/rate-limits).
type limit struct {
	burst  float64
	period time.Duration
}

// limits are Let's Encrypt's.
type limits struct {
	accounts limit // per address
	orders   limit // per account
	domain   limit // certificates per registered domain
	set      limit // certificates per exact set of names
	failed   limit // validations per account and name
	pausing  limit // failed validations without a valid one, after which the name is paused
}

func (s *Server) limits() limits {
	l := limits{
		accounts: limit{10, 3 * time.Hour}, orders: limit{300, 3 * time.Hour}, domain: limit{50, 7 * day},
		set:    limit{5, 7 * day},
		failed: limit{5, time.Hour}, pausing: limit{1152, 48 * day},
	}
	if s.options.Staging {
		l.accounts.burst, l.orders.burst, l.domain.burst, l.set.burst, l.failed.burst = 50, 1500, 1e9, 30000, 200
	}
	return l
}

// allowance is the bucket of a limit for one key.
func (s *Server) allowance(kind, key string) *bucket {
	b := s.allowances[kind+" "+key]
	if b == nil {
		b = &bucket{}
		s.allowances[kind+" "+key] = b
	}
	return b
}

// exceeded is the refusal of a limit: the header counts, the text is for people.
func (s *Server) exceeded(l limit, wait time.Duration, what string) *Reply {
	wait += time.Duration(float64(wait) * 0.03 * rand.Float64())
	at := s.options.Now().UTC().Add(wait).Format("2006-01-02 15:04:05 MST")
	text := fmt.Sprintf("too many %s in the last %s, retry after %s: see https://letsencrypt.org/docs/rate-limits/", what, l.period, at)
	r := Problem(http.StatusTooManyRequests, "rateLimited", text)
	if seconds := int(wait.Round(time.Second).Seconds()); seconds > 0 {
		r.With("Retry-After", fmt.Sprint(seconds)).Header.Add("Link", `<https://letsencrypt.org/docs/rate-limits>;rel="help"`)
	}
	return r
}

func (s *Server) limitAccounts() *Reply {
	l := s.limits().accounts
	if s.options.Deviations.NoLimits {
		return nil
	}
	if wait, ok := s.allowance("accounts", "127.0.0.1").take(s.options.Now(), 1, l.burst, l.period, false); !ok {
		return s.exceeded(l, wait, fmt.Sprintf("new registrations (%d) from this IP address", int(l.burst)))
	}
	return nil
}

// limitOrder looks whether an account may order these names, and counts the order. The same names again are free of the limits
// of orders and domains.
func (s *Server) limitOrder(by *account, names []string) *Reply {
	if s.options.Deviations.NoLimits {
		return nil
	}
	l, now, id := s.limits(), s.options.Now(), fmt.Sprint(by.id)
	again := slices.ContainsFunc(s.certificates, func(c *certificate) bool { return slices.Equal(c.names, names) })
	for _, name := range names {
		if wait, ok := s.allowance("failed", id+" "+name).take(now, 1, l.failed.burst, l.failed.period, true); !ok {
			return s.exceeded(l.failed, wait, fmt.Sprintf("failed authorizations (%d) for %q", int(l.failed.burst), name))
		}
	}
	if wait, ok := s.allowance("set", strings.Join(names, " ")).take(now, 1, l.set.burst, l.set.period, true); !ok {
		return s.exceeded(l.set, wait, fmt.Sprintf("certificates (%d) already issued for this exact set of identifiers",
			int(l.set.burst)))
	}
	if again {
		return nil
	}
	for _, domain := range registered(names) {
		if wait, ok := s.allowance("domain", domain).take(now, 1, l.domain.burst, l.domain.period, true); !ok {
			return s.exceeded(l.domain, wait, fmt.Sprintf("certificates (%d) already issued for %q", int(l.domain.burst),
				domain))
		}
	}
	if wait, ok := s.allowance("orders", id).take(now, 1, l.orders.burst, l.orders.period, false); !ok {
		return s.exceeded(l.orders, wait, fmt.Sprintf("new orders (%d) from this account", int(l.orders.burst)))
	}
	return nil
}

// countCertificate spends what a certificate costs.
func (s *Server) countCertificate(names []string, exempt bool) {
	if exempt {
		return
	}
	l, now := s.limits(), s.options.Now()
	s.allowance("set", strings.Join(names, " ")).spend(now, 1, l.set.burst, l.set.period)
	if slices.ContainsFunc(s.certificates, func(c *certificate) bool { return slices.Equal(c.names, names) }) {
		return
	}
	for _, domain := range registered(names) {
		s.allowance("domain", domain).spend(now, 1, l.domain.burst, l.domain.period)
	}
}

// countFailure counts a validation that failed, or a pending authorization that was given up, which is the same to Boulder.
func (s *Server) countFailure(by *account, name string) {
	l, now, key := s.limits(), s.options.Now(), fmt.Sprint(by.id)+" "+name
	s.failed[failure{by.url, name}]++
	s.allowance("failed", key).spend(now, 1, l.failed.burst, l.failed.period)
	if b := s.allowance("pausing", key); true {
		b.spend(now, 1, l.pausing.burst, l.pausing.period)
		if b.left < 1 {
			s.paused[name] = true
		}
	}
}

// countSuccess ends a row of failures.
func (s *Server) countSuccess(by *account, name string) {
	delete(s.allowances, "pausing "+fmt.Sprint(by.id)+" "+name)
}

// failure is what failed validations are counted by.
type failure struct{ account, name string }

// Failed is how many validations have failed, as Boulder counts them: pending authorizations that were deactivated, too.
func (s *Server) Failed() (n int) {
	s.advance()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, count := range s.failed {
		n += count
	}
	return n
}

// FailedFor is how many of them an account has for a name of a certificate.
func (s *Server) FailedFor(accountURL, name string) int {
	s.advance()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed[failure{accountURL, name}]
}

// Pause pauses names as if they had failed 1,152 times: an order with one of them is refused until a person has opened the page
// that the refusal names (letsencrypt.org/docs/rate-limits, "Pausing").
func (s *Server) Pause(names ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range names {
		s.paused[name] = true
	}
}

// Unpause is that a person opened the page.
func (s *Server) Unpause() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.paused)
}

// checkPaused refuses names that are paused: no Retry-After, and a text whose end, the link, matters.
func (s *Server) checkPaused(names []string) *Reply {
	var paused []string
	for _, name := range names {
		if s.paused[name] {
			paused = append(paused, name)
		}
	}
	if len(paused) == 0 {
		return nil
	}
	return Problem(http.StatusTooManyRequests, "rateLimited", fmt.Sprintf(
		"Your account is temporarily prevented from requesting certificates for %s and possibly others. Please visit: "+
			"https://portal.letsencrypt.org/sfe/v1/unpause?jwt=%s.%s.%s", strings.Join(paused, ", "), randomText(36), randomText(420), randomText(43)))
}

// registered are the domains that names are registered under, each once.
func registered(names []string) (domains []string) {
	for _, name := range names {
		domain, err := publicsuffix.EffectiveTLDPlusOne(strings.TrimPrefix(name, "*."))
		if err != nil {
			domain = name
		}
		if !slices.Contains(domains, domain) {
			domains = append(domains, domain)
		}
	}
	return domains
}
