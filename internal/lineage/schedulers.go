package lineage

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"wildcard/internal/system/subprocess"
)

// commandLine is a command that some scheduler runs, or a part of its options.
type commandLine struct {
	file  string
	words []string
	bare  bool     // options alone, of a file of variables that the unit's command has
	after []string // commands that run when it has ended
}

// cronFiles are the places of cron's files, and of the programs that it has run-parts run.
func cronFiles() []string {
	return []string{
		"etc/crontab", "etc/cron.d/*", "etc/cron.hourly/*", "etc/cron.daily/*", "etc/cron.weekly/*", "etc/cron.monthly/*",
		"etc/periodic/*/*", "etc/crontabs/*", "var/spool/cron/*", "var/spool/cron/crontabs/*",
	}
}

// schedulerLines are the command lines that may start certbot: those of cron's files, of systemd's units, and of the files of
// variables that distributions give the units.
func (o Outside) schedulerLines() []commandLine {
	var all []commandLine
	for _, pattern := range cronFiles() {
		for _, path := range o.glob(pattern) {
			if o.cronReads(path) {
				all = append(all, o.cronFile(path)...)
			}
		}
	}
	all = append(all, o.units()...)
	for _, path := range []string{"etc/sysconfig/certbot", "etc/default/certbot", "etc/conf.d/certbot"} {
		values := variables(o.read(o.path(path)))
		for _, name := range slices.Sorted(maps.Keys(values)) {
			value := values[name]
			words := subprocess.Words(value)
			if len(words) > 0 && !strings.HasPrefix(words[0], "-") && strings.HasSuffix(name, "_HOOK") {
				words = []string{"--" + strings.ToLower(strings.ReplaceAll(name, "_", "-")), value}
			}
			all = append(all, commandLine{file: o.path(path), words: words, bare: true})
		}
	}
	return all
}

// cronFile are the commands of a file of cron's that may start certbot.
func (o Outside) cronFile(path string) (all []commandLine) {
	for _, line := range o.cronLines(path, "certbot", "letsencrypt") {
		all = append(all, commandsOf(path, strings.ReplaceAll(line, `\%`, "%"))...)
	}
	return all
}

// cronLines are the lines of a file of cron's that have one of these words, with the file's variables in them.
func (o Outside) cronLines(path string, words ...string) (all []string) {
	text := o.read(path)
	if strings.Contains(text, "-d /run/systemd/system") && o.there("run/systemd/system") {
		return nil // Debian's own, which does nothing then
	}
	values := variables(text)
	lines := slices.Collect(strings.Lines(strings.ReplaceAll(text, "\\\n", " ")))
	if isProgram(strings.TrimPrefix(path, o.path())) { // whose lines follow one another
		lines = []string{strings.Join(lines, "")}
	}
	for _, line := range lines {
		named := slices.ContainsFunc(words, func(word string) bool { return strings.Contains(line, word) })
		if !named || o.otherUsers(path, line) {
			continue
		}
		line = variable.ReplaceAllStringFunc(line, func(name string) string {
			value, ok := values[strings.Trim(name, "${}")]
			if !ok {
				return name
			}
			return value
		})
		all = append(all, line)
	}
	return all
}

// variable is one that a line has expanded.
var variable = regexp.MustCompile(`\$\w+|\$\{\w+\}`)

// cronReads reports whether cron, or run-parts for it, takes a file of one of its folders: the files of other users' own tables, of
// editors and of packages' old versions are none of root's, and programs have a right to be run (cron(8), run-parts(8), crond(8)).
func (o Outside) cronReads(path string) bool {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	dir, base := filepath.Split(path)
	dir = strings.TrimPrefix(dir, o.path())
	if strings.Contains(dir, "spool/cron") || strings.Contains(dir, "crontabs") {
		uid := info.Sys().(*syscall.Stat_t).Uid
		return o.Everyone || uid == 0 || int(uid) == os.Geteuid()
	}
	old := strings.HasPrefix(base, ".") || strings.HasSuffix(base, "~") || strings.HasPrefix(base, "#") ||
		notCrons.MatchString(base) || strings.Contains(base, ".") && o.there("etc/debian_version")
	return !old && (!isProgram(dir) || info.Mode().Perm()&0o111 != 0)
}

// isProgram reports whether what lies there is run by run-parts, and is no table.
func isProgram(path string) bool {
	return strings.Contains(path, "cron.") && strings.Contains(path, "ly/") || strings.Contains(path, "periodic/")
}

// notCrons are the ends of names that no cron takes for its own.
var notCrons = regexp.MustCompile(`\.(bak|old|orig|save|disabled|dpkg-\w+|rpm\w+|swp|ucf-\w+)$`)

// otherUsers reports whether a line of a table that has users is another's than root's.
func (o Outside) otherUsers(path, line string) bool {
	if dir := filepath.Dir(path); o.Everyone || path != o.path("etc/crontab") && dir != o.path("etc/cron.d") {
		return false
	}
	fields, at := strings.Fields(line), 5
	if len(fields) > 0 && strings.HasPrefix(fields[0], "@") {
		at = 1
	}
	return len(fields) > at && fields[at] != "root"
}

// commandsOf are the simple commands of a line, and of the lines that it has a shell run.
func commandsOf(file, line string) (all []commandLine) {
	commands := subprocess.Parts(line)
	for i, command := range commands {
		var after []subprocess.Part
		for _, next := range commands[i+1:] {
			if !next.Piped && !slices.Contains(next.Words, "renew") {
				after = append(after, next)
			}
		}
		words := command.Words
		all = append(all, commandLine{file: file, words: words, after: shown(after, fails(words))})
		for j, word := range words {
			ofShell := j > 0 && strings.HasPrefix(words[j-1], "-") && strings.HasSuffix(words[j-1], "c")
			if ofShell && strings.Contains(word, "renew") {
				all = append(all, commandsOf(file, word)...)
			}
		}
	}
	return all
}

// fails reports whether what comes next is for when a command has failed: "if ! certbot renew".
func fails(words []string) bool { return len(words) > 1 && words[0] == "if" && words[1] == "!" }

// shown are commands as they are written, but for those that only end or delay a line, or that run when certbot has failed: what
// comes first, if negated, and else the other branches.
func shown(commands []subprocess.Part, negated bool) (all []string) {
	failed := negated
	for _, command := range commands {
		words, text := command.Words, command.Text
		switch words[0] {
		case "else", "elif":
			failed = !negated
		case "fi":
			failed, negated = false, false
		}
		if failed { // certbot has failed there
			continue
		}
		for len(words) > 1 && slices.Contains([]string{"then", "else", "do", "{"}, words[0]) {
			words, text = words[1:], strings.TrimSpace(strings.TrimPrefix(text, words[0]))
		}
		idle := []string{"true", ":", "exit", "sleep", "fi", "done", "}", "then", "else", "do", "{"}
		if !slices.Contains(idle, words[0]) {
			all = append(all, text)
		}
	}
	return all
}

// units are the commands of systemd's services that name certbot, with the lines of their drop-ins and the variables of their own.
func (o Outside) units() (all []commandLine) {
	for _, name := range o.unitNames() {
		all = append(all, o.unit(name)...)
	}
	return all
}

// unitNames are the services of systemd.
func (o Outside) unitNames() (names []string) {
	for _, dir := range unitDirs {
		for _, path := range append(o.glob(dir+"/*.service"), o.glob(dir+"/*.service.d")...) {
			if name := strings.TrimSuffix(filepath.Base(path), ".d"); !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// unitDirs are those of systemd.unit(5), the first counts.
var unitDirs = []string{"etc/systemd/system", "run/systemd/system", "usr/local/lib/systemd/system",
	"usr/lib/systemd/system", "lib/systemd/system"}

// unit has the commands of one service (systemd.service(5)): an empty ExecStart= takes back those before it.
func (o Outside) unit(name string) (all []commandLine) {
	u := o.readUnit(name)
	for _, s := range u.starts {
		for _, command := range commandsOf(s.file, s.line) {
			command.after = append(command.after, u.after...)
			all = append(all, command)
		}
	}
	return all
}

// service is what a unit has of a command: its lines with the variables in them, what runs after them, and its variables.
type service struct {
	starts []struct{ file, line string }
	after  []string
	values map[string]string
}

func (o Outside) readUnit(name string) service {
	var files, dropIns []string
	for _, dir := range unitDirs {
		if path := o.path(dir, name); len(files) == 0 && o.there(filepath.Join(dir, name)) {
			files = append(files, path)
		}
		for _, path := range o.glob(dir + "/" + name + ".d/*.conf") {
			if !slices.ContainsFunc(dropIns, func(p string) bool { return filepath.Base(p) == filepath.Base(path) }) {
				dropIns = append(dropIns, path)
			}
		}
	}
	slices.SortFunc(dropIns, func(a, b string) int { return strings.Compare(filepath.Base(a), filepath.Base(b)) })
	values := map[string]string{}
	u := service{values: values}
	for _, path := range append(files, dropIns...) {
		for line := range strings.Lines(strings.ReplaceAll(o.read(path), "\\\n", " ")) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			switch key, value = strings.TrimSpace(key), strings.TrimSpace(value); {
			case key == "ExecStart" && value == "":
				u.starts = nil
			case key == "ExecStart":
				u.starts = append(u.starts, struct{ file, line string }{path, value})
			case key == "ExecStartPost", key == "ExecStopPost":
				u.after = append(u.after, shown(subprocess.Parts(strings.TrimLeft(value, "-@:+!|")), false)...)
			case key == "Environment":
				for _, word := range subprocess.Words(value) {
					name, text, _ := strings.Cut(word, "=")
					values[name] = text
				}
			case key == "EnvironmentFile":
				maps.Copy(values, variables(o.read(o.path(strings.TrimPrefix(value, "-")))))
			}
		}
	}
	for i, s := range u.starts {
		line := strings.ReplaceAll(strings.TrimLeft(s.line, "-@:+!|"), "%%", "%")
		u.starts[i].line = os.Expand(line, func(name string) string {
			if name == "$" { // which stands for itself when it is doubled
				return name
			}
			return values[name]
		})
	}
	return u
}

// ofCommand are the options of a command that has certbot renew a lineage in our folder; nil if it is another one.
func (o Outside) ofCommand(line commandLine, lineage string) ([]Option, error) {
	words, away := line.words, false
	if !line.bare {
		at := slices.IndexFunc(words, startsCertbot)
		if at < 0 {
			return nil, nil
		}
		away = slices.ContainsFunc(words[:at], func(word string) bool {
			return slices.Contains(elsewhere, filepath.Base(word))
		})
		ours := func(word string) bool { return strings.Contains(word, strings.TrimPrefix(o.ConfigDir, o.Root)) }
		if away && !slices.ContainsFunc(words[:at+1], ours) { // a volume may look like a program of that name
			return nil, nil // of another file system's folder
		}
		if words = words[at:]; !slices.Contains(words, "renew") && !strings.Contains(filepath.Base(words[0]), "renew") {
			return nil, nil
		}
	}
	var options []Option
	of := map[string]string{"config_dir": o.path("etc/letsencrypt"), "cert_name": lineage}
	for _, option := range argumentsOf(words) {
		option.File, option.Away = line.file, away
		switch option.Key {
		case "config_dir", "cert_name":
			of[option.Key] = option.Value
		case "config":
			more, err := o.iniFile(o.path(option.Value))
			if err != nil {
				return nil, err
			}
			options = append(more, options...)
		default:
			options = append(options, option)
		}
	}
	if filepath.Clean(of["config_dir"]) != filepath.Clean(o.ConfigDir) || of["cert_name"] != lineage {
		return nil, nil
	}
	for _, command := range line.after {
		options = append(options, Option{File: line.file, Key: AfterCertbot, Value: command})
	}
	return options, o.trusted(line.file, options)
}

// AfterCertbot is the key of a command that a scheduler runs when certbot has ended, whatever that did.
const AfterCertbot = "after"

// elsewhere are programs whose commands run in another file system.
var elsewhere = []string{"docker", "podman", "nerdctl", "ssh", "lxc", "kubectl", "chroot"}

// argumentsOf are the long options among the words of a command; one without a value is "true".
func argumentsOf(words []string) (all []Option) {
	for i := 0; i < len(words); i++ {
		option, ok := strings.CutPrefix(words[i], "--")
		if words[i] == "-c" {
			option, ok = "config", true
		}
		if !ok {
			continue
		}
		option, value, inline := strings.Cut(option, "=")
		if !inline {
			value = "true"
			if i+1 < len(words) && !strings.HasPrefix(words[i+1], "-") && words[i+1] != "renew" {
				i++
				value = words[i]
			}
		}
		all = append(all, Option{Key: optionKey(option), Value: value})
	}
	return all
}

// startsCertbot reports whether a word of a command is certbot: by itself, of a snap, as a module, an image, or a script named for it.
func startsCertbot(word string) bool {
	base := filepath.Base(word)
	return strings.HasPrefix(base, "certbot") || strings.HasPrefix(base, "letsencrypt") && !strings.Contains(base, ".")
}

// variables are the assignments of a file of variables, without the quotes around whole values.
func variables(text string) map[string]string {
	values := map[string]string{}
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", " ")) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "export ")
		name, value, ok := strings.Cut(line, "=")
		if !ok || strings.HasPrefix(line, "#") || strings.ContainsAny(name, " \t") {
			continue
		}
		value = strings.TrimSpace(value)
		if n := len(value); n > 1 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
			quote := value[:1]
			value = strings.ReplaceAll(value[1:n-1], `\`+quote, quote)
		}
		values[name] = value
	}
	return values
}

func (o Outside) glob(pattern string) []string {
	paths, _ := filepath.Glob(o.path(pattern)) // only a bad pattern is an error
	return paths
}

// read is the text of a file; "" if there is none that we may read.
func (o Outside) read(path string) string {
	text, err := readLinked(path)
	if err != nil {
		return ""
	}
	return text
}
