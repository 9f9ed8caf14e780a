package doctor

import (
	"context"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"wildcard/internal/fault"
	"wildcard/internal/messages"
	"wildcard/internal/system/subprocess"
)

// line judges a line: its time, its user, its command.
func (c *cronFile) line(ctx context.Context, line string) job {
	rest, why := pastTime(line)
	if why != nil {
		return c.advice(*why, c.rewritten("put a time before the line in %s, such as %s", c.path, "17 */6 * * *"))
	}
	if c.user {
		name, command := cutField(rest)
		if strings.Contains(name, "/") || name == c.program && !mentions([]byte(command), []string{c.program}) {
			return c.advice(messages.New("the line has no user before the command"),
				c.rewritten("put a user before the command in %s, such as %s", c.path, "root"))
		}
		if !c.v.knows(ctx, name) {
			return c.advice(messages.New("there is no user %s", fault.Excerpt(name)),
				c.rewritten("put a user who exists before the command in %s, such as %s", c.path, "root"))
		}
		rest = command
	}
	command, _, _ := strings.Cut(strings.ReplaceAll(rest, `\%`, "\x00"), "%") // what follows is its input (crontab(5))
	if why := c.command(strings.ReplaceAll(command, "\x00", "%")); why != nil {
		return c.advice(*why, c.rewritten("put the absolute path of a program that is there into %s", c.path))
	}
	return job{file: c.path}
}

// rewritten is the command that writes our own file anew, or, for another file, what to do by hand.
func (c *cronFile) rewritten(format messages.Text, args ...any) messages.Message {
	if c.program == ourProgram && filepath.Base(c.path) == ourProgram && c.user {
		return messages.New("%s", c.v.cronLine(c.path))
	}
	return messages.New(format, args...)
}

// cutField cuts the first field of a line off.
func cutField(line string) (field, rest string) {
	line = strings.TrimLeft(line, " \t")
	if i := strings.IndexAny(line, " \t"); i >= 0 {
		return line[:i], strings.TrimLeft(line[i:], " \t")
	}
	return line, ""
}

// pastTime cuts the time off a line (crontab(5)), or says why it is none that comes again and again.
func pastTime(line string) (rest string, why *messages.Message) {
	if strings.HasPrefix(line, "@") {
		word, rest := cutField(line)
		if !slices.Contains([]string{"@hourly", "@daily", "@midnight", "@weekly"}, strings.ToLower(word)) {
			return "", because("the time is %s, which does not come often enough", fault.Excerpt(word))
		}
		return rest, nil
	}
	for _, limits := range [][2]int{{0, 59}, {0, 23}, {1, 31}, {1, 12}, {0, 7}} {
		var field string
		field, line = cutField(line)
		if !isTime(field, limits[0], limits[1]) {
			return "", because("the line does not begin with five fields of a time: %s", fault.Excerpt(field))
		}
	}
	return line, nil
}

// isTime reports whether a text is a field of a time: a list of *, numbers, names of months or days, and ranges, each with a step.
func isTime(field string, least, most int) bool {
	const names = " jan feb mar apr may jun jul aug sep oct nov dec sun mon tue wed thu fri sat "
	value := func(text string) bool {
		n, err := strconv.Atoi(text)
		return err == nil && n >= least && n <= most ||
			most <= 12 && len(text) == 3 && strings.Contains(names, " "+strings.ToLower(text)+" ")
	}
	for part := range strings.SplitSeq(field, ",") {
		span, step, stepped := strings.Cut(part, "/")
		if n, err := strconv.Atoi(step); stepped && (err != nil || n < 1) {
			return false
		}
		first, last, ranged := strings.Cut(strings.ReplaceAll(span, "~", "-"), "-")
		if span != "*" && (!value(first) || ranged && !value(last)) {
			return false
		}
	}
	return true
}

// knows reports whether the machine has a user.
func (v *visit) knows(ctx context.Context, name string) bool {
	text, err := readSome(v.path("etc/passwd"))
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, name+":") {
			return true
		}
	}
	if name == "root" {
		return true
	}
	if missing(err) {
		_, err := user.Lookup(name)
		return err == nil
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	// users of a directory service are in no file
	command := subprocess.Command(ctx, []string{subprocess.Path}, v.path("usr/bin/getent"), "passwd", "--", name)
	return name != "" && command.Run() == nil
}

// command says why a command line does not start the program; nil if it does, or if that cannot be seen.
func (c *cronFile) command(line string) *messages.Message {
	for _, words := range subprocess.Commands(line) {
		search := c.search
		for len(words) > 0 && (words[0] == "env" || strings.Contains(words[0], "=")) {
			if path, ok := strings.CutPrefix(words[0], "PATH="); ok {
				search = strings.NewReplacer("${PATH}", search, "$PATH", search).Replace(path)
			}
			words = words[1:]
		}
		at := c.named(words)
		if at < 0 {
			continue
		}
		programs := []string{words[0], words[at]}
		elsewhere := []string{"docker", "podman", "nerdctl", "ssh", "lxc", "kubectl", "chroot"}
		if slices.Contains(elsewhere, filepath.Base(words[0])) {
			programs = words[:1] // the other one is in another file system
		}
		for _, program := range programs {
			if why := c.starts(program, search); why != nil {
				return why
			}
		}
	}
	return nil
}

// named is the place of the program among the words of a command that has the argument after it, or of a script named for both;
// -1 if there is none.
func (c *cronFile) named(words []string) int {
	for i, word := range words {
		base := filepath.Base(word)
		own := base == c.program || strings.HasPrefix(base, c.program+"-")
		if own && slices.Contains(words[i+1:], c.argument) ||
			strings.Contains(base, c.program) && strings.Contains(base, c.argument) {
			return i
		}
	}
	return -1
}

// names reports whether a line has a command that runs the program with the argument.
func (c *cronFile) names(line string) bool {
	return slices.ContainsFunc(subprocess.Commands(line), func(words []string) bool { return c.named(words) >= 0 })
}

// starts says why a program is not started.
func (c *cronFile) starts(program, search string) *messages.Message {
	within := func(path string) error { return runnable(c.v.path(strings.TrimPrefix(path, "/"))) }
	switch {
	case strings.ContainsAny(program, "$`~{}"), strings.Contains(program, "/") && !filepath.IsAbs(program):
		return nil // the shell knows
	case filepath.IsAbs(program):
		if why := within(program); why != nil {
			return because("it would run %s: %v", program, why)
		}
		return nil
	case !strings.HasPrefix(program, c.program), c.script && c.program != ourProgram:
		return nil // the shell may have it as a command of its own, and a script another PATH
	}
	for _, dir := range filepath.SplitList(search) {
		if filepath.IsAbs(dir) && within(filepath.Join(dir, program)) == nil {
			return nil
		}
	}
	return because("%s is not found in the PATH that cron gives (%s)", program, search)
}
