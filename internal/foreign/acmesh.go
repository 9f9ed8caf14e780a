package foreign

import (
	"encoding/base64"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"wildcard/internal/lineage"
	"wildcard/internal/settings"
)

// acmeSh reads acme.sh's folder: account.conf, ca/HOST/PATH with the accounts, and a folder NAME or NAME_ecc for each certificate.
func acmeSh() client {
	return client{
		name: "acme.sh", words: []string{"acme.sh"},
		places: placesOf([]string{"LE_CONFIG_HOME", "LE_WORKING_DIR"}, []string{".acme.sh"},
			[]string{"acme.sh", "etc/acme.sh", "var/lib/acme.sh"}),
		is: func(path string) bool {
			return isFile(filepath.Join(path, "account.conf")) || isDir(filepath.Join(path, "ca"))
		},
		read: readAcmeSh,
	}
}

func readAcmeSh(r *reader) error {
	path := filepath.Join(r.base, "account.conf")
	all, err := readAcmeConf(path)
	if err != nil && isFile(path) {
		return err
	}
	used := map[string]bool{}
	dirs := []string{r.base}
	if home := all["CERT_HOME"]; home != "" && r.locate(home) != r.base {
		dirs = append(dirs, r.locate(home))
	}
	for _, dir := range dirs {
		for _, name := range names(dir) {
			certificate := filepath.Join(dir, name)
			domain := strings.TrimSuffix(name, "_ecc")
			if isFile(filepath.Join(certificate, domain+".cer")) || isFile(filepath.Join(certificate, domain+".conf")) {
				r.acmeShCertificate(certificate, domain, all, used)
			}
		}
	}
	r.acmeShAccounts(filepath.Join(r.base, "ca"), "", 0)
	known := []string{"ACCOUNT_EMAIL", "DEFAULT_ACME_SERVER", "CERT_HOME", "USER_PATH", "UPGRADE_HASH", "LOG_FILE",
		"LOG_LEVEL", "SYS_LOG", "NO_TIMESTAMP", "AUTO_UPGRADE", "ACCOUNT_KEY_PATH", "CA_EMAIL"}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if all[name] != "" && !slices.Contains(known, name) && !used[strings.TrimPrefix(name, "SAVED_")] {
			r.lost(strings.TrimPrefix(name, "SAVED_"), path)
		}
	}
	return nil
}

// acmeLine is an assignment of acme.sh's, which writes KEY='value' and quotes nothing within.
var acmeLine = regexp.MustCompile(`^\s*(?:export\s+)?([A-Za-z_]\w*)=(.*?)\s*$`)

// readAcmeConf reads a file of acme.sh's settings; of a key that stands twice the last counts.
func readAcmeConf(path string) (map[string]string, error) {
	text, err := readFile(path)
	if err != nil {
		return nil, err
	}
	values := map[string]string{}
	for line := range strings.Lines(strings.ReplaceAll(string(text), "\r\n", "\n")) {
		m := acmeLine.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if m == nil {
			continue
		}
		value := m[2]
		if n := len(value); n > 1 && (value[0] == '\'' || value[0] == '"') && value[n-1] == value[0] {
			value = value[1 : n-1]
		}
		encoded, ok := strings.CutPrefix(value, "__ACME_BASE64__START_")
		if ok {
			plain, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(encoded, "__ACME_BASE64__END_"))
			if err == nil {
				value = string(plain)
			}
		}
		values[m[1]] = value
	}
	return values, nil
}

// acmeShCertificate reads a certificate's folder.
func (r *reader) acmeShCertificate(dir, domain string, all map[string]string, used map[string]bool) {
	c := Certificate{Source: dir}
	path := filepath.Join(dir, domain+".conf")
	conf, err := readAcmeConf(path)
	if err != nil { // removed from acme.sh's list, or damaged
		conf = map[string]string{}
		c.Lost = append(c.Lost, filepath.Base(path))
	}
	if c.Chain, err = readFile(filepath.Join(dir, "fullchain.cer")); err != nil {
		if c.Chain, err = readFile(filepath.Join(dir, domain+".cer")); err != nil {
			c.Err = err
		}
	}
	c.Issuers, _ = readFile(filepath.Join(dir, "ca.cer")) // the chain may have them
	if c.Key, err = readFile(filepath.Join(dir, domain+".key")); err != nil {
		c.Err = err
	}
	if first := conf["Le_Domain"]; first != "" {
		c.Names = append([]string{first}, acmeList(conf["Le_Alt"])...)
	}
	c.Server = conf["Le_API"]
	c.Account = "acme.sh:" + c.Server
	c.KeyType = strings.Replace(conf["Le_Keylength"], "ec-521", "secp521r1", 1)
	c.ReuseKey = conf["Le_ForceNewDomainKey"] != "1"
	c.Profile, c.PreferredChain = conf["Le_Certificate_Profile"], conf["Le_Preferred_Chain"]
	c.PreHook, c.PostHook, c.HookFiles = conf["Le_PreHook"], conf["Le_PostHook"], []string{path}
	c.DeployHooks = acmeShDeploy(conf)
	r.acmeShProof(&c, conf, all, used)
	c.Lost = append(c.Lost, acmeShLost(conf)...)
	r.found.Certificates = append(r.found.Certificates, c)
}

func acmeList(text string) (list []string) {
	for _, part := range strings.Split(text, ",") {
		if part = strings.TrimSpace(part); part != "" && part != "no" {
			list = append(list, part)
		}
	}
	return list
}

// acmeShDeploy are the commands that do after a renewal what acme.sh does: copy, as its installcert does, and run.
func acmeShDeploy(conf map[string]string) (commands []string) {
	var steps []string
	for _, file := range [][2]string{{"Le_RealCertPath", "cert"}, {"Le_RealKeyPath", "privkey"},
		{"Le_RealCACertPath", "chain"}, {"Le_RealFullChainPath", "fullchain"}} {
		steps = append(steps, copied(file[1], conf[file[0]])...)
	}
	if reload := conf["Le_ReloadCmd"]; reload != "" {
		steps = append(steps, grouped(reload))
	}
	if len(steps) > 0 {
		commands = append(commands, strings.Join(steps, " && "))
	}
	if hook := conf["Le_RenewHook"]; hook != "" {
		commands = append(commands, hook)
	}
	return commands
}

// copied is the step of a deploy hook that writes a file of the lineage over another, whose owner and mode stay.
func copied(kind, path string) []string {
	if !filepath.IsAbs(path) {
		return nil
	}
	return []string{`cat "$RENEWED_LINEAGE/` + kind + `.pem" > ` + lineage.Quote(path)}
}

// grouped is a command that is one step of several.
func grouped(command string) string {
	if strings.ContainsAny(command, "|&;") {
		return "{ " + command + "; }"
	}
	return command
}

// acmeShProof finds the DNS service of a certificate: its words in Le_Webroot, what it logs in with in account.conf.
func (r *reader) acmeShProof(c *Certificate, conf, all map[string]string, used map[string]bool) {
	ways := acmeList(conf["Le_Webroot"])
	if len(ways) == 0 && conf["Le_Webroot"] != "" {
		ways = []string{"standalone"}
	}
	for _, way := range ways {
		if !strings.HasPrefix(way, "dns_") {
			c.Proof = way
			continue
		}
		service := acmeShServices()[way]
		if service.spec == "" {
			c.Proof = way
			continue
		}
		found := &Service{Spec: service.spec, Values: map[string]settings.Secret{}}
		for _, name := range service.noted {
			used[name] = true
		}
		for _, variable := range service.variables {
			used[variable[0]] = true
			value := all["SAVED_"+variable[0]]
			if value == "" {
				value = all[variable[0]]
			}
			if value != "" {
				found.Values[variable[1]] = settings.NewSecret(value)
			}
		}
		if c.Service == nil {
			c.Service = found
		} else if c.Service.Spec != found.Spec {
			c.Lost = append(c.Lost, "Le_Webroot "+way)
		}
	}
	if c.Service != nil {
		c.Service.complete()
	}
}

// acmeShLost are the settings of a certificate that nothing here does.
func acmeShLost(conf map[string]string) (lost []string) {
	done := []string{"Le_Domain", "Le_Alt", "Le_Webroot", "Le_API", "Le_Keylength", "Le_ForceNewDomainKey",
		"Le_Certificate_Profile", "Le_Preferred_Chain", "Le_PreHook", "Le_PostHook", "Le_RenewHook", "Le_ReloadCmd",
		"Le_RealCertPath", "Le_RealKeyPath",
		"Le_RealCACertPath", "Le_RealFullChainPath",
		// what was, not what is to be
		"Le_LinkCert", "Le_LinkOrder", "Le_OrderFinalize", "Le_CertCreateTime", "Le_CertCreateTimeStr", "Le_NextRenewTime",
		"Le_NextRenewTimeStr"}
	for _, name := range slices.Sorted(maps.Keys(conf)) {
		if value := conf[name]; value != "" && value != "no" && value != "0" && !slices.Contains(done, name) {
			lost = append(lost, name)
		}
	}
	return lost
}

// acmeShAccounts reads the accounts below ca/HOST/PATH; older trees have none of a PATH. The port of a server is not in it, so the
// server is the one whose certificates go by the account, or what the host is known for.
func (r *reader) acmeShAccounts(dir, host string, depth int) {
	for _, name := range names(dir) {
		path := filepath.Join(dir, name)
		switch {
		case name == "account.key":
			a := Account{Source: path, Host: host}
			conf, _ := readAcmeConf(filepath.Join(dir, "ca.conf")) // without it the CA is asked
			a.URI, a.Contact = conf["ACCOUNT_URL"], conf["CA_EMAIL"]
			a.Key, a.Err = readFile(path)
			var about struct{ Status string }
			if readJSON(filepath.Join(dir, "account.json"), &about) == nil && a.Err == nil && !usable(about.Status) {
				a.Err = notUsable(about.Status)
			}
			below, _ := filepath.Rel(filepath.Join(r.base, "ca"), dir)
			a.Server = r.acmeShServer(below, a.URI)
			r.found.Accounts = append(r.found.Accounts, a)
			if a.Server == "" {
				continue
			}
			for i := range r.found.Certificates {
				if r.found.Certificates[i].Account == "acme.sh:"+a.Server {
					r.found.Certificates[i].Account = a.Source
				}
			}
			for _, name := range slices.Sorted(maps.Keys(conf)) { // an account is bound once, when it is made
				if strings.HasPrefix(name, "CA_EAB_") && conf[name] != "" {
					r.lost(name, filepath.Join(dir, "ca.conf"))
				}
			}
		case isDir(path) && depth < 8:
			at := host
			if at == "" {
				at = name
			}
			r.acmeShAccounts(path, at, depth+1)
		}
	}
}

// acmeShServer is the directory of the folder HOST/PATH: as the certificates name it, else by the account's URL, which has the port.
func (r *reader) acmeShServer(below, uri string) string {
	for _, c := range r.found.Certificates {
		if acmeShFolder(c.Server) == below && (uri == "" || hostOf(uri) == hostOf(c.Server)) {
			return c.Server
		}
	}
	host, path, ok := strings.Cut(below, "/")
	if !ok || !strings.HasPrefix(hostOf(uri)+":", host+":") {
		return ""
	}
	return "https://" + hostOf(uri) + "/" + path
}

// acmeShFolder is the folder of a server below ca: its host without a port, and its path.
func acmeShFolder(server string) string {
	host, path, _ := strings.Cut(strings.TrimPrefix(server, "https://"), "/")
	name, _, _ := strings.Cut(host, ":")
	return strings.TrimSuffix(filepath.Join(name, path), "/")
}

// hostOf is the host of a URL, with its port.
func hostOf(url string) string {
	_, rest, ok := strings.Cut(url, "://")
	if !ok {
		return ""
	}
	host, _, _ := strings.Cut(rest, "/")
	return host
}
