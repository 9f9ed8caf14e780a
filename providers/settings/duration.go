package settings

import (
	"strconv"
	"time"

	"wildcard/providers"
)

// Duration returns an ordinary setting that is a time: a number of seconds, or a duration of Go such as 1m30s, from a
// millisecond to a day; otherwise if it is not set. The error is CodeBadSettings.
func (s Set) Duration(name string, otherwise time.Duration) (time.Duration, error) {
	const most = 24 * time.Hour
	text, ok := s.Setting(name)
	if !ok {
		return otherwise, nil
	}
	d, err := time.ParseDuration(text)
	if seconds, notNumber := strconv.Atoi(text); notNumber == nil && seconds <= int(most/time.Second) {
		d, err = time.Duration(seconds)*time.Second, nil
	}
	if err != nil || d < time.Millisecond || d > most {
		return 0, bad(name, providers.Excerpt(text)+" is neither a number of seconds nor a duration such as 90s or 10m")
	}
	return d, nil
}
