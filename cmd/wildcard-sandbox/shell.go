package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"wildcard/internal/messages"
	"wildcard/internal/system/environ"
	"wildcard/internal/system/terminal"
)

// mark stands before the prompt of a shell in the sandbox.
const mark = "(sandbox) "

// enter prepares a shell that a person runs by its bare name at a terminal: it is said what is here, and the prompt shows where it
// is. What else is run is left as it is.
func (p *program) enter(s *sandbox) error {
	if len(p.command) != 1 || !terminal.Is(p.stdin) || !terminal.Is(p.stderr) {
		return nil
	}
	name := filepath.Base(p.command[0])
	if !slices.Contains([]string{"bash", "dash", "fish", "ksh", "mksh", "sh", "zsh"}, name) {
		return nil
	}
	p.welcome(s)
	switch name {
	default: // whose own files set no prompt
		s.environment.set = append(s.environment.set, variable{"PS1", mark + "$ "})
	case "bash": // whose own files are read first; they would replace PS1
		rc := s.folder.path("bashrc")
		p.command = append(p.command, "--rcfile", rc)
		return writeWhole(rc, "[ ! -r ~/.bashrc ] || . ~/.bashrc\nPS1="+quote(mark)+"$PS1\n")
	case "zsh":
		own := environ.Get(p.environ, "ZDOTDIR")
		if own == "" {
			own = environ.Get(p.environ, "HOME")
		}
		s.environment.set = append(s.environment.set, variable{"ZDOTDIR", string(s.folder)})
		return writeWhole(s.folder.path(".zshrc"), "ZDOTDIR="+quote(own)+
			"\n[ ! -r \"$ZDOTDIR/.zshrc\" ] || . \"$ZDOTDIR/.zshrc\"\nPS1="+quote(mark)+"$PS1\n")
	case "fish":
		p.command = append(p.command, "--init-command", "functions --copy fish_prompt sandbox_prompt; "+
			"function fish_prompt; echo -n "+quote(mark)+"; sandbox_prompt; end")
	}
	return nil
}

// welcome says what is here, what to try, and how to leave.
func (p *program) welcome(s *sandbox) {
	line := func(format messages.Text, args ...any) { fmt.Fprintln(p.errs, p.language.Sprintf(format, args...)) }
	line("A shell in the sandbox: nothing leaves this machine.")
	for _, z := range s.zones {
		line("  zone    %s (ConoHa Ver.%d.0)", z.name, z.version)
	}
	line("  CA      %s (Pebble)", s.ca.DirectoryURL())
	line("  folder  %s", s.folder)
	line("Try:")
	base := s.zones[0].name
	for _, command := range []string{
		"wildcard issue --agree-tos '*." + base + "' " + base, "wildcard list", "wildcard show " + base,
	} {
		line("  %s", command)
	}
	if s.kept {
		line("\"exit\" leaves it; the folder stays.")
		return
	}
	line("\"exit\" leaves it, and removes the folder.")
}

// dropPrograms removes the programs that were built into a folder that is kept: without the world they were for they are but 40 MB.
func (f folder) dropPrograms() {
	for _, name := range ownPrograms() {
		file := filepath.Join(f.bin(), name)
		if info, err := os.Lstat(file); err == nil && info.Mode().IsRegular() {
			_ = os.Remove(file) // it is large, not harmful
		}
	}
}
