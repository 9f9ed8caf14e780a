package main

import (
	"path/filepath"
	"slices"
	"strings"

	"wildcard/internal/fault"
	"wildcard/providers"
)

// guard refuses command lines that name a way out of the sandbox.
type guard struct {
	folder         folder
	server         string   // URL of the ACME directory
	dnsServers     []string // ip:port of resolvers and name servers
	systemSettings string   // certbot's file for the whole machine: /etc/letsencrypt/cli.ini
}

// Programs that start another one: the command that counts is the first of ours or certbot's in their arguments.
func isLauncher(name string) bool {
	return slices.Contains([]string{"env", "nice", "ionice", "nohup", "setsid", "stdbuf", "strace", "time", "timeout"},
		name)
}

// Programs that start another one without the caller's environment.
func dropsEnvironment(name string) bool {
	return slices.Contains([]string{"sudo", "doas", "su", "runuser", "pkexec", "run0", "systemd-run"}, name)
}

func isCertbot(name string) bool {
	return slices.Contains([]string{"certbot", "certbot-auto", "letsencrypt", "letsencrypt-auto"}, name)
}

func isOurs(name string) bool { return name == "wildcard" || strings.HasPrefix(name, "wildcard-") }

// names are the names under which a program may be known: what was typed and, through symbolic links, the file's own.
func names(program string) []string {
	all := []string{filepath.Base(program)}
	if file, err := filepath.EvalSymlinks(program); err == nil {
		all = append(all, filepath.Base(file))
	}
	return all
}

// check returns an error if a command, whose program is in the given file, would act outside of the sandbox.
func (g guard) check(file string, command []string) error {
	known := append(names(command[0]), names(file)...)
	if slices.ContainsFunc(known, isLauncher) {
		for i, word := range command[1:] {
			if base := filepath.Base(word); isCertbot(base) || isOurs(base) || dropsEnvironment(base) {
				return g.check(word, command[i+1:])
			}
		}
	}
	switch {
	case slices.ContainsFunc(known, dropsEnvironment):
		return usage("%s does not hand the sandbox's environment on: run wildcard-sandbox itself as the user you want", known[0])
	case slices.ContainsFunc(known, isCertbot):
		return g.checkCertbot(command[1:])
	case slices.ContainsFunc(known, isOurs):
		return g.checkOurs(command)
	}
	return nil
}

// checkOurs looks at the flags of one of our own programs: -name value, -name=value, and the same with two hyphens. A flag's
// value that looks like a flag is looked at too, so nothing hides behind a flag that is not known here.
func (g guard) checkOurs(command []string) error {
	program, args := filepath.Base(command[0]), command[1:]
	for i, arg := range args {
		if arg == "--" {
			break
		}
		if !strings.HasPrefix(arg, "-") {
			continue
		}
		name, value, joined := strings.Cut(strings.TrimPrefix(arg[1:], "-"), "=")
		if !joined && i+1 < len(args) {
			value = args[i+1]
		}
		if !g.allows(name, value) {
			return usage("%s: --%s %s leads out of the sandbox, whose own settings are in the environment: leave it out",
				program, name, fault.Excerpt(value))
		}
	}
	return nil
}

// allows reports whether a flag of our programs stays in the sandbox.
func (g guard) allows(flag, value string) bool {
	switch flag {
	case "server":
		return value == g.server
	case "config-dir", "state-dir", "env-file":
		return g.folder.contains(value)
	case "nameserver", "resolver":
		for _, server := range strings.Split(value, ",") {
			if !slices.Contains(g.dnsServers, server) {
				return false
			}
		}
	case "provider":
		spec, err := providers.ParseSpec(value)
		return err == nil && spec.Name == "conoha" && (spec.EnvFile == "" || g.folder.contains(spec.EnvFile))
	}
	return true
}
