package acmeserver

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"wildcard/internal/certificates"
	"wildcard/internal/fault"
	"wildcard/internal/lineage"
)

// lookEvery is how often the server's own certificate is looked at.
const lookEvery = time.Hour

// Own is the certificate that the server shows, a lineage of this machine. It is exchanged without a connection being dropped.
type Own struct {
	Upstream *Managed
	Lineage  string   // its name
	Names    []string // to keep it renewed for; none: it is only read
	Log      *slog.Logger
	Sleep    func(context.Context, time.Duration) error

	shown atomic.Pointer[tls.Certificate]
}

// Config is for a listener that shows it.
func (o *Own) Config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			if shown := o.shown.Load(); shown != nil {
				return shown, nil
			}
			return nil, errors.New("there is no certificate yet")
		},
	}
}

// Begin obtains the certificate if there is none. If it cannot be renewed now, the one that is there is shown.
func (o *Own) Begin(ctx context.Context) error {
	err := o.renew(ctx)
	if readErr := o.read(); readErr != nil {
		return errors.Join(err, readErr)
	}
	if err != nil {
		o.Log.Warn("own certificate", "error", err)
	}
	return nil
}

// Keep renews it, and shows what is there, until ctx ends.
func (o *Own) Keep(ctx context.Context) {
	for o.Sleep(ctx, lookEvery) == nil {
		if err := errors.Join(o.renew(ctx), o.read()); err != nil && ctx.Err() == nil {
			o.Log.Warn("own certificate", "error", err)
		}
	}
}

func (o *Own) renew(ctx context.Context) error {
	if len(o.Names) == 0 {
		return nil
	}
	return o.Upstream.with(func(m *certificates.Manager) error {
		r := o.Upstream.Request
		r.Names, r.Lineage = o.Names, o.Lineage
		_, err := m.Obtain(ctx, r)
		return err
	})
}

// read shows the live set.
func (o *Own) read() error {
	return o.Upstream.with(func(m *certificates.Manager) error {
		l, err := m.Store.Lineage(o.Lineage)
		if err != nil {
			return err
		}
		set, err := l.Set()
		if err != nil {
			return err
		}
		pair, err := tls.X509KeyPair(set.Fullchain(), set.Key)
		if err != nil {
			return fault.Errorf(lineage.CodeDamaged, fault.Misconfigured, "%s: %w", o.Lineage, err)
		}
		o.shown.Store(&pair)
		return nil
	})
}
