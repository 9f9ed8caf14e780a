package foreign

import (
	"encoding/base64"
	"path/filepath"
	"slices"
	"strings"
)

// dehydrated reads the tree of dehydrated: its configuration, BASEDIR/certs/NAME and BASEDIR/accounts/B64.
func dehydrated() client {
	return client{
		name: "dehydrated", words: []string{"dehydrated"},
		places: placesOf(nil, nil,
			[]string{"etc/dehydrated/config", "usr/local/etc/dehydrated/config", "var/lib/dehydrated"}),
		is: func(path string) bool {
			if isFile(path) {
				return filepath.Base(filepath.Dir(path)) == "dehydrated" || strings.HasPrefix(filepath.Base(path), "config")
			}
			return isFile(filepath.Join(path, "config")) && !isDir(filepath.Join(path, "renewal")) ||
				isDir(filepath.Join(path, "certs")) && isDir(filepath.Join(path, "accounts"))
		},
		read: readDehydrated,
	}
}

// dehydratedTree is what is said for all certificates.
type dehydratedTree struct {
	r      *reader
	values map[string]string
	file   string // of the settings; "" is none
	dir    string // BASEDIR
	lines  map[string][]string
}

func readDehydrated(r *reader) error {
	t := &dehydratedTree{r: r, values: map[string]string{}, lines: map[string][]string{}}
	if err := t.settings(); err != nil {
		return err
	}
	if slices.Contains(r.found.read, t.dir) {
		return nil // read by another way to it
	}
	r.found.read = append(r.found.read, t.dir)
	t.domains()
	t.accounts()
	certs := filepath.Join(t.dir, "certs")
	if value := t.values["CERTDIR"]; value != "" {
		certs = r.locate(value)
	}
	for _, name := range names(certs) {
		at := filepath.Join(certs, name)
		if isFile(filepath.Join(at, "privkey.pem")) || isFile(filepath.Join(at, "cert.pem")) {
			t.certificate(at, name)
		}
	}
	return nil
}

// settings reads the configuration, and the files of CONFIG_D in order.
func (t *dehydratedTree) settings() error {
	if t.file = t.r.base; isDir(t.file) {
		if t.file = filepath.Join(t.file, "config"); !isFile(t.file) {
			t.file = ""
			for _, path := range []string{"/etc/dehydrated/config", "/usr/local/etc/dehydrated/config"} {
				if at := t.r.locate(path); t.file == "" && isFile(at) {
					t.file = at
				}
			}
		}
	}
	if t.file != "" {
		file, err := t.r.readShell(t.file, map[string]string{"SCRIPTDIR": filepath.Dir(t.file)}, false)
		if err != nil {
			return err
		}
		t.values = file.values
		if dir := t.values["CONFIG_D"]; dir != "" {
			for _, name := range names(t.r.locate(dir)) {
				if !strings.HasSuffix(name, ".sh") {
					continue
				}
				if file, err = t.r.readShell(filepath.Join(t.r.locate(dir), name), t.values, false); err == nil {
					t.values = file.values
				}
			}
		}
	}
	t.dir = t.r.folder()
	if base := t.values["BASEDIR"]; base != "" && !isDir(filepath.Join(t.r.folder(), "certs")) {
		t.dir = t.r.locate(base)
	}
	return nil
}

// domains reads domains.txt: a certificate a line, with the name of its folder behind ">".
func (t *dehydratedTree) domains() {
	var paths []string
	for _, path := range []string{t.values["DOMAINS_TXT"], "domains.txt"} {
		if path == "" {
			continue
		}
		for _, dir := range []string{filepath.Dir(t.file), t.dir} {
			if at := filepath.Join(dir, path); !filepath.IsAbs(path) && isFile(at) {
				paths = append(paths, at)
			}
		}
		if filepath.IsAbs(path) {
			paths = append(paths, t.r.locate(path))
		}
	}
	for _, path := range paths {
		for _, name := range names(path + ".d") {
			paths = append(paths, filepath.Join(path+".d", name))
		}
	}
	for _, path := range paths {
		text, _ := readFile(path) // where there is none the folders count
		for line := range strings.Lines(string(text)) {
			line, _, _ = strings.Cut(strings.ToLower(line), "#")
			line, alias, _ := strings.Cut(line, ">")
			if words := strings.Fields(line); len(words) > 0 {
				folder := words[0]
				if alias = strings.TrimSpace(alias); alias != "" {
					folder = alias
				}
				t.lines[folder] = words
			}
		}
	}
}

// accounts reads the accounts, each in a folder that is named for its directory's URL.
func (t *dehydratedTree) accounts() {
	dir := filepath.Join(t.dir, "accounts")
	if value := t.values["ACCOUNTDIR"]; value != "" {
		dir = t.r.locate(value)
	}
	for _, name := range names(dir) {
		at := filepath.Join(dir, name)
		url, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(name, "="))
		if err != nil || !isDir(at) {
			continue
		}
		a := Account{Source: at, Server: strings.TrimSpace(string(url))}
		a.Key, a.Err = readFile(filepath.Join(at, "account_key.pem"))
		var id struct{ URL string }
		if readJSON(filepath.Join(at, "account_id.json"), &id) == nil {
			a.URI = id.URL
		}
		var about struct {
			Status  string
			Contact []string
			ID      any
		}
		if readJSON(filepath.Join(at, "registration_info.json"), &about) == nil && a.Err == nil && !usable(about.Status) {
			a.Err = notUsable(about.Status)
		}
		a.Contact = strings.Join(about.Contact, " ")
		t.r.found.Accounts = append(t.r.found.Accounts, a)
	}
}

func (t *dehydratedTree) certificate(at, name string) {
	c := Certificate{Source: at, Names: t.lines[name]}
	if c.Names == nil {
		c.Lost = append(c.Lost, "domains.txt")
	}
	var err error
	if c.Chain, err = readFile(filepath.Join(at, "fullchain.pem")); err != nil {
		if c.Chain, err = readFile(filepath.Join(at, "cert.pem")); err != nil {
			c.Err = err
		}
	}
	c.Issuers, _ = readFile(filepath.Join(at, "chain.pem")) // the chain may have them
	if c.Key, err = readFile(filepath.Join(at, "privkey.pem")); err != nil {
		c.Err = err
	}
	values := t.values
	for _, path := range []string{filepath.Join(at, "config"), filepath.Join(t.r.locate(t.values["DOMAINS_D"]), name)} {
		if path != filepath.Join(t.r.folder(), name) && isFile(path) {
			if file, err := t.r.readShell(path, values, false); err == nil {
				values = file.values
			}
		}
	}
	c.Server = dehydratedCA(values["CA"])
	c.KeyType = values["KEY_ALGO"]
	if c.KeyType == "rsa" && values["KEYSIZE"] != "" {
		c.KeyType = "rsa-" + values["KEYSIZE"]
	}
	c.ReuseKey = values["PRIVATE_KEY_RENEW"] == "no"
	c.Profile, c.PreferredChain = values["ACME_PROFILE"], values["PREFERRED_CHAIN"]
	if c.Proof = values["CHALLENGETYPE"]; c.Proof == "" {
		c.Proof = "http-01"
	}
	if hook := values["HOOK"]; hook != "" {
		c.Proof += " HOOK=" + shown(hook)
		c.Lost = append(c.Lost, "HOOK "+shown(hook))
	}
	for _, key := range []string{"RENEW_DAYS", "OCSP_MUST_STAPLE", "OCSP_FETCH", "HOOK_CHAIN"} {
		if value := values[key]; value != "" && value != "no" {
			c.Lost = append(c.Lost, key+"="+value)
		}
	}
	t.byIssuer(&c)
	t.r.found.Certificates = append(t.r.found.Certificates, c)
}

// byIssuer finds the CA of a certificate that no line of domains.txt has: another configuration's, whose account stands here too. Where
// there are several servers, its settings' is only a guess.
func (t *dehydratedTree) byIssuer(c *Certificate) {
	if c.Names != nil {
		return
	}
	files := names(filepath.Dir(t.file))
	for _, name := range files {
		path := filepath.Join(filepath.Dir(t.file), name)
		if path == t.file || !strings.HasPrefix(name, "config") || !isFile(path) || t.file == "" {
			continue
		}
		file, err := t.r.readShell(path, map[string]string{"SCRIPTDIR": filepath.Dir(path)}, false)
		if err == nil && file.values["CA"] != "" && t.r.locate(file.values["BASEDIR"]) == t.dir {
			c.Server = dehydratedCA(file.values["CA"])
			if kind := file.values["KEY_ALGO"]; kind != "" {
				c.KeyType = kind
			}
		}
	}
}

// dehydratedCA is the directory that dehydrated means by a name (dehydrated 0.7.2).
func dehydratedCA(name string) string {
	switch name {
	case "":
		return "letsencrypt"
	case "letsencrypt-test":
		return "letsencrypt-staging"
	}
	return name
}
