package foreign

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// getssl reads getssl's folder: getssl.cfg for all, NAME/getssl.cfg with NAME.crt, chain.crt and NAME.key for each certificate.
func getssl() client {
	return client{
		name: "getssl", words: []string{"getssl"},
		places: placesOf(nil, []string{".getssl"}, []string{"etc/getssl"}),
		is:     func(path string) bool { return isFile(filepath.Join(path, "getssl.cfg")) && !isFile(path+"/chain.crt") },
		read:   readGetssl,
	}
}

func readGetssl(r *reader) error {
	path := filepath.Join(r.base, "getssl.cfg")
	all, err := r.readShell(path, map[string]string{"WORKING_DIR": r.base}, false)
	if err != nil {
		return err
	}
	keys := map[string]string{} // servers by the file of an account's key
	for _, name := range names(r.base) {
		dir := filepath.Join(r.base, name)
		if !isFile(filepath.Join(dir, "getssl.cfg")) {
			continue
		}
		known := maps.Clone(all.values)
		known["DOMAIN"], known["DOMAIN_DIR"] = name, dir
		file, err := r.readShell(filepath.Join(dir, "getssl.cfg"), known, false)
		if err != nil {
			r.found.Certificates = append(r.found.Certificates, Certificate{Source: dir, Err: err})
			continue
		}
		account := getsslAccount(r, file.values)
		keys[account] = getsslServer(file.values["CA"])
		for _, kind := range []string{"", ".ec"} { // DUAL_RSA_ECDSA has both
			if isFile(filepath.Join(dir, name+kind+".crt")) {
				r.getsslCertificate(dir, name, kind, file, account)
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		a := Account{Source: key, Server: keys[key], Contact: all.values["ACCOUNT_EMAIL"]}
		a.Key, a.Err = readFile(key)
		r.found.Accounts = append(r.found.Accounts, a)
	}
	known := []string{"CA", "ACCOUNT_EMAIL", "ACCOUNT_KEY", "ACCOUNT_KEY_LENGTH", "ACCOUNT_KEY_TYPE", "PRIVATE_KEY_ALG",
		"DOMAIN_KEY_LENGTH", "REUSE_PRIVATE_KEY", "RELOAD_CMD", "PROFILE", "PREFERRED_CHAIN", "ARI_ENABLE", "WORKING_DIR",
		"VALIDATE_VIA_DNS", "AGREEMENT"}
	for _, name := range all.order {
		if !slices.Contains(known, name) && all.values[name] != "" {
			r.lost(name, path)
		}
	}
	return nil
}

// getsslAccount is the file of the account's key.
func getsslAccount(r *reader, values map[string]string) string {
	if key := values["ACCOUNT_KEY"]; key != "" {
		return r.locate(key)
	}
	return filepath.Join(r.base, "account.key")
}

// getsslServer is the directory; getssl's own is Let's Encrypt's staging service, and it takes a URL without /directory.
func getsslServer(url string) string {
	switch {
	case url == "":
		return "letsencrypt-staging"
	case strings.Contains(url, ".letsencrypt.org") && !strings.HasSuffix(url, "/directory"):
		return strings.TrimRight(url, "/") + "/directory"
	}
	return url
}

func (r *reader) getsslCertificate(dir, name, kind string, file shellFile, account string) {
	values := file.values
	c := Certificate{Source: filepath.Join(dir, name+kind+".crt"), Account: account,
		HookFiles: []string{filepath.Join(r.base, "getssl.cfg"), filepath.Join(dir, "getssl.cfg")}}
	var err error
	if c.Chain, err = readFile(c.Source); err != nil {
		c.Err = err
	}
	c.Issuers, _ = readFile(filepath.Join(dir, "chain"+kind+".crt")) // without it no chain is whole, which is told
	if c.Key, err = readFile(filepath.Join(dir, name+kind+".key")); err != nil {
		c.Err = err
	}
	more := strings.FieldsFunc(values["SANS"], func(c rune) bool { return c == ',' || c == ' ' })
	c.Names = append([]string{name}, more...)
	if values["IGNORE_DIRECTORY_DOMAIN"] == "true" {
		c.Names = c.Names[1:]
	}
	c.Server, c.Profile, c.PreferredChain = getsslServer(values["CA"]), values["PROFILE"], values["PREFERRED_CHAIN"]
	c.KeyType, c.ReuseKey = values["PRIVATE_KEY_ALG"], values["REUSE_PRIVATE_KEY"] != "false"
	if c.KeyType == "rsa" && values["DOMAIN_KEY_LENGTH"] != "" {
		c.KeyType = "rsa-" + values["DOMAIN_KEY_LENGTH"]
	}
	if c.Proof = "http-01"; values["VALIDATE_VIA_DNS"] == "true" {
		c.Proof = strings.TrimSpace("dns-01 " + shown(values["DNS_ADD_COMMAND"]))
	}
	c.DeployHooks, c.Lost = getsslDeploy(file)
	done := []string{"SANS", "CA", "PRIVATE_KEY_ALG", "DOMAIN_KEY_LENGTH", "REUSE_PRIVATE_KEY", "PROFILE",
		"PREFERRED_CHAIN", "VALIDATE_VIA_DNS", "ACCOUNT_KEY", "ACCOUNT_EMAIL", "RELOAD_CMD",
		"DOMAIN_CERT_LOCATION", "DOMAIN_KEY_LOCATION",
		"CA_CERT_LOCATION", "DOMAIN_CHAIN_LOCATION", "DOMAIN_PEM_LOCATION", "IGNORE_DIRECTORY_DOMAIN"}
	for _, key := range file.order {
		if !slices.Contains(done, key) && values[key] != "" {
			c.Lost = append(c.Lost, key)
		}
	}
	r.found.Certificates = append(r.found.Certificates, c)
}

// getsslDeploy is what getssl does after a renewal as a command: the copies, then the reloads.
func getsslDeploy(file shellFile) (commands, lost []string) {
	var steps []string
	for _, at := range [][2]string{{"DOMAIN_CERT_LOCATION", "cert"}, {"DOMAIN_KEY_LOCATION", "privkey"},
		{"CA_CERT_LOCATION", "chain"}, {"DOMAIN_CHAIN_LOCATION", "fullchain"}} {
		for _, path := range strings.Split(file.values[at[0]], ";") {
			step := copied(at[1], strings.TrimSpace(path))
			if steps = append(steps, step...); step == nil && path != "" {
				lost = append(lost, at[0])
			}
		}
	}
	if file.values["DOMAIN_PEM_LOCATION"] != "" {
		lost = append(lost, "DOMAIN_PEM_LOCATION (--combined)")
	}
	reloads := file.lists["RELOAD_CMD"]
	if reloads == nil && file.values["RELOAD_CMD"] != "" {
		reloads = []string{file.values["RELOAD_CMD"]}
	}
	for _, reload := range reloads {
		if strings.HasPrefix(reload, "ssh:") {
			lost = append(lost, "RELOAD_CMD")
			continue
		}
		steps = append(steps, grouped(reload))
	}
	if len(steps) == 0 {
		return nil, lost
	}
	return []string{strings.Join(steps, " && ")}, lost
}
