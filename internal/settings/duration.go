package settings

import (
	"strconv"
	"time"

	"wildcard/internal/fault"
)

// Duration returns an ordinary setting that is a time: a number of seconds, or a duration of Go such as 1m30s, from a
// millisecond to a day; otherwise if it is not set. The error is CodeBadSettings.
func (s Set) Duration(name string, otherwise time.Duration) (time.Duration, error) {
	text, ok := s.Setting(name)
	if !ok {
		return otherwise, nil
	}
	d, ok := ParseDuration(text, time.Millisecond)
	if !ok {
		return 0, bad(name, fault.Excerpt(text)+" is neither a number of seconds nor a duration such as 90s or 10m")
	}
	return d, nil
}

// ParseDuration reads a time from least to a day: a number of seconds, as lego does, or a duration of Go such as 1m30s.
func ParseDuration(text string, least time.Duration) (time.Duration, bool) {
	const most = 24 * time.Hour
	d, err := time.ParseDuration(text)
	if seconds, notNumber := strconv.Atoi(text); notNumber == nil && seconds <= int(most/time.Second) {
		d, err = time.Duration(seconds)*time.Second, nil
	}
	return d, err == nil && d >= least && d <= most
}
