package certificates

import (
	"os"
	"path/filepath"
	"strings"

	"wildcard/internal/lineage"
	"wildcard/internal/messages"
	"wildcard/internal/settings"
	"wildcard/providers"
	"wildcard/providers/builtin"
)

// hookLines are the command lines with which certbot can renew a lineage, should it have to: absolute, and with all that
// is not as by default, since certbot tells its hooks nothing of it. They are empty if certbot's hooks cannot do it.
func hookLines(dirs settings.Directories, s lineage.Settings) (auth, cleanup string) {
	if withoutHooks(s) != nil {
		return "", ""
	}
	var args []string
	add := func(flag, value string) {
		if value != "" {
			args = append(args, "--"+flag, lineage.Quote(value))
		}
	}
	if len(s.Providers) != 1 || s.Providers[0] != (providers.Spec{Name: "conoha"}) {
		for _, spec := range s.Providers {
			add("provider", spec.String())
		}
	}
	add("env-file", s.EnvFile)
	if dirs.Config != "/etc/letsencrypt" {
		add("config-dir", dirs.Config)
	}
	if dirs.State != "/var/lib/wildcard" {
		add("state-dir", dirs.State)
	}
	add("resolver", strings.Join(s.Resolvers, ","))
	add("nameserver", strings.Join(s.NameServers, ","))
	add("extra-wait", s.ExtraWait)
	add("ca-cache", s.CACache)
	line := func(program string) string {
		return strings.Join(append([]string{lineage.Quote(hookProgram(program))}, args...), " ")
	}
	return line("wildcard-auth-hook"), line("wildcard-cleanup-hook")
}

// hookProgram is the absolute path of one of our hooks: beside this program, or where packages put it.
func hookProgram(name string) string {
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), name)
		if info, err := os.Stat(beside); err == nil && info.Mode().IsRegular() {
			return beside
		}
	}
	for _, dir := range []string{"/usr/local/bin", "/usr/bin"} {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path
		}
	}
	return "/usr/bin/" + name
}

// CertbotCannot says why certbot cannot renew a lineage of ours as we do; nil if it can.
func CertbotCannot(s lineage.Settings) error {
	if s.Profile != "" {
		return messages.New("certbot knows no profiles before 4.1")
	}
	return withoutHooks(s)
}

// withoutHooks says why certbot's hooks cannot write the records of a lineage; nil if they can.
func withoutHooks(s lineage.Settings) error {
	for _, spec := range s.Providers {
		if _, ok := builtin.Registry()[spec.Name]; !ok {
			return messages.New("its provider %s is not known", spec)
		}
		switch spec.Name {
		case "lego", "plugin", "exec", "manual", "certbot-hook":
			return messages.New("certbot's hooks cannot use the provider %s", spec)
		}
	}
	return nil
}

// SettingsOfHook reads the settings from the command line of an auth hook: ours, or a script that has its credentials beside it.
func SettingsOfHook(line, configDir string) lineage.Settings {
	var s lineage.Settings
	words := lineage.Words(line)
	if len(words) == 0 {
		return s
	}
	if filepath.Base(words[0]) != "wildcard-auth-hook" {
		s.EnvFile = besideScript(words, configDir)
		return s
	}
	for i := 1; i < len(words); i++ {
		name, value, inline := strings.Cut(strings.TrimLeft(words[i], "-"), "=")
		set := hookOptions()[name]
		if set == nil {
			continue // -v, and what is none of ours
		}
		if !inline && i+1 < len(words) {
			i++
			value = words[i]
		}
		set(&s, value)
	}
	return s
}

// hookOptions are the options of our hooks that a lineage keeps. The others say where files are, or how much is logged.
func hookOptions() map[string]func(s *lineage.Settings, value string) {
	return map[string]func(*lineage.Settings, string){
		"provider":   func(s *lineage.Settings, value string) { s.Providers = append(s.Providers, lineage.ReadSpec(value)) },
		"env-file":   func(s *lineage.Settings, value string) { s.EnvFile = value },
		"resolver":   func(s *lineage.Settings, value string) { s.Resolvers = strings.Split(value, ",") },
		"nameserver": func(s *lineage.Settings, value string) { s.NameServers = strings.Split(value, ",") },
		"extra-wait": func(s *lineage.Settings, value string) { s.ExtraWait = value },
		"ca-cache":   func(s *lineage.Settings, value string) { s.CACache = value },
		"config-dir": func(*lineage.Settings, string) {},
		"state-dir":  func(*lineage.Settings, string) {},
	}
}

// besideScript is the file with the credentials of a shell script, which has them beside it, in .env or conoha_id; "" where our
// own usual place has some.
func besideScript(words []string, configDir string) string {
	if _, err := os.Stat(filepath.Join(configDir, "conoha", ".env")); err == nil {
		return ""
	}
	for _, word := range words {
		for _, name := range []string{".env", "conoha_id"} {
			path := filepath.Join(filepath.Dir(word), name)
			if info, err := os.Stat(path); filepath.IsAbs(word) && err == nil && info.Mode().IsRegular() {
				return path
			}
		}
	}
	return ""
}
