package certificates

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"wildcard/internal/fault"
	"wildcard/internal/foreign"
	"wildcard/internal/lineage"
	"wildcard/internal/messages"
	"wildcard/internal/settings"
	"wildcard/internal/system/atomicfile"
	"wildcard/internal/system/failpoint"
	"wildcard/providers"
)

// credentialsFile is an env file that a DNS service of another client becomes.
type credentialsFile struct {
	path  string
	text  settings.Secret
	there bool // it is there already, with this text
}

// serviceName is that of a DNS service that may name a folder.
var serviceName = regexp.MustCompile(`^[a-z0-9-]+$`)

// service has a lineage proven by the DNS service that it was proven by. What another client calls a service is no
// word of ours: it is looked at before a file gets its name.
func (i *importing) service(service *foreign.Service, s *lineage.Settings, got *ImportedCertificate) error {
	if !serviceName.MatchString(nameOfService(service.Spec)) {
		return cannotImport("%s is no name of a DNS service", fault.Excerpt(service.Spec))
	}
	if _, err := specWith(service.Spec, ""); err != nil {
		return err
	}
	path := ""
	if len(service.Values) > 0 {
		var err error
		if path, err = i.fileOf(service); err != nil {
			return err
		}
	} else {
		got.Notes = append(got.Notes, messages.New("the credentials of %s were not found: they belong into %s", service.Spec,
			filepath.Join(i.folderOf(service.Spec), ".env")))
	}
	spec, err := specWith(service.Spec, path)
	if err != nil {
		return err
	}
	s.Providers = []providers.Spec{spec}
	return nil
}

// fileOf is the file that has what a service is logged in with: CONFIG_DIR/SERVICE/CLIENT.env, with a number if another one has that name.
func (i *importing) fileOf(service *foreign.Service) (string, error) {
	text, err := settings.EnvText(service.Values)
	if err != nil {
		return "", err
	}
	secret := settings.NewSecret(text)
	for n := 1; ; n++ {
		name := i.found.Client + ".env"
		if n > 1 {
			name = fmt.Sprintf("%s-%d.env", i.found.Client, n)
		}
		path := filepath.Join(i.folderOf(service.Spec), name)
		at := slices.IndexFunc(i.files, func(f credentialsFile) bool { return f.path == path })
		switch {
		case at >= 0 && i.files[at].text == secret:
			return path, nil
		case at >= 0:
			continue
		}
		if _, err := os.Lstat(path); err == nil {
			there, _, err := atomicfile.Read(path, int64(len(text)))
			if err != nil || string(there) != text {
				continue // another one's
			}
			i.files = append(i.files, credentialsFile{path, secret, true})
			return path, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", fault.Errorf(CodeImport, fault.Misconfigured, "%w", err)
		}
		i.files = append(i.files, credentialsFile{path, secret, false})
		return path, nil
	}
}

func (i *importing) paths() (paths []string) {
	for _, f := range i.files {
		paths = append(paths, f.path)
	}
	return paths
}

// writeFiles writes the env files that are not there, each whole.
func (i *importing) writeFiles() error {
	for _, f := range i.files {
		if f.there {
			continue
		}
		if err := writeCredentials(f); err != nil {
			return fault.Errorf(CodeImport, fault.Failed, "write %s: %w", f.path, err)
		}
	}
	return nil
}

func writeCredentials(f credentialsFile) error {
	dir := filepath.Dir(f.path)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		if err := failpoint.Do("import", "mkdir", func() error { return os.MkdirAll(dir, 0o700) }); err != nil {
			return err
		}
	}
	file, err := atomicfile.Create("import", f.path)
	if err != nil {
		return err
	}
	return atomicfile.PutDurably("import", file, f.path, []byte(f.text.Reveal()), 0o600)
}
