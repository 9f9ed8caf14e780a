package settings

import (
	"strconv"
	"time"

	"wildcard/internal/fault"
)

// Reader reads the ordinary settings of a service, such as time-outs: from the process environment, else from where the credentials are.
// It has nothing but numbers: text, which could name a server, is a variable of the [Family] and so from the source of the secrets.
// It keeps the first error, a CodeBadSettings that names the variable. Where a setting has several names, the first one that is set
// counts.
type Reader struct {
	Set
	Service string // begins the error
	Err     error
}

// text returns a setting as it is, "" if it is not set.
func (r *Reader) text(names ...string) string {
	for _, name := range names {
		if value, ok := r.number(name); ok {
			return value
		}
	}
	return ""
}

// Bad notes what is wrong with a setting.
func (r *Reader) Bad(name, format string, args ...any) {
	if r.Err == nil {
		r.Err = fault.Errorf(fault.CodeBadSettings, fault.Misconfigured, r.Service+": "+name+": "+format, args...)
	}
}

// Duration returns a time from a millisecond to a day: a number of seconds, as lego has it, or a duration of Go such as 1m30s.
func (r *Reader) Duration(otherwise time.Duration, names ...string) time.Duration {
	const least, most = time.Millisecond, 24 * time.Hour
	text := r.text(names...)
	if text == "" {
		return otherwise
	}
	d, err := time.ParseDuration(text)
	if seconds, notNumber := strconv.Atoi(text); notNumber == nil && seconds <= int(most/time.Second) {
		d, err = time.Duration(seconds)*time.Second, nil
	}
	if err != nil || d < least || d > most {
		r.Bad(names[0], "%s is neither a number of seconds nor a duration such as 90s or 10m", fault.Excerpt(text))
		return otherwise
	}
	return d
}

// Seconds returns a number of seconds from least on that fits into a TTL (RFC 2181 §8).
func (r *Reader) Seconds(otherwise, least int, names ...string) int {
	const most = 1<<31 - 1
	text := r.text(names...)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		r.Bad(names[0], "%s is not a number of seconds from %d to %d", fault.Excerpt(text), least, most)
		return otherwise
	}
	return n
}
