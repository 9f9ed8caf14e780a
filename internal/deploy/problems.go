package deploy

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"wildcard/internal/fault"
	"wildcard/internal/messages"
	"wildcard/internal/system/safepath"
	"wildcard/internal/system/subprocess"
)

// Problem is a hook that would fail, or not be run.
type Problem struct {
	Path string // of the program
	Code string // CodeUnusable or CodeUnsafe
	Why  error
	Next messages.Message // what to do about it
}

// refusal is the error of a hook that is not run.
func (p *Problem) refusal(kind, name string) error {
	return fault.Errorf(p.Code, fault.Misconfigured, "%s hook %s is not run: %w: %s", kind, name, p.Why, p.Next)
}

// Err is the problem as the error of a command line or a program.
func (p *Problem) Err(command string) error {
	return fault.Errorf(p.Code, fault.Misconfigured, "hook %s: %w", strconv.QuoteToASCII(command), p.Why).
		Advise(p.Next.Format, p.Next.Args...)
}

// Note is the problem as what a person should know.
func (p *Problem) Note() messages.Message {
	return messages.New("hook %s would fail: %v (%s)", p.Path, p.Why, p.Next)
}

// Problems looks, before they are needed, at the programs in the folders, and at those that command lines begin with, each once.
func (h *Hooks) Problems(commands []string) []Problem {
	var all []Problem
	for _, kind := range []string{"pre", "deploy", "post"} {
		programs, _ := h.programs(kind) // one that cannot be read has none that could be run
		for _, path := range programs {
			if problem := problemOf(path); problem != nil {
				all = append(all, *problem)
			}
		}
	}
	for _, command := range commands {
		problem := h.problem(command)
		if problem != nil && !slices.ContainsFunc(all, func(p Problem) bool { return p.Path == problem.Path }) {
			all = append(all, *problem)
		}
	}
	return all
}

// Check returns an error for the first of some command lines that would fail or not be run; nil if there is none.
func (h *Hooks) Check(commands []string) error {
	for _, command := range commands {
		if problem := h.problem(command); problem != nil {
			return problem.Err(command)
		}
	}
	return nil
}

// problem judges a command line by its first word, as the shell that runs it looks for that: in the root directory, and in the PATH
// that hooks get. What only the shell can tell (a variable, a pattern) is left to it.
func (h *Hooks) problem(command string) *Problem {
	name := programOf(command)
	switch {
	case name == "":
		return nil
	case strings.Contains(name, "/"):
		return problemOf(filepath.Join("/", name))
	}
	search := subprocess.SearchPath(h.Environ)
	for _, dir := range filepath.SplitList(search) {
		path := filepath.Join("/", dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0 {
			return problemOf(path)
		}
	}
	if h.ofShell(name) {
		return nil
	}
	return unusable(name, messages.New("%s is not found in the PATH that hooks get (%s)", fault.Excerpt(name), search),
		messages.New(absent))
}

// programOf is the first word of a command line that is no assignment; "" if there is none, or only a shell knows what it becomes.
func programOf(command string) string {
	all := subprocess.Commands(command)
	if len(all) == 0 {
		return ""
	}
	words := slices.DeleteFunc(all[0], func(word string) bool { return word == "exec" || word == "!" })
	for len(words) > 0 && strings.Contains(words[0], "=") {
		words = words[1:]
	}
	if len(words) == 0 || strings.ContainsAny(words[0], "$`*?[~") || strings.HasPrefix(words[0], "-") {
		return ""
	}
	return words[0]
}

// ofShell reports whether a word is a command of the shell's own, or one of its language.
func (h *Hooks) ofShell(name string) bool {
	return subprocess.Call{
		Path: "/bin/sh", Args: []string{"-c", `command -v -- "$1"`, "sh", name}, Environ: subprocess.Environment(h.Environ),
		Output: &subprocess.Lines{}, Limit: 5 * time.Second,
	}.Run(context.Background()) == nil
}

// absent is what to do about a program that is not found.
const absent = messages.Text("put it there, or correct the hook")

func unusable(path string, why, next messages.Message) *Problem {
	return &Problem{path, CodeUnusable, why, next}
}

// ProgramProblem is what is wrong with a program that a target runs; nil if nothing is.
func ProgramProblem(path string) *Problem { return problemOf(path) }

// problemOf judges a program.
func problemOf(path string) *Problem {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return unusable(path, messages.New("%s is not there", path), messages.New(absent))
	case err != nil:
		return unusable(path, messages.New("%s cannot be looked at: %v", path, err), messages.New(absent))
	case !info.Mode().IsRegular():
		return unusable(path, messages.New("%s is not executable", path), messages.New("correct the hook"))
	case info.Mode().Perm()&0o111 == 0:
		return unusable(path, messages.New("%s is not executable", path),
			messages.New("%s", "chmod +x "+subprocess.Quote(path)))
	}
	if _, err := subprocess.Trusted(path); err != nil {
		why, next := err.Error(), "ls -l "+safepath.Shown(path)
		if unsafe, ok := errors.AsType[*safepath.Error](err); ok {
			why, next = unsafe.Why, unsafe.Fix()
		}
		return &Problem{path, CodeUnsafe, messages.New("%s", why), messages.New("%s", next)}
	}
	if defect := subprocess.Startable(path); defect != nil {
		return unusable(path, defect.What, defect.Fix)
	}
	return nil
}
