package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"wildcard/internal/fault"
)

// certbotOption is an option of certbot that can lead out of the sandbox.
type certbotOption struct {
	long  string
	short byte                     // 0 if it has no short form
	flag  bool                     // it takes no value
	stays func(value string) error // nil: it always leads out
	why   string                   // said where stays is nil
}

// certbotOptions is every such option of certbot 2.0 to 5.6; --dns-*, one per plugin, are told by their prefix.
func (g guard) certbotOptions() []certbotOption {
	inside := func(path string) error {
		if !g.folder.contains(path) {
			return fmt.Errorf("%s leads out of the sandbox, whose own stands in cli.ini: leave it out", fault.Excerpt(path))
		}
		return nil
	}
	const manual = "answers no challenge here: in the sandbox only --manual with hooks does"
	const installer = "would change this machine's web server"
	return []certbotOption{
		{long: "server", stays: func(url string) error {
			if url != g.server {
				return fmt.Errorf("%s is not the sandbox's server, which stands in cli.ini: leave it out", fault.Excerpt(url))
			}
			return nil
		}},
		{long: "config-dir", stays: inside},
		{long: "work-dir", stays: inside},
		{long: "logs-dir", stays: inside},
		{long: "config", short: 'c', why: "would win over the sandbox's cli.ini: give its settings as options"},
		{long: "staging", flag: true, why: "is Let's Encrypt's own server"},
		{long: "test-cert", flag: true, why: "is Let's Encrypt's own server"},
		{long: "authenticator", short: 'a', stays: func(name string) error {
			if name != "manual" {
				return fmt.Errorf("%s %s", fault.Excerpt(name), manual)
			}
			return nil
		}},
		{long: "installer", short: 'i', why: installer},
		{long: "configurator", why: installer},
		{long: "apache", flag: true, why: installer},
		{long: "nginx", flag: true, why: installer},
		{long: "standalone", flag: true, why: manual},
		{long: "webroot", flag: true, why: manual},
		{long: "webroot-path", short: 'w', why: manual},
		{long: "webroot-map", why: manual},
		{long: "manual-auth-hook", stays: g.hookStays},
		{long: "manual-cleanup-hook", stays: g.hookStays},
	}
}

// hookStays looks at the command line of a hook, which certbot hands to a shell, if it is one of ours.
func (g guard) hookStays(line string) error {
	words := strings.Fields(line)
	if len(words) == 0 || !slices.ContainsFunc(names(words[0]), isOurs) {
		return nil
	}
	for i, word := range words {
		words[i] = strings.Trim(word, `'"`)
	}
	return g.checkOurs(words)
}

// checkCertbot returns an error if certbot, run with these arguments, would use another server, other directories or
// another plugin than the sandbox's.
func (g guard) checkCertbot(args []string) error {
	options := g.certbotOptions()
	for i, arg := range args {
		next := ""
		if i+1 < len(args) {
			next = args[i+1]
		}
		switch {
		case arg == "--":
			return g.checkSystemSettings(options)
		case strings.HasPrefix(arg, "--"):
			name, value, joined := strings.Cut(arg[2:], "=")
			if !joined {
				value = next
			}
			if err := checkLong(options, name, value); err != nil {
				return usage("certbot: %w", err)
			}
		case strings.HasPrefix(arg, "-"):
			if err := checkShort(options, arg[1:], next); err != nil {
				return usage("certbot: %w", err)
			}
		}
	}
	return g.checkSystemSettings(options)
}

// checkLong checks --name. argparse takes any prefix that fits one option only; one that fits several is an error there
// and may be one here.
func checkLong(options []certbotOption, name, value string) error {
	if strings.HasPrefix(name, "dns-") {
		return fmt.Errorf("--%s is a plugin that writes to another DNS service: in the sandbox only --manual with hooks answers challenges", name)
	}
	if exact := slices.IndexFunc(options, func(o certbotOption) bool { return o.long == name }); exact >= 0 {
		return options[exact].check("--"+name, value)
	}
	for _, o := range options {
		if name != "" && strings.HasPrefix(o.long, name) {
			if err := o.check("--"+name, value); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkShort checks a word of short options: -nc FILE, -ncFILE and -c=FILE all give -c a value.
func checkShort(options []certbotOption, word, next string) error {
	for i := range len(word) {
		switch letter := word[i]; letter {
		case 'h', 'n', 'q', 't', 'v': // take no value, another may follow
			continue
		default:
			value := strings.TrimPrefix(word[i+1:], "=")
			if value == "" {
				value = next
			}
			for _, o := range options {
				if o.short == letter {
					return o.check("-"+string(letter), value)
				}
			}
			return nil // the rest is its value
		}
	}
	return nil
}

func (o certbotOption) check(typed, value string) error {
	if o.stays == nil {
		return fmt.Errorf("%s %s", typed, o.why)
	}
	if err := o.stays(value); err != nil {
		return fmt.Errorf("%s %w", typed, err)
	}
	return nil
}

// checkSystemSettings returns an error if certbot's settings for the whole machine hold something that the sandbox's own cannot
// take back: what is refused on a command line, and hooks. Its server and directories are overridden.
func (g guard) checkSystemSettings(options []certbotOption) error {
	file, err := os.Open(g.systemSettings)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return misconfigured("certbot reads %s too: %w", g.systemSettings, err)
	}
	defer file.Close()
	const why = "would be run for the sandbox's certificates too"
	options = slices.DeleteFunc(options, func(o certbotOption) bool {
		return slices.Contains([]string{"server", "config-dir", "work-dir", "logs-dir", "config"}, o.long)
	})
	for i, o := range options {
		if strings.HasPrefix(o.long, "manual-") {
			options[i].stays, options[i].why = nil, why
		}
	}
	for _, hook := range []string{"pre-hook", "post-hook", "deploy-hook", "renew-hook"} {
		options = append(options, certbotOption{long: hook, why: why})
	}
	lines := bufio.NewScanner(file)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.ContainsRune("#;[", rune(line[0])) {
			continue
		}
		name, value := line, ""
		if i := strings.IndexAny(line, "=: \t"); i >= 0 {
			name, value = line[:i], strings.TrimSpace(strings.TrimLeft(line[i:], "=: \t"))
		}
		if slices.Contains([]string{"false", "no", "0"}, strings.ToLower(value)) {
			continue
		}
		if err := checkLong(options, strings.TrimLeft(name, "-"), value); err != nil {
			return misconfigured("certbot reads %s too, line %d: %w", g.systemSettings, n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return misconfigured("certbot reads %s too: %w", g.systemSettings, err)
	}
	return nil
}
