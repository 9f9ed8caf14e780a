package foreign

import (
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"wildcard/internal/lineage"
)

// jobsOf are the lines of cron and systemd that name a client: those of the machine, and those of a file system that the tree is part
// of, as in a backup.
func jobsOf(m Machine, base string, words []string) (all []lineage.Job) {
	if len(words) == 0 {
		return nil
	}
	roots := []string{m.at("")}
	for dir := filepath.Dir(base); dir != "/" && dir != "."; dir = filepath.Dir(dir) {
		if isDir(filepath.Join(dir, "etc")) && !slices.Contains(roots, dir) {
			roots = append(roots, dir)
		}
	}
	for _, root := range roots {
		for _, job := range (lineage.Outside{Root: root, Everyone: true}).Jobs(words...) {
			if !slices.ContainsFunc(all, func(j lineage.Job) bool { return j.File == job.File && j.Line == job.Line }) {
				all = append(all, job)
			}
		}
	}
	return all
}

// commandOf is the command of a job that starts a program, with its arguments; nil if none does.
func commandOf(job lineage.Job, program string) []string {
	for n, words := range job.Commands {
		if n == 0 && job.Unit == "" {
			words = withoutTime(job.File, words)
		}
		for len(words) > 0 && plainName.MatchString(words[0]) {
			words = words[1:]
		}
		for i, word := range words {
			if filepath.Base(word) == program {
				return words[i:]
			}
			if !slices.Contains(starters, filepath.Base(words[0])) { // the first word alone is what runs
				break
			}
		}
	}
	return nil
}

// starters are programs whose arguments are a command.
var starters = []string{"sudo", "doas", "su", "env", "exec", "nice", "ionice", "flock", "timeout", "nohup", "setsid",
	"chronic", "cronic",
	"sh", "bash", "dash", "run-one", "systemd-run", "systemd-cat", "docker", "podman", "nerdctl", "kubectl", "chroot"}

// withoutTime are the words of a line of cron's without its times, and without the user that the system's tables have (crontab(5)).
func withoutTime(file string, words []string) []string {
	n := 0
	switch {
	case len(words) == 0:
	case strings.HasPrefix(words[0], "@"):
		n = 1
	case words[0][0] == '*' || '0' <= words[0][0] && words[0][0] <= '9':
		n = 5
	}
	if n > 0 && hasUsers(file) {
		n++
	}
	return words[min(n, len(words)):]
}

// hasUsers reports whether a table of cron's says of each line whose it is.
func hasUsers(file string) bool {
	return filepath.Base(file) == "crontab" || filepath.Base(filepath.Dir(file)) == "cron.d"
}

// trusted are the jobs that settings are taken from: those of root, of the user that we are, and of the tree's owner.
// What another user's say is only shown, or each user could say where records are written and with which password.
func (r *reader) trusted(all []lineage.Job) (jobs []lineage.Job) {
	uids := []int{0, os.Geteuid()}
	if info, err := os.Stat(r.base); err == nil {
		uids = append(uids, int(info.Sys().(*syscall.Stat_t).Uid))
	}
	users := []string{"root"} // of other names for them a line is only shown
	for _, uid := range uids {
		if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
			users = append(users, u.Username)
		}
	}
	for _, job := range all {
		info, err := os.Stat(job.File)
		if err != nil || !slices.Contains(uids, int(info.Sys().(*syscall.Stat_t).Uid)) {
			continue
		}
		if job.Unit == "" && hasUsers(job.File) && !slices.Contains(users, userOf(job)) {
			continue
		}
		jobs = append(jobs, job)
	}
	return jobs
}

// userOf is the user that a line of a table with users runs as; "" if it has none.
func userOf(job lineage.Job) string {
	if len(job.Commands) == 0 {
		return ""
	}
	words := job.Commands[0]
	n := len(words) - len(withoutTime(job.File, words))
	if n < 2 {
		return ""
	}
	return words[n-1]
}

// option is the values of an option among words, in any of its spellings: -x V, --x V, --x=V.
func option(words []string, names ...string) (values []string) {
	for i, word := range words {
		name, value, inline := strings.Cut(word, "=")
		if !slices.Contains(names, name) || !strings.HasPrefix(word, "-") {
			continue
		}
		if !inline && i+1 < len(words) {
			value = words[i+1]
		}
		values = append(values, value)
	}
	return values
}

func lastOf(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
}

// isHere reports whether a path that a job names is that of the tree.
func (r *reader) isHere(path string) bool {
	a, err := os.Stat(r.locate(path))
	if err != nil {
		return false
	}
	b, err := os.Stat(r.base)
	return err == nil && os.SameFile(a, b)
}

// quotedText is a word of a shell's, or what is quoted in it; where a quote has no end it is all that follows.
const quotedText = `(?:"(?:[^"\\]|\\.)*"|'[^']*'|\\.|[^\s;'"\\]|['"\\].*)+`

// The parts of a command line that may be secret: values of variables, also of those that are quoted whole and of a
// URL's, who logs in by a URL or with "-u", headers that log in, and values of options that are named so.
var (
	secretQuoted   = regexp.MustCompile(`"([A-Za-z_]\w*)=[^"]*(?:"|$)|'([A-Za-z_]\w*)=[^']*(?:'|$)`)
	secretVariable = regexp.MustCompile(`(^|[\s;&|?(])([A-Za-z_]\w*)=` + quotedText)
	secretLogin    = regexp.MustCompile(`://(?:[^\s'"/@]+|[^\s'"/@:]*:[^\s'"]+)@`)
	secretUser     = regexp.MustCompile(`(\s(?:-[A-Za-z]*u|--(?:proxy-)?user)[= ]*)(?:"[^":]*:[^"]*(?:"|$)|` +
		`'[^':]*:[^']*(?:'|$)|[^\s:'"]*:` + quotedText + `)`)
	secretHeader = regexp.MustCompile(`(?i)(\b(?:(?:proxy-)?authorization|cookie|x-[\w-]+)\s*[:=]\s*|` +
		`\b[\w-]*(?:key|token|secret|pass)[\w-]*:\s+)[^'"]+`)
	secretOption = regexp.MustCompile(`(?i)(\s--?[\w.-]*(?:hmac|key|secret|token|pass|eab)[\w.-]*|\s-e)([= ]+)` +
		quotedText)
	plainOption = regexp.MustCompile(`(?i)^\s--?(key-?type|keylength|reuse-key|eab-kid)`)
)

// shown is a line without what may be secret.
func shown(line string) string {
	line = secretQuoted.ReplaceAllString(line, "'$1$2=***'")
	line = secretVariable.ReplaceAllString(line, "$1$2=***")
	line = secretLogin.ReplaceAllString(line, "://***@")
	line = secretUser.ReplaceAllString(line, "$1***")
	line = secretHeader.ReplaceAllString(line, "$1***")
	return secretOption.ReplaceAllStringFunc(line, func(found string) string {
		if plainOption.MatchString(found) {
			return found
		}
		return secretOption.ReplaceAllString(found, "$1$2***")
	})
}

// renewals adds the lines that renew certificates of this tree, of any user, with what ends each.
func (r *reader) renewals(c client, jobs []lineage.Job) {
	for _, job := range jobs {
		if commandOf(job, c.name) == nil {
			continue
		}
		end := "crontab -e -u " + ownerOf(job.File)
		switch {
		case job.Unit != "":
			end = "systemctl disable --now " + (lineage.Outside{Root: rootOf(job.File)}).Timer(job.Unit)
		case !strings.Contains(job.File, "spool/cron") && !strings.Contains(job.File, "crontabs"):
			end = "sed -i " + lineage.Quote(`\,`+c.name+`,s,^,#,`) + " " + lineage.Quote(job.File)
		}
		add := Renewal{File: job.File, Line: shown(job.Line), End: end}
		if !slices.Contains(r.found.Renewals, add) {
			r.found.Renewals = append(r.found.Renewals, add)
		}
	}
}

// rootOf is the root of the file system that a unit's file is part of.
func rootOf(path string) string {
	for _, dir := range []string{"/etc/systemd/", "/usr/", "/lib/", "/run/"} {
		if root, _, ok := strings.Cut(path, dir); ok {
			return root
		}
	}
	return ""
}

// ownerOf is the user whose table a file of cron's is: it has the user's name.
func ownerOf(path string) string {
	name := filepath.Base(path)
	if info, err := os.Stat(path); err == nil {
		id := strconv.Itoa(int(info.Sys().(*syscall.Stat_t).Uid))
		if u, err := user.LookupId(id); err == nil && u.Username == name {
			return u.Username
		}
	}
	return lineage.Quote(name)
}
