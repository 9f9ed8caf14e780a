package doctor

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"wildcard/internal/certificates"
	"wildcard/internal/fault"
	"wildcard/internal/messages"
	"wildcard/internal/settings"
	"wildcard/internal/system/environ"
	"wildcard/internal/system/subprocess"
)

func schedulerKinds() []Kind {
	return []Kind{
		{
			Code: FoundLastRun, Severity: Warning,
			What: "wildcard renew has not run since %s",
			Why:  "Nothing is renewed until it runs again; its timer, cron or container may be off.",
			Fix:  fault.Verbatim("wildcard renew"),
		},
		{
			Code: FoundTimerMissing, Severity: Warning,
			What: "neither a systemd timer nor cron runs wildcard renew",
			Why:  "Nothing is renewed by itself.",
			Fix:  fault.Verbatim("%s"),
		},
		{
			Code: FoundTimerInactive, Severity: Warning,
			What: "%s is installed, but it is %s and %s",
			Why:  "Nothing is renewed by itself.",
			Fix:  fault.Verbatim("systemctl enable --now %s"),
		},
		{
			Code: FoundTimerDouble, Severity: Note,
			What: "both %s and %s run wildcard renew",
			Why:  "One is enough; they only wait for each other.",
			Fix:  "remove the line that runs wildcard renew from %s", // there may be others in the file
		},
		{
			Code: FoundSchedulers, Severity: Error, Class: fault.Misconfigured,
			What: "certbot's %s would renew it too: autorenew = False is missing in renewal/%s.conf",
			Why:  "Two clients renew one certificate, and each undoes what the other has set.",
			Fix:  fault.Verbatim("wildcard doctor --fix %s"),
		},
		{
			Code: FoundCertbotTimer, Severity: Warning,
			What: "certbot is to renew it with our hooks, and neither a timer nor cron runs certbot renew",
			Why:  "It is not renewed by itself.",
			Fix:  "systemctl enable --now certbot.timer, or have us renew it: wildcard adopt %s",
		},
		{
			Code: FoundCron, Severity: Warning,
			What: "%s is to run %s renew, and does not: %s",
			Why:  "Nothing is renewed by itself.",
			Fix:  fault.Verbatim("%s"),
		},
	}
}

// ourTimer is the unit that runs "wildcard renew", ourProgram the program.
const (
	ourTimer   = "wildcard-renew.timer"
	ourProgram = "wildcard"
)

// schedule is what starts a program regularly.
type schedule struct {
	timers   []timer  // units of systemd that are installed
	cronTabs []string // paths of files with which cron runs the program
	broken   []job    // that cron does not run, or in vain
	hidden   bool     // there are files that we may not read
}

// timer is a unit, and what systemd says of it.
type timer struct{ name, enabled, active string }

func (t timer) on() bool { return t.active == "active" }

// name is how a schedule that is on is called; "" if none is.
func (s schedule) name() string {
	for _, t := range s.timers {
		if t.on() {
			return t.name
		}
	}
	if len(s.cronTabs) > 0 {
		return s.cronTabs[0]
	}
	return ""
}

// usual reports whether the certificates are where timers look for them. What renews others is known only to
// those who put them there.
func (v *visit) usual() bool { return v.Dirs.Config == v.path("etc/letsencrypt") }

// schedulers looks at what starts us and certbot: whether something does, whether not too much does, and whether certbot
// keeps its hands off what is ours.
func (v *visit) schedulers(ctx context.Context, cases []Case) {
	certbot := v.scheduled(ctx, []string{"certbot.timer", "snap.certbot.renew.timer", "certbot-renew.timer"}, "certbot",
		"renew")
	for _, c := range cases {
		if !c.ours() || certbot.name() == "" {
			continue
		}
		if !passedOver(c.Lineage) {
			v.find(FoundSchedulers, c.Lineage.Name, []any{certbot.name(), c.Lineage.Name}, c.Lineage.Name)
		}
	}
	v.certbots(certbot)
	ours := false
	for _, c := range cases {
		ours = ours || c.ours()
	}
	if ours {
		v.renewals(v.scheduled(ctx, []string{ourTimer}, ourProgram, "renew"))
	}
}

// renewals looks at what runs "wildcard renew".
func (v *visit) renewals(s schedule) {
	for _, t := range s.timers {
		switch {
		case t.on() && len(s.cronTabs) > 0:
			v.find(FoundTimerDouble, t.name, []any{t.name, s.cronTabs[0]}, s.cronTabs[0])
		case !t.on() && s.name() == "" && v.usual():
			v.find(FoundTimerInactive, t.name, []any{t.name, t.enabled, t.active}, t.name)
			return
		}
	}
	switch {
	case s.name() != "":
		v.good("renewal", "%s runs wildcard renew", s.name())
	case v.inProcess():
	case v.usual() && v.brokenJobs(s, ourProgram):
	case v.usual() && s.hidden:
		v.notRoot()
	case v.usual() && v.container():
		v.good("renewal", "this is a container: wildcard renew is run from outside")
	case v.usual():
		fix := v.cronLine("/etc/cron.d/wildcard")
		if v.systemd() {
			fix = "wildcard systemd install"
		}
		v.find(FoundTimerMissing, "renewal", nil, fix)
	default:
		v.good("renewal", "no timer or cron job is known that renews certificates in %s", v.Dirs.Config)
	}
}

// inProcess reports whether a process of "wildcard renew --every" renews. One that is late is told of by lastRun.
func (v *visit) inProcess() bool {
	if v.State == nil {
		return false
	}
	w, err := v.State.Watch()
	if _, late := certificates.RunIsLate(w, v.now()); err != nil || w.NextRun.IsZero() || late {
		return false
	}
	v.good("renewal", "renew --every runs, next at %s", messages.Instant(w.NextRun))
	return true
}

// brokenJobs tells of what cron does not run, or in vain. It reports whether there is any.
func (v *visit) brokenJobs(s schedule, program string) bool {
	for _, j := range s.broken {
		if v.first("cron", j.file, j.why.Error()) {
			v.find(FoundCron, j.file, []any{j.file, program, j.why}, j.fix)
		}
	}
	return len(s.broken) > 0
}

// cronLine is the command that has cron run us, in a file of cron.d. It names the program that we are: cron's PATH is short.
func (v *visit) cronLine(path string) string {
	program := settings.Shown(cmp.Or(v.Program, ourProgram))
	line := "17 */6 * * * root " + strings.ReplaceAll(program, "%", `\%`) + " renew --quiet"
	return "echo " + settings.Shown(line) + " > " + settings.Shown(path)
}

// certbots looks at lineages that certbot is to renew with hooks of ours.
func (v *visit) certbots(certbot schedule) {
	for l, err := range v.Store.All() {
		if err != nil || l.Owned() || !v.usual() {
			continue
		}
		if !strings.Contains(l.Conf.Params().AuthHook, "wildcard-auth-hook") || passedOver(l) {
			continue
		}
		switch {
		case certbot.name() != "":
			v.good(l.Name, "%s runs certbot renew", certbot.name())
		case v.brokenJobs(certbot, "certbot"):
		case certbot.hidden:
			v.notRoot()
		default:
			v.find(FoundCertbotTimer, l.Name, nil, l.Name)
		}
	}
}

// scheduled finds what runs a program with an argument: systemd's units of these names, and files of cron.
func (v *visit) scheduled(ctx context.Context, units []string, program, argument string) schedule {
	var s schedule
	if v.systemd() {
		for _, unit := range units {
			if t := v.timer(ctx, unit); t.enabled != "" {
				s.timers = append(s.timers, t)
			}
		}
	}
	var all []job
	all, s.hidden = v.jobs(ctx, program, argument)
	for _, j := range all {
		switch {
		case v.leftToSystemd(j.file): // it is no job here
		case j.why != nil:
			s.broken = append(s.broken, j)
		case !slices.Contains(s.cronTabs, j.file):
			s.cronTabs = append(s.cronTabs, j.file)
		}
	}
	return s
}

// leftToSystemd reports whether a file is Debian's own of certbot where systemd runs: it says itself that it does nothing then.
func (v *visit) leftToSystemd(path string) bool {
	text, err := readSome(path)
	return err == nil && v.systemd() && bytes.Contains(text, []byte("-d /run/systemd/system"))
}

// systemd reports whether this machine was started by systemd (sd_booted(3)).
func (v *visit) systemd() bool {
	info, err := os.Stat(v.path("run/systemd/system"))
	return err == nil && info.IsDir()
}

// container reports whether this is a container without a systemd of its own, as Docker, Podman, systemd-nspawn, LXC and Kubernetes mark
// theirs: what renews there runs once, or sleeps between two runs, and is started by what started the container. If it does not run for
// days, [FoundLastRun] says so.
func (v *visit) container() bool {
	if v.systemd() {
		return false
	}
	return v.there(".dockerenv") || v.there("run/.containerenv") || environ.Get(v.Environ, "container") != "" ||
		environ.Get(v.Environ, "KUBERNETES_SERVICE_HOST") != ""
}

// timer asks systemd about a unit. One that is not installed has no states at all.
func (v *visit) timer(ctx context.Context, unit string) timer {
	ask := func(verb string) string {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		var out bytes.Buffer
		command := subprocess.Command(ctx, []string{subprocess.Path, "LC_ALL=C"}, v.path("usr/bin/systemctl"), verb, unit)
		command.Stdout = &out
		err := command.Run() // its status is not zero for every state but the best
		if missing(err) || errors.Is(err, fs.ErrPermission) {
			return ""
		}
		return strings.TrimSpace(out.String())
	}
	enabled := ask("is-enabled")
	if enabled == "" || enabled == "not-found" {
		return timer{name: unit}
	}
	return timer{unit, enabled, ask("is-active")}
}

// path is that of a file below the root of the file system.
func (v *visit) path(elem string) string {
	if v.Root == "" {
		return "/" + elem
	}
	return filepath.Join(v.Root, elem)
}

// readSome reads a file, but not without bounds.
func readSome(path string) ([]byte, error) {
	const most = 1 << 20
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > most {
		return nil, fs.ErrInvalid
	}
	return os.ReadFile(path)
}

// mentions reports whether some line that is no comment has all of the words.
func mentions(text []byte, words []string) bool {
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		all := line != "" && !strings.HasPrefix(line, "#")
		for _, word := range words {
			all = all && strings.Contains(line, word)
		}
		if all {
			return true
		}
	}
	return false
}
