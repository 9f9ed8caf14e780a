package hooks

import (
	"context"
	"time"

	"wildcard/internal/dns01/journal"
	"wildcard/internal/dns01/memory"
	"wildcard/internal/dns01/propagation"
)

// longestRun is how long an auth hook may take at all: authorizations may live no longer than an hour.
const longestRun = 50 * time.Minute

// ca is what is known of the CA, which certbot does not tell its hooks: it counts as any.
func (h *hook) ca() memory.CA { return memory.CA{Keep: h.options.caCache} }

// reservation is what all hooks of a round of certbot's have the CA look at.
func (h *hook) reservation(round string) *memory.Reservation {
	return h.memory.Reserve(round, h.owner, h.ca())
}

// remembered is an entry's record as package memory knows it.
func remembered(e journal.Entry) memory.Record {
	return memory.RecordOf(e.Domain, e.FQDN, e.Value)
}

// forget waits, when all values of a round are published, until the CA's resolvers have forgotten what they saw at those names
// before. Then certbot has the CA look.
func (h *hook) forget(ctx context.Context, round string, report propagation.Report) error {
	r := h.reservation(round)
	pause := r.Show(ctx, report.TTL)
	if pause.Left <= 0 {
		return nil
	}
	err := r.Wait(ctx, longestRun-time.Since(h.began), func(p memory.Pause) {
		h.log.Info("waiting until the CA's resolvers have forgotten what stood there before", "fqdn", p.Record.FQDN,
			"left", p.Left.Round(time.Second), "another run's record", p.Others)
	})
	if err == nil {
		r.Look(ctx)
	}
	return err
}

// failed says that certbot has the CA look although a hook has failed, unless it has ended itself.
func (h *hook) failed(ctx context.Context, round string) {
	if ctx.Err() != nil {
		h.reservation(round).Release(ctx)
		return
	}
	h.reservation(round).Look(ctx)
}

// looked says that certbot's CA looks no more, since certbot has records deleted only then.
func (h *hook) looked(ctx context.Context, record memory.Record) {
	h.memory.LookedAt(ctx, h.owner, h.ca(), record, true)
}
