package cli

import (
	"context"
	"regexp"
	"strconv"
	"strings"
	"time"

	"wildcard/internal/certificates"
	"wildcard/internal/fault"
	"wildcard/internal/messages"
	"wildcard/internal/state"
)

const (
	// longestCheck is more life than any certificate has.
	longestCheck = 10 * 365 * 24 * time.Hour
	// hooksLate is how long deploy hooks may keep failing: each run of "renew" tries them again.
	hooksLate = 24 * time.Hour
)

// checkProblem is a problem that "list --check" found.
type checkProblem struct {
	Lineage string `json:"lineage,omitempty"` // "" if it is about the machine
	Problem string `json:"problem"`           // expired, expiring, overdue, revoked, deploy, damaged, unreadable, none, timer
	Message string `json:"message"`
}

// runCheck is "list --check": for monitoring, so that it says nothing if there is nothing to say. The answer goes to standard
// output, where Nagios and cron look for it.
//
// "Nothing has succeeded for too long" is read from the renewal plan, not from a count of days: see [issuance.OverdueAt]. The
// ledger adds the reason.
func runCheck(m *machine, ctx context.Context, text string) error {
	within, err := parseDays(text)
	if err != nil {
		return err
	}
	ledger := m.manager.State
	lines, err := listLinesOf(m, ctx, ledger)
	if err != nil {
		return err
	}
	found := []checkProblem{}
	ours := false
	for _, line := range lines {
		ours = ours || line.Owner == "wildcard"
		found = append(found, problemsOf(m, line, within)...)
	}
	if len(lines) == 0 {
		found = append(found,
			checkProblem{"", "none", m.language.Sprintf("there is no certificate in %s", m.manager.Store.Dir())})
	}
	if ours {
		if late, is := timerProblem(m, ledger); is {
			found = append(found, late)
		}
	}
	if m.json {
		m.answer(map[string]any{"problems": found})
	} else {
		for _, t := range found {
			if t.Lineage == "" {
				m.say("%s", t.Message)
			} else {
				m.say("%s: %s", messages.OneLine(t.Lineage), t.Message)
			}
		}
	}
	if len(found) > 0 {
		return &outcomeError{fault.Failed.ExitCode()}
	}
	return nil
}

// problemsOf are the problems of one certificate.
func problemsOf(m *machine, line listLine, within time.Duration) []checkProblem {
	var found []checkProblem
	add := func(kind string, message messages.Message) {
		if line.Owner == "certbot" {
			message = messages.New("%s (certbot's)", message)
		}
		found = append(found, checkProblem{line.Lineage, kind, message.In(m.language)})
	}
	switch certificates.Status(line.Status) {
	case certificates.StatusDamaged, certificates.StatusUnreadable:
		add(line.Status, messages.New("%s: %s", statusOf(line.Status), line.Problem))
	}
	if line.unread != nil {
		const unreadable = string(certificates.StatusUnreadable)
		add(unreadable, messages.New("%s: %s", statusOf(unreadable), messages.OneLine(line.unread.Error())))
	}
	now := m.now()
	last := messages.New("")
	if failure := line.history.Last; failure.Outcome == state.Failed {
		last = messages.New("; the last attempt failed on %s: %s", messages.Instant(failure.Time),
			messages.OneLine(failure.Text))
	}
	switch {
	case line.NotAfter == nil:
	case !now.Before(*line.NotAfter):
		add("expired", messages.New("expired on %s%s", messages.Instant(*line.NotAfter), last))
	case line.NotAfter.Sub(now) <= within:
		add("expiring", messages.New("expires %s, on %s%s", until(now, *line.NotAfter), messages.Instant(*line.NotAfter),
			last))
	case line.RevokedAt != nil: // and no more is to be said of its dates
	case !line.overdueAt.IsZero() && !now.Before(line.overdueAt):
		add("overdue", messages.New("should have been renewed since %s, expires %s%s", messages.Instant(*line.RenewAt),
			until(now, *line.NotAfter), last))
	}
	if line.RevokedAt != nil {
		add(string(certificates.StatusRevoked), messages.New("revoked on %s%s", messages.Instant(*line.RevokedAt), last))
	}
	if line.rolledBack {
		add("deploy", messages.New("its newer certificate was not served, so the former one is live"))
	} else if success := line.history.LastSuccess.Time; line.deploy && !success.IsZero() && now.Sub(success) >= hooksLate {
		add("deploy", messages.New("was renewed on %s, and its deploy hooks have failed since: servers may still use the old certificate", messages.Instant(success)))
	}
	return found
}

// timerProblem reports that renewals do not run, well before a certificate suffers from it.
func timerProblem(m *machine, ledger *state.State) (checkProblem, bool) {
	if ledger == nil {
		return checkProblem{}, false
	}
	w, err := ledger.Watch()
	since, late := certificates.RunIsLate(w, m.now())
	if err != nil || !late {
		return checkProblem{}, false
	}
	text := messages.New("wildcard renew has not run since %s: is its timer active?", messages.Instant(since))
	if !w.NextRun.IsZero() {
		text = messages.New("renew --every has not run since %s, and should have at %s: is its container or process still there?",
			messages.Instant(since), messages.Instant(w.NextRun))
	}
	return checkProblem{"", "timer", text.In(m.language)}, true
}

var dayForm = regexp.MustCompile(`^([0-9]{1,5})d(.*)$`)

// parseDays reads a length of time as people write it for certificates: 14d, 72h, 1d12h.
func parseDays(text string) (time.Duration, error) {
	rest := strings.TrimSpace(text)
	bad := usage("--check %s: want a time such as 14d or 72h", fault.Excerpt(text))
	var total time.Duration
	if m := dayForm.FindStringSubmatch(rest); m != nil {
		days, err := strconv.Atoi(m[1])
		if err != nil {
			return 0, bad
		}
		total, rest = time.Duration(days)*24*time.Hour, m[2]
	}
	if rest != "" || total == 0 && !strings.HasPrefix(text, "0d") {
		d, err := time.ParseDuration(rest)
		if err != nil || d < 0 {
			return 0, bad
		}
		total += d
	}
	if total > longestCheck {
		return 0, bad
	}
	return total, nil
}
