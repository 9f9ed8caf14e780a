package lineage

import (
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Before is the instant that lies before another one by a time in certbot's words: "30 days", "6 months 1 week", "3 days 12 hours",
// "45" for days (storage.py, add_time_interval, which has parsedatetime read them). A month is one of the calendar. ok is false where
// they are not understood, and where they are no time at all.
func Before(at time.Time, interval string) (earlier time.Time, ok bool) {
	words := strings.Fields(strings.ReplaceAll(strings.ToLower(spaced(interval)), ",", " "))
	if len(words) == 1 {
		words = append(words, "days")
	}
	months, days, rest := 0, 0, time.Duration(0)
	for ; len(words) >= 2; words = words[2:] {
		if words[0] == "and" {
			words = words[1:]
		}
		n, err := strconv.Atoi(words[0])
		if err != nil || n < 0 || n > 100_000 || len(words) < 2 {
			return at, false
		}
		switch words[1] {
		case "y", "yr", "yrs", "year", "years":
			months += 12 * n
		case "mth", "mths", "month", "months":
			months += n
		case "w", "wk", "wks", "week", "weeks":
			days += 7 * n
		case "d", "dy", "day", "days":
			days += n
		case "h", "hr", "hrs", "hour", "hours":
			rest += time.Duration(n) * time.Hour
		case "m", "min", "mins", "minute", "minutes":
			rest += time.Duration(n) * time.Minute
		case "s", "sec", "secs", "second", "seconds":
			rest += time.Duration(n) * time.Second
		default:
			return at, false
		}
	}
	earlier = at.AddDate(0, -months, -days).Add(-rest)
	return earlier, len(words) == 0 && earlier.Before(at)
}

// spaced has a blank between a number and the letters behind it, as in "30days".
func spaced(text string) string {
	var b strings.Builder
	digit := false
	for _, r := range text {
		if digit && unicode.IsLetter(r) {
			b.WriteByte(' ')
		}
		digit = unicode.IsDigit(r)
		b.WriteRune(r)
	}
	return b.String()
}
