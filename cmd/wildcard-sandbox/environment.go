package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"wildcard/internal/system/environ"
)

// variable is one NAME=VALUE of an environment.
type variable struct{ name, value string }

// environment is what the sandbox does to the environment of a command.
type environment struct {
	set  []variable // in the order in which they are printed
	path string     // folder to stand first in PATH
}

// newEnvironment is the environment that points into the folder and the world.
func newEnvironment(f folder, w *world, caller []string) environment {
	e := environment{path: f.bin(), set: []variable{
		{"WILDCARD_SANDBOX", string(f)},
		{"WILDCARD_SERVER", w.ca.DirectoryURL()},
		{"WILDCARD_CA_BUNDLE", f.root()},
		{"WILDCARD_CONFIG_DIR", f.letsencrypt()},
		{"WILDCARD_STATE_DIR", f.state()},
		{"WILDCARD_RUN_DIR", f.run()},
		{"WILDCARD_CA_CACHE", "0"}, // its CA asks the name servers themselves, so no run has to wait for it to forget
	}}
	e.set = append(e.set, w.environ()...)
	e.set = append(e.set,
		variable{"XDG_CONFIG_HOME", f.config()},
		variable{"REQUESTS_CA_BUNDLE", f.root()},
		variable{"TMPDIR", f.temporary()},
		variable{"PYTHONDONTWRITEBYTECODE", "1"},
	)
	if slices.ContainsFunc(caller, isProxy) {
		// Programs differ in which of the two spellings counts if both are set, so both say the same.
		value := "127.0.0.1,localhost,::1"
		for _, name := range []string{"no_proxy", "NO_PROXY"} {
			if before := environ.Get(caller, name); before != "" {
				value = before + "," + value
			}
		}
		e.set = append(e.set, variable{"NO_PROXY", value}, variable{"no_proxy", value})
	}
	return e
}

// isProxy reports whether a variable sends HTTP requests through a proxy.
func isProxy(text string) bool {
	name, value, _ := strings.Cut(text, "=")
	switch strings.ToUpper(name) {
	case "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY":
		return value != ""
	}
	return false
}

// leadsOut reports whether a variable that the sandbox does not set is one of ours, and so has to go.
func leadsOut(name string) bool {
	for _, prefix := range []string{"WILDCARD_", "CONOHA_", "CONOHAV3_", "CNH_"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

func (e environment) sets(name string) bool {
	return slices.ContainsFunc(e.set, func(v variable) bool { return v.name == name })
}

// searchPath is the PATH of a command.
func (e environment) searchPath(caller []string) string {
	if before := environ.Get(caller, "PATH"); before != "" {
		return e.path + string(os.PathListSeparator) + before
	}
	return e.path
}

// apply returns the environment of a command that the caller with the given environment runs.
func (e environment) apply(caller []string) []string {
	var environ []string
	for _, text := range caller {
		name, _, _ := strings.Cut(text, "=")
		if name != "PATH" && !leadsOut(name) && !e.sets(name) {
			environ = append(environ, text)
		}
	}
	for _, v := range e.set {
		environ = append(environ, v.name+"="+v.value)
	}
	return append(environ, "PATH="+e.searchPath(caller))
}

// script is the same as shell commands, for eval and ".".
func (e environment) script(caller []string) string {
	var b strings.Builder
	for _, text := range caller {
		if name, _, _ := strings.Cut(text, "="); leadsOut(name) && !e.sets(name) && isIdentifier(name) {
			fmt.Fprintf(&b, "unset %s\n", name)
		}
	}
	for _, v := range e.set {
		fmt.Fprintf(&b, "export %s=%s\n", v.name, quote(v.value))
	}
	fmt.Fprintf(&b, "export PATH=%s:\"$PATH\"\n", quote(e.path))
	return b.String()
}

// isIdentifier reports whether a shell can name the variable.
func isIdentifier(name string) bool {
	for i, r := range name {
		if r != '_' && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}

// quote returns text as one word of a POSIX shell.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
