package doctor

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/lineage"
	"wildcard/internal/settings"
	"wildcard/internal/system/confine"
	"wildcard/providers"
)

func settingsKinds() []Kind {
	return []Kind{
		{
			Code: FoundSettings, Severity: Error, Class: fault.Misconfigured,
			What: fault.Verbatim("%s"),
			Why:  "Without its settings a DNS service cannot be used at all.",
			Fix:  fault.Verbatim("%s"),
		},
		{
			Code: FoundEnvironment, Severity: Note,
			What: "%s: its settings are from the environment",
			Why:  "A timer has another environment than this shell, and may have no settings at all, or others.",
			Fix:  "put them into %s (mode 0600)",
		},
		{
			Code: FoundUnconfined, Severity: Note,
			What: "%s: this kernel cannot hide files from plugins",
			Why:  "A plugin is a program of others; without Landlock only permissions keep keys and passwords from it, and by the timer nothing does.",
			Fix:  "start a kernel with Landlock (5.13 or later, with landlock in lsm=)",
		},
		{
			Code: FoundSecretsOld, Severity: Note,
			What: "%s was last changed %d days ago",
			Why:  "A password that stays for years is known to all who ever had it.",
			Fix:  "change the password at the service, then in %s",
		},
		{
			Code: FoundSecretsOpen, Severity: Error, Class: fault.Misconfigured,
			What: "%s is open to others (mode %04o)",
			Why:  "Other users of this machine can read the secret in it.",
			Fix:  fault.Verbatim("chmod %s %s"),
		},
		{
			Code: FoundLogin, Severity: Error, Class: fault.Refused,
			What: fault.Verbatim("%s"),
			Why:  "No record can be made or deleted.",
			Fix:  "check user, password and tenant in %s",
		},
	}
}

// oldSecret is the age from which on a credential's file is worth a word.
const oldSecret = 2 * 365 * 24 * time.Hour

// settings opens a case's DNS services, looks at the files that the credentials are from, and logs in.
func (v *visit) settings(ctx context.Context, c Case) {
	if !v.first(append([]string{"settings", c.Settings.EnvFile}, c.Settings.SpecTexts()...)...) {
		return // another case has the same
	}
	router, err := v.Router(c.Settings)
	if fault.CodeOf(err) == fault.CodeMissing && methodOf(c) == issuance.Persist {
		v.good(c.subject(), "no credentials of a DNS service are here, and its renewals need none")
		return
	}
	if err != nil {
		for _, spec := range c.Settings.Providers {
			if file, openErr := os.Open(filepath.Join(v.Dirs.Config, spec.Name, ".env")); openErr == nil {
				_ = file.Close()
			} else if v.denied(openErr) {
				return // they may be there
			}
		}
		v.fail(FoundSettings, strings.Join(c.Settings.SpecTexts(), " "), err, remedy(err, c.Settings.Providers))
		return
	}
	for _, account := range router.Accounts {
		v.secret(account)
		if account.Source == settings.Environment && c.ours() && v.usual() && !v.container() {
			v.find(FoundEnvironment, account.Spec.String(), []any{account.Label},
				filepath.Join(v.Dirs.Config, account.Spec.Name, ".env"))
		}
		if kind := account.Spec.Name; (kind == "plugin" || kind == "lego") && !v.powers().View {
			v.find(FoundUnconfined, account.Spec.String(), []any{account.Label})
		}
		lister, lists := account.Provider.(providers.Zones)
		if !lists {
			v.good(account.Spec.String(), "%s; it cannot be asked for its zones", account.Label)
			continue
		}
		zones, err := lister.Zones(ctx, true)
		if err != nil {
			if ctx.Err() != nil {
				err = fault.Errorf(fault.CodeUnavailable, fault.Temporary, "%s: no answer in time", account.Label)
			}
			v.fail(FoundLogin, account.Label, err, cmp.Or(account.Source, account.Spec.String()))
			continue
		}
		v.good(account.Spec.String(), "%s: login works; zones: %s", account.Label, listed(zones))
	}
}

// powers are what keeps plugins from other files here.
func (v *visit) powers() confine.Powers {
	if v.Confined != nil {
		return *v.Confined
	}
	return confine.Can()
}

// remedy is the command against settings that cannot be used. What must not be trusted ends with the command itself
// (package settings).
func remedy(err error, specs []providers.Spec) string {
	if fault.CodeOf(err) == fault.CodeUnsafeFile {
		text := err.Error()
		return text[strings.LastIndex(text, ": ")+2:]
	}
	for _, spec := range specs {
		if _, err := providers.ParseSpec(spec.Name); err == nil { // else it is one that could not be read
			return "wildcard providers " + spec.Name
		}
	}
	return "wildcard providers"
}

// secret looks at the file a credential is from. Whether others can read it was found out when it was opened.
func (v *visit) secret(account providers.Account) {
	if !filepath.IsAbs(account.Source) {
		return
	}
	info, err := os.Stat(account.Source)
	if err != nil {
		return // it was there a moment ago; what opens it next says so
	}
	if age := v.now().Sub(info.ModTime()); age > oldSecret {
		v.find(FoundSecretsOld, account.Source, []any{account.Source, int(age.Hours() / 24)}, account.Source)
	}
}

// keys looks at the secrets that our programs do not open in every run: files of settings that no run uses now, private
// keys, and account keys. Group bits that an administrator gave to a key are the administrator's business.
func (v *visit) keys(dir string) {
	for pattern, mask := range map[string]fs.FileMode{
		"*/.env":                            0o077,
		"archive/*/privkey*.pem":            0o007,
		"accounts/*/*/*/private_key.json":   0o077,
		"accounts/*/*/*/*/private_key.json": 0o077,
	} {
		paths, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			continue // only a bad pattern
		}
		for _, path := range paths {
			info, err := os.Stat(path)
			if err != nil || info.Mode().Perm()&mask == 0 || !reachable(dir, path) {
				continue
			}
			who := "o-rwx"
			if mask&0o070 != 0 {
				who = "go-rwx"
			}
			v.find(FoundSecretsOpen, path, []any{path, info.Mode().Perm()}, who, lineage.Quote(path))
		}
	}
}

// secretName is what variables with a secret are called, by any of the services.
var secretName = regexp.MustCompile(`(?im)^\s*(?:export\s+)?(\w*(?:PASS|SECRET|TOKEN|KEY)\w*)=[ \t]*\S`)

// unitsFile looks at the file with the environment of our units: systemd reads it as root, also where other users can.
func (v *visit) unitsFile() {
	path := "/etc/default/wildcard"
	at := filepath.Join(v.Root, path)
	info, err := os.Stat(at)
	if err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o077 == 0 {
		return
	}
	if info.Size() > 1<<20 {
		return
	}
	text, err := os.ReadFile(at)
	tells := info.Mode().Perm()&0o022 != 0 // others could say what root's program does
	for _, found := range secretName.FindAllSubmatch(text, -1) {
		tells = tells || !strings.HasSuffix(string(found[1]), "_FILE") // which is a path
	}
	if err == nil && tells {
		v.find(FoundSecretsOpen, path, []any{path, info.Mode().Perm()}, "600", path)
	}
}

// reachable reports whether others get as far as a file below a directory: certbot's own directories for keys are 0700.
func reachable(dir, path string) bool {
	for at := filepath.Dir(path); at != dir && len(at) > len(dir); at = filepath.Dir(at) {
		if info, err := os.Stat(at); err != nil || info.Mode().Perm()&0o011 == 0 {
			return false
		}
	}
	return true
}

// listed puts the first of many names on one line.
func listed(names []string) string {
	const most = 10
	if len(names) == 0 {
		return "none"
	}
	text := strings.Join(names[:min(len(names), most)], " ")
	if len(names) > most {
		text += " …"
	}
	return text
}

// missing reports whether there is no such file.
func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
