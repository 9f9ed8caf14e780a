package notify

import (
	"fmt"
	"strings"
	"time"

	"wildcard/internal/messages"
)

// Sender is who a message is from.
type Sender struct {
	Program  string // "wildcard/1.2.3"
	Host     string
	Language messages.Language
}

// Write makes one message of events.
func (s Sender) Write(events []Event, now time.Time) Message {
	m := Message{Version: 1, Program: s.Program, Host: messages.OneLine(s.Host), Time: now.UTC().Truncate(time.Second),
		Events: events}
	m.Subject = s.subject(events)
	var b strings.Builder
	for _, e := range events {
		b.WriteString(s.paragraph(e, now) + "\n\n")
	}
	b.WriteString(s.Language.Sprintf("This is %s on %s. It says a thing once: again only when the end comes nearer, and when all is well.", s.Program, m.Host) + "\n")
	m.Text = b.String()
	return m
}

// subject says the worst, and how much more there is.
func (s Sender) subject(events []Event) string {
	l, host := s.Language, messages.OneLine(s.Host)
	worst := Event{Kind: Test}
	rank := map[Kind]int{Test: 0, Recovered: 1, Failing: 2, Critical: 3, Revoked: 4}
	for _, e := range events {
		if rank[e.Kind] > rank[worst.Kind] {
			worst = e
		}
	}
	name := worst.Lineage
	if n := len(events); n > 1 {
		name = l.Sprintf("%s and %d more", name, n-1)
	}
	text := ""
	switch worst.Kind {
	case Failing:
		text = l.Sprintf("[%s] certificate not renewed: %s", host, name)
	case Critical:
		text = l.Sprintf("[%s] URGENT: certificate about to expire: %s", host, name)
	case Revoked:
		text = l.Sprintf("[%s] URGENT: certificate revoked and not replaced: %s", host, name)
	case Recovered:
		text = l.Sprintf("[%s] certificate renewed again: %s", host, name)
	case Test:
		text = l.Sprintf("[%s] a test message of wildcard", host)
	}
	return messages.OneLine(text)
}

func (s Sender) paragraph(e Event, now time.Time) string {
	l := s.Language
	var lines []string
	add := func(text string) { lines = append(lines, text) }
	switch e.Kind {
	case Test:
		return l.Sprintf("This is a test. Had it been real, a certificate would need you.")
	case Recovered:
		add(l.Sprintf("%s works again. It had failed since %s.", e.Lineage, messages.Instant(e.Since)))
	case Revoked:
		add(l.Sprintf("%s is revoked, and no other certificate has taken its place.", e.Lineage))
	case Failing:
		add(l.Sprintf("%s could not be renewed, since %s.", e.Lineage, messages.Instant(e.Since)))
	case Critical:
		add(l.Sprintf("%s could not be renewed, since %s, and its end is near.", e.Lineage, messages.Instant(e.Since)))
	}
	if len(e.Names) > 0 {
		add("  " + l.Sprintf("names: %s", strings.Join(e.Names, " ")))
	}
	switch left := e.NotAfter.Sub(now); {
	case e.NotAfter.IsZero():
	case left <= 0:
		add("  " + l.Sprintf("expired on %s", messages.Instant(e.NotAfter)))
	case left < 72*time.Hour:
		add("  " + l.Sprintf("expires on %s, in %d hours", messages.Instant(e.NotAfter), int(left.Hours())))
	default:
		add("  " + l.Sprintf("expires on %s, in %d days", messages.Instant(e.NotAfter), int(left.Hours()/24)))
	}
	if e.Error != "" {
		text := e.Error
		if e.Code != "" {
			text = fmt.Sprintf("%s [%s]", text, e.Code)
		}
		add("  " + l.Sprintf("reason: %s", text))
		add("  " + l.Sprintf("more: wildcard show %s", e.Lineage))
	}
	return strings.Join(lines, "\n")
}
