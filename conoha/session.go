package conoha

import (
	"context"
	"log/slog"
	"time"

	"wildcard/providers"
	"wildcard/providers/httpclient"
)

// session holds an account's token: one login for all who need one, in this process and, by the cache, in the others.
type session struct {
	login    func(context.Context) (token, error)
	store    *store // the token on disk
	mask     *httpclient.Mask
	lockWait time.Duration // for another process that logs in
	now      func() time.Time
	log      *slog.Logger

	flight *singleFlight
	// Guarded by flight.
	current token
	final   error // why no further login is tried
}

// token returns a token that is not rejected, the one the caller was just refused with ("" for none). A caller who comes while a
// login is under way gets that login's result, be it a failure.
func (s *session) token(ctx context.Context, rejected string) (string, error) {
	before := s.flight.count()
	if s.flight.Lock(ctx) != nil {
		return "", httpclient.Unavailable(ctx.Err())
	}
	defer s.flight.Unlock()
	good := func() bool { return s.current.value != rejected && s.now().Before(s.current.until) }
	if s.final != nil {
		return "", s.final
	}
	if good() {
		return s.current.value, nil
	}
	if _, err := s.flight.since(before); err != nil {
		return "", err
	}
	if s.load(); good() {
		return s.current.value, nil
	}
	if s.final != nil {
		return "", s.final
	}
	unlock := s.store.lock(ctx, s.lockWait)
	defer unlock()
	if s.load(); good() {
		return s.current.value, nil
	}
	if s.final != nil {
		return "", s.final
	}
	return s.renew(ctx)
}

// load takes the token that this or another process has kept.
func (s *session) load() {
	var kept keptToken
	if !s.store.read(&kept) {
		return
	}
	if kept.Refused != "" {
		if left := kept.Until.Sub(s.now()); left > 0 && left <= keepRefusal {
			s.final = providers.Errorf(providers.CodeCredentials, providers.Refused,
				"%s (a moment ago; these credentials are not tried again for %v)", kept.Refused, left.Round(time.Second))
		}
		return
	}
	s.current = token{value: kept.Token, until: kept.Until}
	s.mask.Add(kept.Token)
}

func (s *session) renew(ctx context.Context) (string, error) {
	began := time.Now()
	t, err := s.login(ctx)
	s.log.Debug("conoha: log in", "took", time.Since(began), "error", err)
	if err != nil {
		s.store.remove()
		s.current = token{}
		if ctx.Err() == nil {
			s.flight.finish(err)
		}
		if providers.ClassOf(err) != providers.Temporary {
			s.final = err
		}
		if providers.ClassOf(err) == providers.Refused {
			s.store.write(keptToken{Refused: err.Error(), Until: s.now().Add(keepRefusal)})
		}
		return "", err
	}
	s.flight.finish(nil)
	s.current = t
	s.store.write(keptToken{Token: t.value, Until: t.until})
	return t.value, nil
}

// keepRefusal is how long a refused password is not tried again by other processes: certbot starts one hook after the other,
// and services lock accounts that fail too often. Another password is tried at once, since what is kept is bound to it.
const keepRefusal = time.Minute

// keptToken is the token's form on disk, or that of a login that was refused.
type keptToken struct {
	Refused string    `json:"refused,omitempty"` // what was said
	Token   string    `json:"token"`
	Until   time.Time `json:"until"`
}
