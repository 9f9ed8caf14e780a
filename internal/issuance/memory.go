package issuance

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"wildcard/internal/dns01"
	"wildcard/internal/dns01/memory"
	"wildcard/internal/messages"
)

// reserve says at which names the run will have records, as soon as that is known: runs that share a name wait for each
// other (package memory).
func (r *run) reserve(ctx context.Context, places map[string]dns01.Place) {
	r.reservation = r.Memory.Reserve(rand.Text(), r.owner, MemoryOf(r.CA.Server(), r.Cache))
	var expected []memory.Record
	for domain, p := range places {
		expected = append(expected, memory.RecordOf(domain, p.FQDN, ""))
	}
	r.reservation.Put(ctx, expected)
}

// MemoryOf is what is known of the memory of a CA's resolvers, of which the operator may say how long it is.
func MemoryOf(server string, cache *time.Duration) memory.CA {
	facts, _ := KnownCA(server)
	ca := memory.CA{Operator: facts.Operator, Keep: facts.Memory}
	if cache != nil {
		ca.Keep = *cache
	}
	return ca
}

// remembered is a record as package memory knows it.
func (rec *record) remembered() memory.Record {
	return memory.RecordOf(Base(rec.name), rec.place.FQDN, rec.value)
}

// reserveRecords names the values, too, and gives up the names that need no record. What the CA remembers of them is told
// already, since it is waited for while publication is; if it cannot be waited for the run ends here.
func (r *run) reserveRecords(ctx context.Context) error {
	records := make([]memory.Record, len(r.records))
	for i, rec := range r.records {
		records[i] = rec.remembered()
	}
	r.reservation.Put(ctx, records)
	pause := r.reservation.Pause()
	if pause.Left <= 0 {
		return nil
	}
	if err := pause.Within(r.left()); err != nil {
		return err
	}
	r.observe(Event{Step: StepPublication, State: Noted, FQDN: pause.Record.FQDN, Left: pause.Left, Text: messages.New(
		"%s: the CA's resolvers may remember for %d s more what stood there before; it is not told to look earlier",
		pause.Record.FQDN, int((pause.Left+time.Second-1)/time.Second))})
	return nil
}

// forget waits until the CA's resolvers have forgotten what they saw before the records were published.
func (r *run) forget(ctx context.Context) error {
	pause := r.reservation.Show(ctx, r.published.TTL)
	if pause.Left <= 0 {
		return nil
	}
	r.observe(Event{Step: StepMemory, State: Started, FQDN: pause.Record.FQDN, Left: pause.Left, Others: pause.Others, Total: len(r.records)})
	began := time.Now()
	err := r.reservation.Wait(ctx, r.left(), func(p memory.Pause) {
		r.observe(Event{Step: StepMemory, State: Progress, FQDN: p.Record.FQDN, Left: p.Left, Others: p.Others, Total: len(r.records)})
	})
	r.result.Forgot += time.Since(began)
	if err != nil {
		r.observe(Event{Step: StepMemory, State: Failed, Err: err, Total: len(r.records)})
		return err
	}
	r.reservation.Look(ctx)
	r.observe(Event{Step: StepMemory, State: Finished, Done: len(r.records), Total: len(r.records)})
	return nil
}

// looked keeps what came of a validation, for runs to come.
func (r *run) looked(ctx context.Context, err error) {
	outcome := memory.Unfinished
	if _, missed := errors.AsType[*ValidationError](err); missed {
		outcome = memory.Missed
	}
	if err == nil {
		outcome = memory.Found
	}
	if ctx.Err() != nil {
		outcome = memory.Unfinished
	}
	r.reservation.Looked(ctx, outcome)
}
