package lineage

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"wildcard/internal/fault"
	"wildcard/internal/system/atomicfile"
	"wildcard/internal/system/safepath"
)

// Outside is where certbot takes options from that stand in no .conf: cli.ini, and the lines that start it. They count for each
// lineage that it renews, and over what its .conf says (certbot/_internal/renewal.py, restore_required_config_elements).
type Outside struct {
	Root      string   // of the file system; "" is /
	ConfigDir string   // certbot's
	Homes     []string // configuration folders of the users that certbot may run as, as ~/.config
	Everyone  bool     // the tables of all users count: for what is looked at and never run

	lines []commandLine // of the schedulers, once they are read
}

// Option is one of certbot's, under the name that it has in a .conf. A deploy hook is always renew_hook.
type Option struct {
	File  string
	Key   string
	Value string
	Away  bool // it runs in a container, or on another machine

	scheduled bool // it stands in what starts certbot
}

// mostOutside is how much of a file is read.
const mostOutside = 1 << 20

// Options are those for a lineage: what starts certbot counts more than cli.ini, and the last one of a file or a command. A key stands
// twice only where several commands have different values. A file that has what runs as root and that another user may change is an error.
func (o *Outside) Options(name string) ([]Option, error) {
	var all []Option
	put := func(option Option) {
		all = slices.DeleteFunc(all, func(o Option) bool { return o.Key == option.Key && !o.scheduled })
		if !slices.ContainsFunc(all, func(o Option) bool { return o.Key == option.Key && o.Value == option.Value }) {
			all = append(all, option)
		}
	}
	for _, path := range o.configFiles() {
		options, err := o.iniFile(path)
		if err != nil {
			return nil, err
		}
		for _, option := range options {
			put(option)
		}
	}
	if o.lines == nil {
		o.lines = o.schedulerLines()
	}
	for _, line := range o.lines {
		options, err := o.ofCommand(line, name)
		if err != nil {
			return nil, err
		}
		for i, option := range options {
			option.scheduled = true
			later := slices.ContainsFunc(options[i+1:], func(o Option) bool { return o.Key == option.Key })
			if !later || option.Key == AfterCertbot {
				put(option)
			}
		}
	}
	return all, nil
}

func (o Outside) path(elem ...string) string {
	root := o.Root
	if root == "" {
		root = "/"
	}
	return filepath.Join(append([]string{root}, elem...)...)
}

// configFiles are the places of cli.ini: certbot's own and those of users (constants.py, CLI_DEFAULTS["config_files"]), and the one of
// a folder that certbot is told of, which people give it with --config. Of two that set the same the later counts.
func (o Outside) configFiles() []string {
	paths := []string{o.path("etc/letsencrypt/cli.ini"), filepath.Join(o.ConfigDir, "cli.ini")}
	for _, home := range o.Homes {
		paths = append(paths, filepath.Join(home, "letsencrypt", "cli.ini"))
	}
	slices.Reverse(paths) // the last of two that are the same is kept
	var once []string
	for _, path := range paths {
		if !slices.Contains(once, path) {
			once = append(once, path)
		}
	}
	slices.Reverse(once)
	return once
}

// iniLine is that of configargparse's DefaultConfigFileParser, which certbot reads the file with.
var iniLine = regexp.MustCompile(`^([^:=;#\s]+)\s*(?:([:=\s])\s*(.*?))?\s*$`)

// iniComment is what it passes over behind a value that has no quotes.
var iniComment = regexp.MustCompile(`\s+[;#]\s*.*$`)

// iniFile reads a file of options; one that is not there has none.
func (o Outside) iniFile(path string) ([]Option, error) {
	text, err := readLinked(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.ENOTDIR):
		return nil, nil // nor could certbot, run by this user, read it
	case err != nil:
		return nil, fault.Errorf(CodeStore, fault.Misconfigured, "certbot's options: %w", err)
	}
	var all []Option
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.ContainsAny(line[:1], "#;[") || strings.HasPrefix(line, "---") {
			continue
		}
		m := iniLine.FindStringSubmatch(line)
		if m == nil {
			continue // certbot stops at it
		}
		value := iniValue(m[3])
		if m[3] == "" && (m[2] == "" || m[2] == " ") {
			value = "true"
		}
		all = append(all, Option{File: path, Key: optionKey(strings.TrimLeft(m[1], "-")), Value: value})
	}
	return all, o.trusted(path, all)
}

func iniValue(text string) string {
	if n := len(text); n > 0 && (text[0] == '"' || text[0] == '\'') {
		if end := strings.LastIndexByte(text, text[0]); end > 0 {
			return text[1:end]
		}
	}
	text = iniComment.ReplaceAllString(text, "")
	var list []string
	if strings.HasPrefix(text, "[") && json.Unmarshal([]byte(text), &list) == nil && len(list) > 0 {
		return list[len(list)-1]
	}
	return text
}

// optionKey is the name in a .conf of an option without its dashes (argparse takes the beginning of a long one, too).
func optionKey(option string) string {
	for name, shortest := range map[string]string{
		"deploy-hook": "dep", "renew-hook": "renew-h", "pre-hook": "pre-", "post-hook": "po",
	} {
		if len(option) >= len(shortest) && strings.HasPrefix(name, option) {
			option = name
		}
	}
	key := strings.ReplaceAll(option, "-", "_")
	if key == "deploy_hook" {
		return "renew_hook"
	}
	return key
}

// IsHook reports whether a key of certbot's is a command that runs around renewals.
func IsHook(key string) bool {
	return slices.Contains([]string{"pre_hook", "post_hook", "renew_hook", "deploy_hook"}, key)
}

// trusted refuses a file with hooks that another user may change: they would run as root from now on.
func (o Outside) trusted(path string, options []Option) error {
	if !slices.ContainsFunc(options, func(option Option) bool { return IsHook(option.Key) }) {
		return nil
	}
	if _, err := safepath.Look(path, safepath.File); err != nil {
		return fault.Errorf(CodeUnsafe, fault.Misconfigured, "the hooks of %s are not taken: %w", path, err)
	}
	return nil
}

// there reports whether the file system has a file.
func (o Outside) there(elem string) bool {
	_, err := os.Stat(o.path(elem))
	return err == nil
}

// readLinked reads a file, or the one that a link leads to.
func readLinked(path string) (string, error) {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", err
	}
	text, _, err := atomicfile.Read(path, mostOutside)
	return string(text), err
}
