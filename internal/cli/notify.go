package cli

import (
	"context"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"wildcard/internal/certificates"
	"wildcard/internal/fault"
	"wildcard/internal/lineage"
	"wildcard/internal/notify"
	"wildcard/internal/settings"
	"wildcard/internal/state"
)

// notifyLimit is what telling people may take, all channels together.
const notifyLimit = 2 * time.Minute

func notifyFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "notify", Usage: "`CHANNEL` told of failures: mailto:..., exec:/... or https://... (WILDCARD_NOTIFY)"},
		&cli.BoolFlag{Name: "notify-test", Usage: "only send a test message"},
	}
}

// channels are the ways to people: those of the command line, else of WILDCARD_NOTIFY, else of the file that
// WILDCARD_NOTIFY_FILE names; separated by white space there. A URL may hold a token, so no lineage keeps them. What is wrong
// on the command line is an error; what is wrong elsewhere must not keep certificates from being renewed, and is said.
func channels(m *machine, c *cli.Context) (notify.Channels, error) {
	o := notify.Options{Environ: m.environ, Stderr: m.lines}
	if c.IsSet("notify") {
		return notify.Parse(c.StringSlice("notify"), o)
	}
	all, err := channelsOfEnvironment(m, o)
	if err != nil && !c.Bool("notify-test") {
		m.complain(err)
		return nil, nil
	}
	return all, err
}

func channelsOfEnvironment(m *machine, o notify.Options) (notify.Channels, error) {
	text, file := m.environment("WILDCARD_NOTIFY"), m.environment("WILDCARD_NOTIFY_FILE")
	switch {
	case text != "" && file != "":
		return nil, fault.Errorf(fault.CodeBadSettings, fault.Misconfigured,
			"WILDCARD_NOTIFY and WILDCARD_NOTIFY_FILE are both set")
	case file != "":
		secret, err := settings.FromProcess(m.args[0], m.environ, "", m.dirs.Config).ReadSecretFile(file)
		if err != nil {
			return nil, err
		}
		text = secret.Reveal()
	}
	return notify.Parse(strings.Fields(text), o)
}

func (m *machine) sender() notify.Sender {
	host, err := os.Hostname()
	if err != nil {
		host = "?"
	}
	return notify.Sender{Program: userAgent(), Host: host, Language: m.language}
}

// notifyTest sends a test message, and nothing else.
func notifyTest(m *machine, ctx context.Context, all notify.Channels) error {
	if len(all) == 0 {
		return usage("--notify-test: there is no --notify, and no WILDCARD_NOTIFY")
	}
	ctx, cancel := context.WithTimeout(ctx, notifyLimit)
	defer cancel()
	errs := all.Send(ctx, m.sender().Write([]notify.Event{{Kind: notify.Test}}, m.now()))
	if err := context.Cause(ctx); err != nil {
		return err
	}
	failed := 0
	for i, err := range errs {
		switch {
		case err != nil:
			m.complain(err)
			failed++
		case !m.json:
			m.say("sent: %s", all[i])
		}
	}
	if m.json {
		m.answer(map[string]any{"sent": len(all) - failed, "failed": failed})
	}
	if failed > 0 {
		return &outcomeError{fault.Failed.ExitCode()}
	}
	return nil
}

// news is what a run of "renew" has to tell.
type news struct {
	machine *machine
	request certificates.RenewRequest
	result  certificates.RenewResult
}

// tell says to people what there is to say after a run, and remembers it. Nothing here changes what came of the run. With
// --deploy later, it only remembers: that is the half of a run that is in a sandbox, and the other half says it.
func (r news) tell(ctx context.Context, all notify.Channels) {
	if ctx.Err() != nil || r.request.DryRun {
		return
	}
	watch, err := r.machine.manager.State.Watch()
	if err != nil {
		r.machine.complain(err)
		return
	}
	var events []notify.Event
	heard, unread := map[string]*state.Complaint{}, map[string]*state.Complaint{}
	for _, condition := range r.conditions(watch) {
		event, ifHeard, ifNot := notify.Judge(condition, watch.Lineages[condition.Lineage], r.machine.now())
		heard[condition.Lineage], unread[condition.Lineage] = ifHeard, ifNot
		if event.Kind != "" {
			events = append(events, event)
		}
	}
	next := unread
	if len(events) > 0 && len(all) > 0 {
		ctx, cancel := context.WithTimeout(ctx, notifyLimit)
		defer cancel()
		for _, err := range all.Send(ctx, r.machine.sender().Write(events, r.machine.now())) {
			if err != nil {
				r.machine.complain(err)
			} else {
				next = heard
			}
		}
	}
	if len(next) == 0 {
		return
	}
	if err := r.machine.manager.State.ChangeWatch(func(w *state.Watch) {
		for name, complaint := range next {
			if complaint == nil {
				delete(w.Lineages, name)
			} else {
				w.Lineages[name] = complaint
			}
		}
	}); err != nil {
		r.machine.complain(err)
	}
}

// conditions are how it stands with the lineages that this run had something to do with, and with the others, of which those
// matter that are remembered as going badly, and those of certbot's that are revoked. What cannot be told yet is left out.
func (r news) conditions(watch state.Watch) []notify.Condition {
	var all []notify.Condition
	seen := map[string]bool{}
	for _, result := range r.result.Lineages {
		seen[result.Name] = true
		if result.Outcome == certificates.Skipped {
			continue // the run that is at work on it says what comes of it
		}
		err := firstError(result.Err, result.Deploy, result.CleanUp)
		if c, ok := r.condition(result.Name, err, watch.Lineages[result.Name], result.Outcome == certificates.Deployed); ok {
			all = append(all, c)
		}
	}
	others := slices.AppendSeq(r.revokedOfCertbot(), maps.Keys(watch.Lineages))
	slices.Sort(others)
	for _, name := range slices.Compact(others) {
		if seen[name] || r.request.Lineage != "" && r.request.Lineage != name {
			continue
		}
		if c, ok := r.condition(name, nil, watch.Lineages[name], false); ok {
			all = append(all, c)
		}
	}
	return all
}

// condition is how it stands with one lineage after this run, which came to err. ok is false if that cannot be said: it is
// due still, or its hooks wait. One that was deleted, or handed back to certbot, is well, and not worth a message.
func (r news) condition(name string, err error, past *state.Complaint, deployed bool) (c notify.Condition, ok bool) {
	c = notify.Condition{Lineage: name, Err: err}
	l, readErr := r.machine.manager.Store.Lineage(name)
	if readErr != nil {
		if past != nil && fault.CodeOf(readErr) == lineage.CodeNotFound {
			past.Told = time.Time{}
			return c, true
		}
		return c, err != nil
	}
	s, ours := l.Conf.Settings()
	is, unread := certificates.ConditionOf(l, r.machine.manager.State, r.machine.now())
	c.Due, c.Revoked, c.Names = is.RenewAt, is.Status == certificates.StatusRevoked, s.Domains
	if l.Leaf != nil {
		c.Names, c.NotAfter = l.Names(), l.Leaf.NotAfter
	}
	if !ours {
		return ofCertbot(c, past), past != nil || c.Revoked
	}
	if unread != nil && err == nil {
		return c, false
	}
	good := l.Leaf != nil && r.machine.now().Before(c.Due)
	switch {
	case err != nil:
	case r.request.Deploy == certificates.DeployOnly:
		if past != nil && !past.Well && !(deployed && ofDeployment(past.Code)) {
			c.Err = complaintError(past)
		}
		return c, past != nil && (c.Err != nil || !s.DeployWaits())
	case r.request.Deploy == certificates.DeployLater:
		return c, good
	default:
		return c, good && !s.DeployWaits()
	}
	return c, true
}

// ofDeployment reports whether a failure is one of what follows a renewal.
func ofDeployment(code string) bool {
	return strings.HasPrefix(code, "hook.") || strings.HasPrefix(code, "deploy.") || strings.HasPrefix(code, "target.")
}

// revokedOfCertbot are the lineages of certbot's that are revoked.
func (r news) revokedOfCertbot() (names []string) {
	manager := r.machine.manager
	if known, err := manager.State.AnyRevoked(); err != nil || !known {
		return nil // a file that cannot be read fails every renewal
	}
	for l, err := range manager.Store.All() {
		if err != nil || l.Owned() {
			continue
		}
		if is, _ := certificates.ConditionOf(l, manager.State, r.machine.now()); is.Status == certificates.StatusRevoked {
			names = append(names, l.Name)
		}
	}
	return names
}

// ofCertbot is how it is with a lineage of certbot's. What is revoked is worth a message, and so is that it is not any more; nothing
// else is ours to say.
func ofCertbot(c notify.Condition, past *state.Complaint) notify.Condition {
	switch {
	case c.Revoked:
		c.Err = fault.Errorf(lineage.CodeNotOwned, fault.Usage,
			"%s is certbot's: certbot renew --force-renewal --cert-name %s replaces it", c.Lineage, c.Lineage)
	case past != nil && past.Code != lineage.CodeNotOwned:
		past.Told = time.Time{} // it was handed back
	}
	return c
}

// complaintError is the error that is remembered.
func complaintError(past *state.Complaint) error {
	class := fault.Failed
	if past.Temporary {
		class = fault.Temporary
	}
	return fault.Errorf(past.Code, class, "%s", past.Text)
}

func firstError(all ...error) error {
	for _, err := range all {
		if err != nil {
			return err
		}
	}
	return nil
}
