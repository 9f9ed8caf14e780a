package certificates

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"wildcard/internal/deploy"
	"wildcard/internal/fault"
	"wildcard/internal/lineage"
	"wildcard/internal/messages"
	"wildcard/internal/settings"
)

// output is a file that a certificate is written into, with its key, after each renewal.
type output struct {
	path     string
	password string // path of the file with its password; "" if it has none

	text func(set lineage.Set, password string) ([]byte, error)
}

// outputsOf are the files of a lineage, in the order in which they are written.
func outputsOf(m *Manager, s lineage.Settings) (all []output) {
	add := func(path, password string, text func(lineage.Set, string) ([]byte, error)) {
		if path != "" {
			all = append(all, output{path, password, text})
		}
	}
	password := func(path string) string {
		if s.Password != "" {
			return s.Password
		}
		return path + ".password"
	}
	add(s.Combined, "", func(set lineage.Set, _ string) ([]byte, error) { return set.Combined() })
	add(s.PKCS12, password(s.PKCS12), func(set lineage.Set, password string) ([]byte, error) {
		return deploy.PKCS12(set, password, s.Legacy)
	})
	add(s.JKS, password(s.JKS), func(set lineage.Set, password string) ([]byte, error) {
		return deploy.JKS(set, password, m.now())
	})
	return all
}

// write writes the files. The first that cannot be ends it, as no hook is to run then.
func (d deployment) write(s lineage.Settings) error {
	outputs := outputsOf(d.m, s)
	if len(outputs) == 0 {
		return nil
	}
	set, err := d.l.Set()
	if err != nil {
		return err
	}
	for _, o := range outputs {
		password := ""
		if o.password != "" {
			if password, err = readPassword(d.m, o.password); err != nil {
				return err
			}
		}
		text, err := o.text(set, password)
		if err != nil {
			return err
		}
		if err := d.m.Store.Export(o.path, text); err != nil {
			return err
		}
	}
	return nil
}

// readPassword reads the password of a key store; where its file is not there, it is made, with a new one in it. Certificates may share
// one.
func readPassword(m *Manager, path string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	sources := settings.FromProcess(m.options.Program, m.options.Environ, "", m.options.Dirs.Config)
	secret, err := sources.ReadSecretFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		made := rand.Text()
		if err := m.Store.Export(path, []byte(made+"\n")); err != nil {
			return "", err
		}
		m.note("the password of the key store is in %s", path)
		return made, nil
	}
	if err != nil {
		return "", err
	}
	password := strings.TrimRight(secret.Reveal(), "\r\n")
	if err := deploy.CheckPassword(password); err != nil {
		return "", fault.Errorf(fault.CodeOf(err), fault.Misconfigured, "%s: %w", path, err)
	}
	return password, nil
}

// Files are those that a certificate is written into after each renewal, beside the lineage's own: absolute paths.
type Files struct {
	Combined Choice[string] // key and chain
	PKCS12   Choice[string] // key store
	JKS      Choice[string] // key store of Java's own form
	Password Choice[string] // of both key stores; "" is the key store's path with .password behind it
	Legacy   Choice[bool]   // PKCS #12 with encryption that old Java and Windows can read
}

// apply puts the files that a request wants over those that are stored.
func (f Files) apply(s *lineage.Settings) error {
	s.Combined, s.PKCS12, s.JKS = text(f.Combined, s.Combined), text(f.PKCS12, s.PKCS12), text(f.JKS, s.JKS)
	s.Password = text(f.Password, s.Password)
	s.Legacy = f.Legacy.Over(s.Legacy, s.PKCS12 != "")
	if s.PKCS12 == "" && s.Legacy {
		return fault.Errorf(fault.CodeUsage, fault.Usage, "%w", messages.New("--legacy is about --pkcs12"))
	}
	if s.PKCS12 == "" && s.JKS == "" && s.Password != "" {
		return fault.Errorf(fault.CodeUsage, fault.Usage, "%w", messages.New("--password-file is about --pkcs12 and --jks"))
	}
	var paths []string
	for _, path := range []string{s.Combined, s.PKCS12, s.JKS, s.Password} {
		if path != "" && slices.Contains(paths, path) {
			return fault.Errorf(fault.CodeUsage, fault.Usage, "%w", messages.New("%s is to be two files at once", path))
		}
		paths = append(paths, path)
	}
	return nil
}
