package deploy

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"wildcard/internal/lineage"
	"wildcard/internal/messages"
	"wildcard/internal/system/subprocess"
)

// Problem is a hook that would fail, or not be run.
type Problem struct {
	Path string
	Why  error
	Next messages.Message // what to do about it
}

// Problems looks, before they are needed, at the programs in the folders, and at those that command lines begin with. One that has
// no absolute path may be a command of the shell's own, and is left to it.
func Problems(configDir string, commands []string) []Problem {
	h := &Hooks{ConfigDir: configDir}
	var all []Problem
	for _, kind := range []string{"pre", "deploy", "post"} {
		programs, _ := h.programs(kind) // one that cannot be read has none that could be run
		for _, path := range programs {
			if err := subprocess.Trusted(path); err != nil {
				text := err.Error() // which ends with the command
				all = append(all, Problem{Path: path, Why: err, Next: messages.New("%s", text[strings.LastIndex(text, ": ")+2:])})
			} else if defect := subprocess.Startable(path); defect != nil {
				all = append(all, Problem{Path: path, Why: defect.What, Next: defect.Fix})
			}
		}
	}
	for _, command := range commands {
		words := lineage.Words(command)
		if len(words) == 0 || !filepath.IsAbs(words[0]) ||
			slices.ContainsFunc(all, func(p Problem) bool { return p.Path == words[0] }) {
			continue
		}
		if problem := problemOf(words[0]); problem != nil {
			all = append(all, *problem)
		}
	}
	return all
}

func problemOf(path string) *Problem {
	problem := func(why, next messages.Message) *Problem { return &Problem{path, why, next} }
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return problem(messages.New("%s cannot be looked at: %v", path, err),
			messages.New("put it there, or correct the hook"))
	case !info.Mode().IsRegular():
		return problem(messages.New("%s is not executable", path), messages.New("correct the hook"))
	case info.Mode().Perm()&0o111 == 0:
		return problem(messages.New("%s is not executable", path), messages.New("%s", "chmod +x "+path))
	}
	if defect := subprocess.Startable(path); defect != nil {
		return problem(defect.What, defect.Fix)
	}
	return nil
}
