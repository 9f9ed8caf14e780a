package certificates

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"wildcard/internal/fault"
	"wildcard/internal/lineage"
	"wildcard/internal/messages"
	"wildcard/internal/system/environ"
)

// Outside is where certbot takes options from beside its .conf, on a machine with this environment.
func Outside(root, configDir string, environment []string) *lineage.Outside {
	home := environ.Get(environment, "XDG_CONFIG_HOME")
	if home == "" {
		home = filepath.Join("/", environ.Get(environment, "HOME"), ".config")
	}
	homes := []string{home, filepath.Join("/", root, "root/.config")}
	return &lineage.Outside{Root: root, ConfigDir: configDir, Homes: homes}
}

// outsideKeys are the keys that count for renewals wherever they stand.
func outsideKeys() []string {
	return []string{"installer", "key_type", "elliptic_curve", "rsa_key_size", "reuse_key", "preferred_chain",
		"must_staple", "allow_subset_of_names",
		"preferred_profile", "required_profile"}
}

// overlay is certbot's .conf with what certbot takes from elsewhere in the place of what that says, as certbot does. more are the
// deploy hooks beyond the first one.
func (a *adoption) overlay(options []lineage.Option) (more []string, err error) {
	l := a.Lineage
	if a.conf, err = lineage.ParseConf(l.Conf.Bytes()); err != nil {
		return nil, err
	}
	set := map[string]bool{}
	for _, option := range options {
		key := option.Key
		hook := lineage.IsHook(key)
		switch {
		case key == "no_directory_hooks" && option.Value == "true" && a.anyDirectoryHook():
			return nil, cannotAdopt(l, "%s has no-directory-hooks, and here the hooks in renewal-hooks are run", option.File)
		case hook && option.Away:
			return nil, cannotAdopt(l, "%s of %s runs elsewhere than here: %s", key, option.File, fault.Excerpt(option.Value))
		case hook && foreignVariable(option.Value) != "":
			return nil, cannotAdopt(l, "%s of %s has $%s, whose value is not known here: %s", key, option.File,
				foreignVariable(option.Value), fault.Excerpt(option.Value))
		case hook && set[key] && key != "renew_hook":
			return nil, cannotAdopt(l, "it has several of %s, the last one in %s: %s", key, option.File,
				fault.Excerpt(option.Value))
		case hook && set[key]:
			more = append(more, option.Value)
		case key == lineage.AfterCertbot:
			a.Notes = append(a.Notes, messages.New(
				"%s runs %s when certbot has ended, and renewals here do not: --deploy-hook has them run it",
				option.File, messages.OneLine(option.Value)))
			continue
		case hook || slices.Contains(outsideKeys(), key):
			if key == "renew_hook" {
				a.conf.Remove(renewalParams, "deploy_hook")
			}
			set[key] = true
			err = a.conf.Set(renewalParams, key, option.Value)
		default:
			continue
		}
		if err != nil {
			return nil, err
		}
		a.Notes = append(a.Notes, messages.New("%s has %s = %s, which is carried over", option.File, option.Key,
			messages.OneLine(option.Value)))
	}
	return more, nil
}

// knownVariables are those that hooks get wherever they run, and what a shell sets itself.
var knownVariables = []string{"RENEWED_LINEAGE", "RENEWED_DOMAINS", "FAILED_DOMAINS", "PATH", "HOME", "SHELL", "USER",
	"LOGNAME", "PWD", "OLDPWD", "IFS", "PPID", "OPTARG", "OPTIND"}

// expanded is a variable as a shell has it, without those that bring their default along.
var expanded = regexp.MustCompile(`\$(?:([A-Za-z_]\w*)|\{[#!]?([A-Za-z_]\w*)(?:(?:[^\w:=?+-]|:[^=?+-])[^}]*)?\})`)

// assigned is where a command line gives a variable its value itself.
var assigned = regexp.MustCompile(`(?:^|[\s;&|('"])(?:([A-Za-z_]\w*)=|for\s+([A-Za-z_]\w*)\s+in|read\s+(?:-\w+\s+)*([A-Za-z_]\w*))`)

// quotedText is what stands in quotes or behind a backslash; behind -c or eval another shell reads it.
var quotedText = regexp.MustCompile(`(?:(?:-\w*c|eval)\s+)?(?:"(?:[^"\\]|\\.)*"|'[^']*')|\\.`)

var escaped = regexp.MustCompile(`\\(.)`)

// unquoted is a command line without what no shell expands.
func unquoted(command string) string {
	return quotedText.ReplaceAllStringFunc(command, func(text string) string {
		at := strings.IndexAny(text, `"'\`)
		nested, in := at > 0, strings.Trim(text[at:], text[at:at+1])
		switch {
		case text[at] == '"' && nested:
			return escaped.ReplaceAllString(in, "") + " " + unquoted(escaped.ReplaceAllString(in, "$1"))
		case text[at] == '"':
			return escaped.ReplaceAllString(in, "")
		case text[at] == '\'' && nested:
			return unquoted(in)
		}
		return ""
	})
}

// foreignVariable is the first variable of a hook that is set neither by the hook nor for it: a script that starts certbot had it. ""
// if there is none.
func foreignVariable(command string) string {
	known := slices.Clone(knownVariables)
	for _, m := range assigned.FindAllStringSubmatch(command, -1) {
		known = append(known, m[1]+m[2]+m[3])
	}
	for _, m := range expanded.FindAllStringSubmatch(unquoted(command), -1) {
		if name := m[1] + m[2]; !slices.Contains(known, name) {
			return name
		}
	}
	return ""
}

// partsOfScripts are words with which a part of a script begins that is nothing, or something else, without the rest.
var partsOfScripts = []string{
	"if", "elif", "else", "while", "until", "for", "case", "esac", "function", "[", "[[", "test", "!",
	"cd", ".", "source", "export", "set", "read", "local", "return",
}

// StandsAlone reports whether a command of a script does the same without the rest of it: it is no part of an if or a loop, and needs
// neither variables nor the folder nor the output of what is beside it.
func StandsAlone(command string) bool {
	words := lineage.Words(command)
	return len(words) > 0 && !slices.Contains(partsOfScripts, words[0]) && !strings.Contains(words[0], "=") &&
		!strings.ContainsAny(command, "`\n") && !strings.HasSuffix(command, "$") && !strings.Contains(command, "$?") &&
		!strings.Contains(command, "<<") && foreignVariable(command) == ""
}

func (a *adoption) anyDirectoryHook() bool {
	return slices.ContainsFunc([]string{"pre", "deploy", "post"}, a.hooks.Any)
}

// judgeInstaller refuses a certificate whose server nothing would reload any more: certbot's installers do it after each renewal.
func judgeInstaller(a *adoption, _, value string) error {
	if slices.Contains([]string{"", "none", "null"}, strings.ToLower(value)) { // certbot 0.4 wrote "none" where there was none
		return nil
	}
	commands := append(DeployCommands(a.params, a.settings), a.params.PostHook)
	if strings.Join(commands, "") != "" || a.hooks.Any("deploy") || a.hooks.Any("post") {
		a.Notes = append(a.Notes, messages.New(
			"certbot's installer %s reloads its server after a renewal; here the hooks have to do that",
			messages.OneLine(value)))
		return nil
	}
	before := ""
	if a.params.PreHook != "" {
		before = ", after its pre_hook " + messages.OneLine(a.params.PreHook)
	}
	return cannotAdopt(a.Lineage,
		"certbot's installer %s reloads the server after each renewal%s, and here nothing would",
		messages.OneLine(value), before).Advise(
		fault.Verbatim("wildcard adopt %s"), a.request.again("--deploy-hook "+lineage.Quote(reloading(a.root, value))))
}

// reloading is the command that reloads the server of one of certbot's installers on the machine below root.
func reloading(root, installer string) string {
	there := func(name string, dirs ...string) bool {
		return slices.ContainsFunc(dirs, func(dir string) bool {
			_, err := os.Stat(filepath.Join("/", root, dir, name))
			return err == nil
		})
	}
	units := []string{"etc/systemd/system", "run/systemd/system", "usr/local/lib/systemd/system", "usr/lib/systemd/system",
		"lib/systemd/system"}
	programs := []string{"usr/sbin", "usr/bin", "sbin", "bin", "usr/local/sbin", "usr/local/bin"}
	systemd := there("systemctl", programs...)
	switch {
	case installer == "nginx" && systemd:
		return "systemctl reload-or-restart nginx"
	case installer == "nginx":
		return "nginx -s reload"
	case installer == "apache" && !systemd:
		return "apachectl graceful"
	case !systemd:
		return "service SERVER reload"
	case installer != "apache":
		return "systemctl reload-or-restart SERVER"
	case there("apache2.service", units...): // on SUSE there is a program httpd as well
	case there("httpd.service", units...) || there("httpd", programs...) && !there("apache2", programs...):
		return "systemctl reload-or-restart httpd"
	}
	return "systemctl reload-or-restart apache2"
}

// MisplacedHook says what certbot takes a hook for that does not stand where its options are.
func MisplacedHook(key lineage.Key) messages.Message {
	_, section, nested := strings.Cut(key.Section, "][")
	switch {
	case nested && section == "webroot_map":
		return messages.New("%s stands below [[webroot_map]]: to certbot it is a webroot and no hook, and nothing runs it",
			key.Name)
	case nested:
		return messages.New("%s stands below [[%s]]: to certbot it is no hook, and nothing runs it", key.Name, section)
	case key.Section == "":
		return messages.New("%s stands above [renewalparams]: to certbot it is no hook, and nothing runs it", key.Name)
	}
	return messages.New("%s stands below [%s]: to certbot it is no hook, and nothing runs it", key.Name, key.Section)
}
