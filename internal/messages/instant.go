package messages

import "time"

// Instant writes a time as people read it, to the minute, in UTC.
func Instant(at time.Time) string { return at.UTC().Format("2006-01-02 15:04 MST") }
