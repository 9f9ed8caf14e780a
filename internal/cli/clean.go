package cli

import (
	"fmt"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"wildcard/internal/dns01/journal"
	"wildcard/internal/fault"
	"wildcard/internal/lineage"
	"wildcard/internal/messages"
	"wildcard/providers"
)

// cleanLimit is what "clean" may take; a person who waits can interrupt it.
const cleanLimit = 5 * time.Minute

func (p *program) cleanCommand() *cli.Command {
	return &cli.Command{
		Name:      "clean",
		Usage:     "remove TXT records that runs which died have left",
		UsageText: "wildcard clean [options]",
		Description: `Exactly those that the journal has, with the credentials of all certificates, of
--provider and of --env-file. What is left is listed with the reason, and the
exit status is 75.

  wildcard clean
  wildcard clean --provider conoha@/etc/letsencrypt/conoha/old.env`,
		Flags:  slices.Concat([]cli.Flag{&cli.BoolFlag{Name: "dry-run", Usage: "only show what the journal has"}}, dnsFlags(), commonFlags()),
		Action: p.clean,
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
	Left    []recordLine `json:"left"`   // of dead processes
	InUse   []recordLine `json:"in_use"` // of processes that may be alive
	Damaged []string     `json:"damaged,omitempty"`
}

func (p *program) clean(c *cli.Context) error {
	if c.Args().Present() {
		return usage("clean takes no names")
	}
	if err := p.dnsOptions(c, &lineage.Settings{}); err != nil {
		return err
	}
	e, err := p.engine(c)
	if err != nil {
		return err
	}
	defer e.close()
	answer := cleanAnswer{Removed: []recordLine{}, Left: []recordLine{}, InUse: []recordLine{}}
	var opening []error
	if !c.Bool("dry-run") {
		var accounts []providers.Account
		accounts, opening = e.everyAccount(c, true)
		report := e.sweep(c.Context, e.journal, accounts, cleanLimit)
		for _, entry := range report.Swept {
			answer.Removed = append(answer.Removed, lineOf(entry, nil))
		}
		for _, kept := range report.Kept {
			answer.Left = append(answer.Left, lineOf(kept.Entry, kept.Reason))
		}
	}
	entries, damaged, err := e.journal.Entries()
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !slices.ContainsFunc(answer.Left, func(line recordLine) bool { return line.Value == entry.Value && line.FQDN == entry.FQDN }) {
			answer.InUse = append(answer.InUse, lineOf(entry, nil))
		}
	}
	for _, d := range damaged {
		answer.Damaged = append(answer.Damaged, fmt.Sprintf("%s: %v", d.Path, d.Err))
	}
	e.display.Close()
	if err := cause(c.Context); err != nil {
		return err
	}
	if e.json {
		e.answer(answer)
	} else {
		e.printClean(answer)
	}
	if len(answer.Left) == 0 && len(answer.Damaged) == 0 {
		return nil
	}
	for _, err := range opening {
		e.display.Notice("%v", err)
	}
	return &outcomeError{fault.Temporary.ExitCode()}
}

// everyAccount opens every DNS service that this machine's settings name: by the command line, by the lineages, and, if a
// person asked for it, by the journal. What cannot be opened is no reason not to try the rest. With an empty journal nothing
// is opened.
func (e *engine) everyAccount(c *cli.Context, journalled bool) ([]providers.Account, []error) {
	entries, _, err := e.journal.Entries()
	if err != nil || len(entries) == 0 {
		return nil, nil
	}
	var all []lineage.Settings
	var failed []error
	var here lineage.Settings
	if err := e.dnsOptions(c, &here); err == nil {
		all = append(all, here)
	}
	for l, err := range e.store.All() {
		if err != nil {
			continue
		}
		if s, ours := l.Conf.Settings(); ours && len(s.Providers) > 0 {
			all = append(all, s)
		}
	}
	for _, entry := range entries {
		if !journalled {
			break
		}
		all = append(all, lineage.Settings{Providers: []string{entry.Spec}, EnvFile: here.EnvFile})
	}
	var accounts []providers.Account
	seen := map[string]bool{}
	said := map[string]bool{}
	for _, s := range all {
		router, err := e.router(s)
		if err != nil && !said[err.Error()] {
			said[err.Error()] = true
			failed = append(failed, err)
		}
		for _, account := range router.Accounts {
			if !seen[account.Fingerprint] {
				seen[account.Fingerprint] = true
				accounts = append(accounts, account)
			}
		}
	}
	return accounts, failed
}

func lineOf(e journal.Entry, reason error) recordLine {
	line := recordLine{FQDN: e.FQDN, Value: e.Value, Zone: e.Zone, Spec: e.Spec, Created: e.Created.UTC(), PID: e.Owner.PID}
	if reason != nil {
		line.Reason = messages.OneLine(reason.Error())
	}
	return line
}

func (e *engine) printClean(answer cleanAnswer) {
	if len(answer.Removed)+len(answer.Left)+len(answer.InUse)+len(answer.Damaged) == 0 {
		e.say("Nothing is left behind: the journal is empty.")
		return
	}
	for _, line := range answer.Removed {
		e.say("removed  %s TXT %s", line.FQDN, line.Value)
	}
	for _, line := range answer.InUse {
		e.say("in use   %s TXT %s, by process %d since %s", line.FQDN, line.Value, line.PID, day(line.Created))
	}
	for _, line := range answer.Left {
		e.say("left     %s TXT %s of %s (%s): %s", line.FQDN, line.Value, day(line.Created), line.Spec, line.Reason)
	}
	for _, text := range answer.Damaged {
		e.say("damaged  %s", text)
	}
}
