package cli

import (
	"fmt"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"wildcard/internal/dns01/journal"
	"wildcard/internal/fault"
	"wildcard/internal/messages"
)

func cleanCommand(p *program) *cli.Command {
	return &cli.Command{
		Name:      "clean",
		Usage:     "remove TXT records left by crashed runs",
		UsageText: "wildcard clean [options]",
		Description: `Exactly those that the journal has, with the credentials of all certificates, of
--provider and of --env-file. What is left is listed with the reason, and the
exit status is 75.

  wildcard clean
  wildcard clean --provider conoha@/etc/letsencrypt/conoha/old.env`,
		Flags: slices.Concat([]cli.Flag{&cli.BoolFlag{Name: "dry-run", Usage: "only show what the journal has"}}, dnsFlags(),
			commonFlags()),
		Action: p.action(runClean),
	}
}

// recordLine is a record in the answer of "clean --json".
type recordLine struct {
	FQDN    string    `json:"fqdn"`
	Value   string    `json:"value"`
	Zone    string    `json:"zone,omitempty"`
	Spec    string    `json:"provider"`
	Created time.Time `json:"created"`
	PID     int       `json:"pid"`
	Reason  string    `json:"reason,omitempty"`
}

// cleanAnswer is the answer of "clean --json".
type cleanAnswer struct {
	Removed []recordLine `json:"removed"`
	Left    []recordLine `json:"left"`                       // of dead processes
	InUse   []recordLine `json:"in_use"`                     // of processes that may be alive
	Would   []recordLine `json:"would_be_removed,omitempty"` // but for --dry-run
	Stays   []recordLine `json:"stays,omitempty"`            // of "persist set", which no run removes
	Damaged []string     `json:"damaged,omitempty"`
}

func runClean(p *program, c *cli.Context) error {
	if c.Args().Present() {
		return usage("clean takes no names")
	}
	dns, err := p.dns(c)
	if err != nil {
		return err
	}
	m, err := p.machine(c)
	if err != nil {
		return err
	}
	defer m.close()
	found, err := m.manager.Clean(c.Context, dns, c.Bool("dry-run"))
	m.display.Close()
	if err != nil {
		return err
	}
	answer := cleanAnswer{Removed: linesOf(found.Removed), Left: []recordLine{}, InUse: linesOf(found.InUse)}
	for _, entry := range found.Dead {
		answer.Would = append(answer.Would, wouldBeRemoved(m, entry))
	}
	if len(found.Standing) > 0 {
		answer.Stays = linesOf(found.Standing)
	}
	for _, kept := range found.Left {
		answer.Left = append(answer.Left, lineOf(kept.Entry, kept.Reason))
	}
	for _, d := range found.Damaged {
		answer.Damaged = append(answer.Damaged, fmt.Sprintf("%s: %v", d.Path, d.Err))
	}
	if m.json {
		m.answer(answer)
	} else {
		printClean(m, answer)
	}
	if len(answer.Left) == 0 && len(answer.Damaged) == 0 {
		return nil
	}
	for _, err := range found.Unopened {
		m.display.Notice("%v", err)
	}
	return &outcomeError{fault.Temporary.ExitCode()}
}

func linesOf(entries []journal.Entry) []recordLine {
	lines := []recordLine{}
	for _, entry := range entries {
		lines = append(lines, lineOf(entry, nil))
	}
	return lines
}

func lineOf(e journal.Entry, reason error) recordLine {
	line := recordLine{FQDN: e.FQDN, Value: e.Value, Zone: e.Zone, Spec: e.Spec, Created: e.Created.UTC(),
		PID: e.Owner.PID}
	if reason != nil {
		line.Reason = messages.OneLine(reason.Error())
	}
	return line
}

// wouldBeRemoved is a record with the reason for which a run that is no dry run removes it.
func wouldBeRemoved(m *machine, e journal.Entry) recordLine {
	line := lineOf(e, nil)
	line.Reason = m.language.Sprintf("process %d has ended", e.Owner.PID)
	if !e.Owner.Dead(0) { // of one that is not to be seen from here
		line.Reason = m.language.Sprintf("no run takes that long")
	}
	return line
}

func printClean(m *machine, answer cleanAnswer) {
	all := len(answer.Removed) + len(answer.Left) + len(answer.InUse) + len(answer.Would) + len(answer.Stays)
	if all+len(answer.Damaged) == 0 {
		m.say("Nothing is left behind: the journal is empty.")
		return
	}
	for _, line := range answer.Removed {
		m.say("removed  %s TXT %s", line.FQDN, line.Value)
	}
	for _, line := range answer.Stays {
		m.say("stays    %s TXT %s, set on %s: wildcard persist remove deletes it", line.FQDN, line.Value,
			messages.Instant(line.Created))
	}
	for _, line := range answer.InUse {
		m.say("in use   %s TXT %s, by process %d since %s", line.FQDN, line.Value, line.PID, messages.Instant(line.Created))
	}
	for _, line := range answer.Left {
		m.say("left     %s TXT %s of %s (%s): %s", line.FQDN, line.Value, messages.Instant(line.Created), line.Spec,
			line.Reason)
	}
	for _, line := range answer.Would {
		m.say("left     %s TXT %s of %s (%s): would be removed: %s", line.FQDN, line.Value, messages.Instant(line.Created),
			line.Spec, line.Reason)
	}
	for _, text := range answer.Damaged {
		m.say("damaged  %s", text)
	}
}
