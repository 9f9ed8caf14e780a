package lineage

import (
	"path/filepath"
	"slices"
	"strings"

	"wildcard/internal/system/subprocess"
)

// Job is a line with which cron or systemd starts a program.
type Job struct {
	File     string
	Unit     string            // of systemd; "" in a file of cron's
	Line     string            // with its variables in it; it may have secrets
	Commands [][]string        // the simple commands of the line, each in words
	Values   map[string]string // variables that the unit or the file gives it; they may be secrets
}

// Jobs are the lines of cron and systemd that have one of these words.
func (o Outside) Jobs(words ...string) (all []Job) {
	for _, pattern := range cronFiles() {
		for _, path := range o.glob(pattern) {
			if !o.cronReads(path) {
				continue
			}
			for _, line := range o.cronLines(path, words...) {
				line = strings.TrimSpace(line)
				if strings.HasPrefix(line, "#") {
					continue
				}
				all = append(all, Job{File: path, Line: line, Values: variables(o.read(path)),
					Commands: subprocess.Commands(strings.ReplaceAll(line, `\%`, "%"))})
			}
		}
	}
	for _, name := range o.unitNames() {
		u := o.readUnit(name)
		for _, start := range u.starts {
			if slices.ContainsFunc(words, func(word string) bool { return strings.Contains(start.line, word) }) {
				all = append(all, Job{File: start.file, Unit: name, Line: start.line, Commands: subprocess.Commands(start.line),
					Values: u.values})
			}
		}
	}
	return all
}

// Timer is the name of the timer that starts a service, which may name it itself (systemd.timer(5)); the service's own if none does.
func (o Outside) Timer(unit string) string {
	for _, dir := range unitDirs {
		for _, path := range o.glob(dir + "/*.timer") {
			of := strings.TrimSuffix(filepath.Base(path), ".timer") + ".service"
			for line := range strings.Lines(o.read(path)) {
				if key, value, _ := strings.Cut(strings.TrimSpace(line), "="); strings.TrimSpace(key) == "Unit" {
					of = strings.TrimSpace(value)
				}
			}
			if of == unit {
				return filepath.Base(path)
			}
		}
	}
	return unit
}
