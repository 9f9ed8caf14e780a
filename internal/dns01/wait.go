package dns01

import (
	"context"
	"time"

	"wildcard/internal/dns01/memory"
	"wildcard/internal/dns01/propagation"
)

// Wait waits until the CA may look at records of one owner, once for all: until all name servers publish them, for the extra wait, and
// until the CA's resolvers have forgotten what they saw at these names before. The CA counts as looking from then on. Errors are
// those of [propagation.Wait.Run], CodeRemembers ([memory.Reservation.Wait]) and ctx's cause.
func (s *Solver) Wait(ctx context.Context, records []*Record) (propagation.Report, error) {
	report, err := s.publication(ctx, records)
	if err == nil {
		err = s.extraWait(ctx)
	}
	if err == nil && len(records) > 0 {
		err = s.forgotten(ctx, records[0].Owner, report)
	}
	return report, err
}

// wait is how name servers are waited for.
func (s *Solver) wait() propagation.Wait {
	return propagation.Wait{Resolver: s.Resolver, Limit: s.LongestWait(), HistoryDir: s.HistoryDir, Log: s.Log}
}

func (s *Solver) publication(ctx context.Context, records []*Record) (report propagation.Report, err error) {
	var asked []propagation.Record
	for _, r := range records {
		asked = append(asked, propagation.Record{
			Zone: r.Place.Route.Zone, FQDN: r.Place.FQDN, Value: r.Challenge.Value, Origin: s.Origin(r.Place),
		})
	}
	wait := s.wait()
	wait.Observe = func(e propagation.Event) { s.tell(Event{Step: Publication, State: Progress, Publication: &e}) }
	err = s.step(Event{Step: Publication}, func() (Event, error) {
		report, err = wait.Run(ctx, asked)
		return Event{Report: &report}, err
	})
	for _, d := range report.Behind {
		s.log().Info("the resolvers are behind", "zone", d.Zone, "resolvers", d.Cached, "parent", d.Delegated)
	}
	if err == nil {
		s.log().Info("published", "values", len(records), "skipped", report.SteppedOver)
	}
	return report, err
}

func (s *Solver) extraWait(ctx context.Context) error {
	if s.ExtraWait <= 0 {
		return nil
	}
	return s.step(Event{Step: ExtraWait, Left: s.ExtraWait}, func() (Event, error) {
		return Event{}, propagation.ExtraWait(ctx, s.ExtraWait, func(left time.Duration) {
			s.tell(Event{Step: ExtraWait, State: Progress, Left: left})
		})
	})
}

// forgotten waits, when an owner's records are published, until the CA's resolvers have forgotten what they saw at those names before,
// and then says that the CA looks.
func (s *Solver) forgotten(ctx context.Context, owner Owner, report propagation.Report) error {
	reservation := s.reservation(owner)
	pause := reservation.Show(ctx, report.TTL)
	if pause.Left <= 0 {
		return nil
	}
	err := s.step(Event{Step: Memory, Left: pause.Left, Pause: pause}, func() (Event, error) {
		return Event{}, reservation.Wait(ctx, s.within(), func(p memory.Pause) {
			s.log().Debug("waiting until the CA's resolvers have forgotten what stood there before", "fqdn", p.Record.FQDN,
				"left", p.Left.Round(time.Second), "another run's record", p.Others)
			s.tell(Event{Step: Memory, State: Progress, Left: p.Left, Pause: p})
		})
	})
	if err == nil {
		reservation.Look(ctx)
	}
	return err
}

func (s *Solver) within() time.Duration {
	if s.Within == nil {
		return propagation.MostLimit
	}
	return s.Within()
}
