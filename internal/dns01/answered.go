package dns01

import "time"

// Answered is when an earlier run, which has ended, told the CA to look at an entered record; zero if none did, as far as is known. One
// that was killed left its entry; one that was told to end has deleted the record, and what the CA then looks for is not there.
func (s *Solver) Answered(record *Record) (at time.Time, deleted bool) {
	if record.taken || record.shared {
		return record.journalled().Answered, false
	}
	at = s.Memory.LookAt(remembered(s, record.Challenge))
	return at, !at.IsZero()
}

// Answer keeps in the journal that the CA is told to look at a record now, for a run that takes it over. Errors are those of the
// journal.
func (s *Solver) Answer(record *Record, now time.Time) error {
	record.change(func() { record.entry.Answered = now.UTC().Round(0) })
	entry := record.journalled()
	if s.Journal == nil || entry.ID == "" {
		return nil
	}
	return s.Journal.Update(entry)
}
