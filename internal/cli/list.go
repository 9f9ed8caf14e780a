package cli

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"wildcard/internal/certificates"
	"wildcard/internal/cli/display"
	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/lineage"
	"wildcard/internal/messages"
	"wildcard/internal/state"
)

func listCommand(p *program) *cli.Command {
	return &cli.Command{
		Name:      "list",
		Usage:     "the certificates there are, and when they are renewed",
		UsageText: "wildcard list [options]",
		Description: `certbot's own are in it too. Nothing is written and no server is asked. With --check,
for monitoring: exit status 1 and a line for each problem; else 0, and silence.

  wildcard list
  wildcard list --check 14d`,
		Flags: slices.Concat([]cli.Flag{
			&cli.StringFlag{Name: "check", Usage: "`TIME` (14d, 72h): what expires within it, is broken or late"},
			prometheusFlag(),
		}, commonFlags()),
		Action: p.action(runList),
	}
}

// listLine is a certificate in the answer of "list --json" and "show --json".
type listLine struct {
	Lineage     string       `json:"lineage"`
	Owner       string       `json:"owner"` // wildcard or certbot
	Names       []string     `json:"names"`
	NotAfter    *time.Time   `json:"not_after,omitempty"`
	DaysLeft    *int         `json:"days_left,omitempty"`
	RenewAt     *time.Time   `json:"renew_at,omitempty"` // only of ours
	RevokedAt   *time.Time   `json:"revoked_at,omitempty"`
	Status      string       `json:"status"` // certificates.Status
	Problem     string       `json:"problem,omitempty"`
	LastAttempt *attemptLine `json:"last_attempt,omitempty"`
	Paths       *paths       `json:"paths,omitempty"`

	history   state.History
	why       messages.Message // is it due at RenewAt
	unread    error            // of what is remembered, which could tell that it is revoked
	overdueAt time.Time        // when people should know that nothing has succeeded; zero if that is not ours to say
	deploy    bool             // its deploy hooks have yet to succeed

	rolledBack bool // the newer one was not served
}

// attemptLine is the last attempt to obtain a certificate.
type attemptLine struct {
	Time    time.Time `json:"time"`
	Outcome string    `json:"outcome"`
	Code    string    `json:"code,omitempty"`
	Message string    `json:"message,omitempty"`
}

func runList(p *program, c *cli.Context) error {
	if c.Args().Present() {
		return usage("list takes no names: wildcard show %s shows one certificate", fault.Excerpt(c.Args().First()))
	}
	m, err := p.reader(c)
	if err != nil {
		return err
	}
	defer m.close()
	if c.IsSet("prometheus") { // the variable is for those that renew
		path, err := p.prometheusFile(c)
		if err != nil {
			return err
		}
		if err := writeMeasurements(m, c.Context, path); err != nil {
			return err
		}
	}
	if c.IsSet("check") {
		return runCheck(m, c.Context, c.String("check"))
	}
	lines, err := listLinesOf(m, c.Context, m.manager.State)
	if err != nil {
		return err
	}
	if m.json {
		m.answer(map[string]any{"certificates": lines})
		return nil
	}
	if len(lines) == 0 {
		m.say("There is no certificate in %s: wildcard issue gets one.", m.manager.Store.Dir())
		return nil
	}
	t := display.NewTable("CERTIFICATE", "EXPIRES", "DAYS", "RENEWAL", "BY", "STATUS", "LAST", "NAMES")
	for _, line := range lines {
		expires, days, renewal, last := "-", "-", "-", messages.New("-")
		if line.NotAfter != nil {
			expires, days = line.NotAfter.Format(time.DateOnly), strconv.Itoa(*line.DaysLeft)
		}
		if line.RenewAt != nil {
			renewal = line.RenewAt.Format(time.DateOnly)
		}
		if line.LastAttempt != nil {
			last = outcomeOf(line.LastAttempt.Outcome)
		}
		owner, status := ownerOf(line.Owner), statusOf(line.Status)
		t.Row(messages.OneLine(line.Lineage), expires, days, renewal, owner, status, last, display.Names(line.Names))
	}
	t.GiveWay([]messages.Text{"NAMES", "CERTIFICATE"}, []messages.Text{"LAST", "EXPIRES", "RENEWAL", "NAMES", "BY"})
	sayTable(p, t)
	for _, line := range lines {
		if line.Problem != "" {
			sayWrapped(p, "%s: %s", messages.OneLine(line.Lineage), line.Problem)
		}
	}
	return nil
}

// statusOf says a listLine's status.
func statusOf(status string) messages.Message {
	switch certificates.Status(status) {
	case certificates.StatusGood:
		return messages.New("good")
	case certificates.StatusDue:
		return messages.New("due")
	case certificates.StatusExpired:
		return messages.New("expired")
	case certificates.StatusRevoked:
		return messages.New("revoked")
	case certificates.StatusDamaged:
		return messages.New("damaged")
	case certificates.StatusUnreadable:
		return messages.New("unreadable")
	}
	return messages.New("%s", status)
}

// ownerOf says who renews a certificate.
func ownerOf(owner string) messages.Message {
	if owner == "unknown" {
		return messages.New("unknown")
	}
	return messages.New("%s", owner)
}

// listLinesOf reads all lineages.
func listLinesOf(m *machine, ctx context.Context, ledger *state.State) ([]listLine, error) {
	lines := []listLine{}
	names, err := m.manager.Store.Names()
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		l, err := m.manager.Store.Lineage(name)
		if err != nil {
			lines = append(lines, listLine{
				Lineage: name, Owner: "unknown", Names: []string{}, Status: string(certificates.StatusUnreadable),
				Problem: messages.OneLine(err.Error()),
			})
			continue
		}
		lines = append(lines, listLineOf(m, l, ledger))
	}
	return lines, nil
}

func listLineOf(m *machine, l *lineage.Lineage, ledger *state.State) listLine {
	s, ours := l.Conf.Settings()
	is, err := certificates.ConditionOf(l, ledger, m.now())
	line := listLine{Lineage: l.Name, Owner: "certbot", Status: string(is.Status), why: is.Why, unread: err}
	line.Names = s.Domains
	if l.Leaf != nil {
		line.Names = l.Names()
		until, days := l.Leaf.NotAfter.UTC(), int(l.Leaf.NotAfter.Sub(m.now()).Hours()/24)
		line.NotAfter, line.DaysLeft, line.Paths = &until, &days, pathsOf(l)
	}
	if line.Names == nil {
		line.Names = []string{}
	}
	if ours {
		line.Owner = "wildcard"
		if l.Leaf != nil {
			at := is.RenewAt.UTC()
			line.RenewAt, line.overdueAt = &at, issuance.OverdueAt(at, l.Leaf.NotAfter)
		}
		line.deploy, line.rolledBack = s.Deploy, s.RolledBack != ""
		switch {
		case line.rolledBack:
			line.Problem = m.language.Sprintf("its newer certificate was not served, so the former one is live: wildcard deploy %s tries it again", l.Name)
		case line.deploy:
			line.Problem = m.language.Sprintf("its deploy hooks have not succeeded yet: wildcard renew runs them again")
		}
	}
	switch {
	case l.Damage != nil:
		line.Problem = messages.OneLine(l.Damage.Error())
		if ours {
			line.Problem = m.language.Sprintf("%s: wildcard renew repairs it", line.Problem)
		}
	case !is.Revoked.IsZero():
		line.Problem = revokedText(m, l, is.Revoked)
	case err != nil:
		line.Problem = messages.OneLine(err.Error())
	}
	if !is.Revoked.IsZero() {
		line.RevokedAt = &is.Revoked
	}
	if ledger == nil {
		return line
	}
	h, err := ledger.Last(l.Name, m.now())
	if err != nil || h.Last.Time.IsZero() {
		return line
	}
	line.history = h
	line.LastAttempt = &attemptLine{h.Last.Time, string(h.Last.Outcome), h.Last.Code, h.Last.Text}
	if h.Last.Outcome == state.Failed && line.Problem == "" {
		line.Problem = m.language.Sprintf("the last attempt failed on %s: %s", messages.Instant(h.Last.Time), h.Last.Text)
	}
	return line
}

// revokedText says that a certificate is revoked, and what its owner renews it with.
func revokedText(m *machine, l *lineage.Lineage, at time.Time) string {
	if l.Owned() {
		return m.language.Sprintf("revoked on %s: wildcard renew --cert-name %s replaces it", messages.Instant(at), l.Name)
	}
	return m.language.Sprintf("revoked on %s: certbot renew --force-renewal --cert-name %s replaces it", messages.Instant(at), l.Name)
}

// until says how long something is from now, as people count.
func until(now, at time.Time) messages.Message {
	switch d := at.Sub(now); {
	case d <= 0:
		return messages.New("now")
	case d < 48*time.Hour:
		return messages.New("in %d hours", int(d.Hours()))
	default:
		return messages.New("in %d days", int(d.Hours()/24))
	}
}
