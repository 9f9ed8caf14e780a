package journal

import "slices"

// Delete marks an entry's record as one that is being deleted, unless a living run has an entry of the same record, as runs have
// that a CA gave one order: then it is theirs to delete, this entry is forgotten, and ours is false. Both mark before they look, so
// that of two that end at once one deletes at least. Errors are CodeState; the record is to be deleted all the same.
func (j *Journal) Delete(e Entry) (ours bool, err error) {
	e.CleaningUp = true
	if err := j.Update(e); err != nil {
		return true, err // nor would the other see that we are at it
	}
	entries, _, err := j.Entries()
	if err != nil || !j.shared(e, entries) {
		return true, err
	}
	return false, j.Remove(e)
}

// shared reports whether a living run has an entry of the same record, whose deletion has not begun. A process that knows its
// order may have several runs, but certbot has a record once.
func (j *Journal) shared(e Entry, entries []Entry) bool {
	return slices.ContainsFunc(entries, func(other Entry) bool {
		switch {
		case other.ID == e.ID, other.CleaningUp, !other.sameRecord(e):
			return false
		case other.Stays:
			return true
		case other.Owner == e.Owner:
			return other.Order != "" && !j.dead(other)
		}
		return other.Owner.Alive()
	})
}

func (e Entry) sameRecord(other Entry) bool {
	return e.FQDN == other.FQDN && e.Value == other.Value && e.Fingerprint == other.Fingerprint
}
