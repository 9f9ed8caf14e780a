package doctor

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"wildcard/internal/certificates"
	"wildcard/internal/deploy"
	"wildcard/internal/fault"
	"wildcard/internal/lineage"
	"wildcard/internal/messages"
	"wildcard/internal/system/subprocess"
)

func hookKinds() []Kind {
	return []Kind{
		{
			Code: FoundHook, Severity: Error, Class: fault.Misconfigured,
			What: fault.Verbatim("%s"),
			Why:  "certbot's renewal fails, or servers keep the old certificate after one.",
			Fix:  fault.Verbatim("%s"),
		},
		{
			Code: FoundHookUnsafe, Severity: Error, Class: fault.Misconfigured,
			What: fault.Verbatim("%s"),
			Why:  "Another user could change what runs with our rights, so it is not run.",
			Fix:  fault.Verbatim("%s"),
		},
		{
			Code: FoundHookMisplaced, Severity: Warning,
			What: fault.Verbatim("%s"),
			Why:  "Servers may keep the old certificate after a renewal.",
			Fix:  "put the line right below [renewalparams] in renewal/%s.conf",
		},
		{
			Code: FoundHookOutside, Severity: Note,
			What: fault.Verbatim("%s"),
			Why:  "Renewals here run it only for certificates that have it themselves.",
			Fix:  fault.Verbatim("%s"),
		},
	}
}

// hooks looks at the hooks of certbot's own lineages: a renewal that cannot run them fails.
func (v *visit) hooks(context.Context) {
	wired := 0
	for l, err := range v.Store.All() {
		if err != nil || l.Owned() { // "store" says so; ours are renewed by us
			continue
		}
		if authenticator, _ := l.Conf.Get("renewalparams", "authenticator"); authenticator != "manual" {
			continue
		}
		params := l.Conf.Params()
		for _, hook := range []struct{ name, line string }{{"manual_auth_hook", params.AuthHook},
			{"manual_cleanup_hook", params.CleanupHook}} {
			switch why := unrunnable(hook.line); {
			case hook.line == "" && hook.name == "manual_cleanup_hook", v.denied(why):
			case why != nil:
				v.find(FoundHook, l.Name, []any{messages.New("%s of renewal/%s.conf cannot be run: %s", hook.name, l.Name, why)},
					messages.New("set it to the path of wildcard-auth-hook or wildcard-cleanup-hook, or: wildcard adopt %s", l.Name))
			default:
				wired++
			}
		}
	}
	if wired > 0 {
		v.good("certbot", "%d hooks of certbot's certificates can be run", wired)
	}
}

// renewalHooks looks at what is run before and after renewals: the programs in renewal-hooks, and those that our own lineages'
// command lines begin with.
func (v *visit) renewalHooks(cases []Case) {
	var commands []string
	for _, c := range cases {
		if c.ours() {
			commands = append(commands, certificates.HookCommands(c.Params, c.Settings)...)
		}
	}
	hooks := &deploy.Hooks{ConfigDir: v.Store.Dir(), Environ: v.Environ}
	for _, problem := range hooks.Problems(commands) {
		if v.denied(problem.Why) {
			continue
		}
		v.find(problem.Code, problem.Path, []any{problem.Why}, problem.Next)
	}
}

// outsideHooks looks at hooks that stand where certbot does not look for those of a certificate, or elsewhere than in a .conf.
func (v *visit) outsideHooks(context.Context) {
	outside := certificates.Outside(v.Root, v.Store.Dir(), v.Environ)
	for l, err := range v.Store.All() {
		if err != nil {
			continue // "store" says so
		}
		for _, key := range l.Conf.Misplaced() {
			v.find(FoundHookMisplaced, l.Name, []any{certificates.MisplacedHook(key)}, l.Name)
		}
		options, err := outside.Options(l.Name)
		if err != nil {
			if v.first("outside", err.Error()) {
				v.fail(FoundHookUnsafe, "certbot", err, fixOf(err, "ls -l /etc/letsencrypt/cli.ini"))
			}
			continue
		}
		v.hooksOutside(l, options)
	}
}

// hooksOutside tells of hooks that certbot runs, or that are run after it, and that renewals of a certificate of ours do not know.
func (v *visit) hooksOutside(l *lineage.Lineage, options []lineage.Option) {
	s, _ := l.Conf.Settings()
	p := l.Conf.Params()
	has := certificates.HookCommands(p, s)
	var after []lineage.Option
	for _, option := range options {
		same := func(has string) bool { return slices.Equal(lineage.Words(has), lineage.Words(option.Value)) }
		value := messages.OneLine(option.Value)
		switch {
		case slices.ContainsFunc(has, same):
		case option.Key == lineage.AfterCertbot && l.Owned(): // of certbot's own it is run as before
			after = append(after, option)
		case lineage.IsHook(option.Key) && v.first("outside", option.File, option.Key, value):
			what := messages.New("%s has %s = %s, which certbot runs for its certificates", option.File, option.Key, value)
			v.find(FoundHookOutside, option.File, []any{what}, intoConf(option))
		}
	}
	if len(after) == 0 {
		return
	}
	command, what := []string{"wildcard issue", "--cert-name", lineage.Quote(l.Name)}, []string{}
	for _, hook := range certificates.DeployCommands(p, s) {
		command = append(command, "--deploy-hook", lineage.Quote(hook))
	}
	alone := !slices.ContainsFunc(after, func(o lineage.Option) bool { return !certificates.StandsAlone(o.Value) })
	for _, option := range after {
		if what = append(what, option.Value); alone {
			command = append(command, "--deploy-hook", lineage.Quote(option.Value))
		}
	}
	if !alone {
		command = append(command, "--deploy-hook", "/PATH/OF/THE/PROGRAM")
	}
	said := messages.New("%s runs %s when certbot has ended, but certbot does not renew %s", after[0].File,
		messages.OneLine(strings.Join(what, "; ")), l.Name)
	line := strings.Join(append(command, quoted(s.Domains)), " ")
	fix := messages.New("%s", line)
	if !alone {
		fix = messages.New("put what renewals need of it into a program, and then: %s", line)
	}
	v.find(FoundHookOutside, after[0].File, []any{said}, fix)
}

// intoConf is what to do so that renewals here run a hook, too: a line in the form in which certbot reads it.
func intoConf(option lineage.Option) messages.Message {
	line, err := lineage.ConfLine(option.Key, option.Value)
	if err != nil {
		return messages.New("for a certificate of ours, put the command into a program, and %s = /PATH/OF/THE/PROGRAM right below [renewalparams] in its renewal/NAME.conf",
			option.Key)
	}
	return messages.New("for a certificate of ours, put %s right below [renewalparams] in its renewal/NAME.conf", line)
}

// unrunnable says why the program of a hook's command line cannot be run; nil if it can.
func unrunnable(line string) error {
	words := lineage.Words(line)
	if len(words) == 0 {
		return because("there is none")
	}
	name := words[0]
	if !filepath.IsAbs(name) {
		if strings.Contains(name, "/") {
			return because("%s is a path that depends on where certbot is started", name)
		}
		for _, dir := range filepath.SplitList(strings.TrimPrefix(subprocess.Path, "PATH=")) {
			if runnable(filepath.Join(dir, name)) == nil {
				return nil
			}
		}
		return because("%s is not found in %s", name, strings.TrimPrefix(subprocess.Path, "PATH="))
	}
	return runnable(name)
}

func runnable(path string) error {
	info, err := os.Stat(path)
	switch {
	case missing(err):
		return because("%s is not there", path)
	case err != nil:
		return because("%s cannot be looked at: %v", path, err)
	case !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0:
		return because("%s is not executable", path)
	}
	if defect := subprocess.Startable(path); defect != nil {
		return defect
	}
	return nil
}
