package foreign

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"wildcard/internal/fault"
	"wildcard/internal/lineage"
)

// lego reads the folder of lego's version 4 or 5: certificates/ID.{crt,key,json} and accounts/HOST_PORT/ID. Its settings are in the
// line that starts it, or, of version 5, in a file.
func lego() client {
	return client{
		name: "lego", words: []string{"lego"},
		places: placesOf([]string{"LEGO_PATH"}, []string{".lego"},
			[]string{"etc/lego", "var/lib/lego", "etc/letsencrypt/lego"}),
		is: func(path string) bool {
			return isDir(filepath.Join(path, "certificates")) && isDir(filepath.Join(path, "accounts")) &&
				!isDir(filepath.Join(path, "acme"))
		},
		read: readLego,
	}
}

// legoTree is what stands beside lego's certificates.
type legoTree struct {
	r       *reader
	conf    legoConf
	file    string            // of the settings; "" is none
	servers map[string]string // by host
}

// legoConf is lego 5's file, as far as it concerns us.
type legoConf struct {
	Storage  string `yaml:"storage"`
	Accounts map[string]struct {
		Server string `yaml:"server"`
		Email  string `yaml:"email"`
	} `yaml:"accounts"`
	Servers      map[string]struct{ URL string }     `yaml:"servers"`
	Challenges   map[string]map[string]yaml.Node     `yaml:"challenges"`
	Certificates map[string]map[string]yaml.Node     `yaml:"certificates"`
	Hooks        map[string]struct{ Command string } `yaml:"hooks"`
}

// legoCertificate is an ID.json.
type legoCertificate struct {
	Domain  string   `json:"domain"`  // 4
	Domains []string `json:"domains"` // 5
	ID      string   `json:"id"`
	KeyType string   `json:"keyType"`
	Profile string   `json:"profile"`
	URL     string   `json:"certUrl"`
}

// legoAccount is an account.json of either version.
type legoAccount struct {
	ID           string `json:"id"`
	Email        string `json:"email"`
	Server       string `json:"server"`
	Registration struct {
		URI    string `json:"uri"`        // 4
		URL    string `json:"accountURL"` // 5
		Status string `json:"status"`
		Body   struct {
			Status string `json:"status"`
		} `json:"body"`
	} `json:"registration"`
}

func readLego(r *reader) error {
	t := &legoTree{r: r, servers: map[string]string{}}
	t.settings()
	t.accounts()
	for _, job := range r.jobs {
		if words := commandOf(job, "lego"); words != nil && t.ours(words) {
			if server := lastOf(option(words, "--server", "-s")); strings.Contains(server, "://") {
				t.servers[hostOf(server)] = server
			}
		}
	}
	dir := filepath.Join(r.base, "certificates")
	for _, name := range names(dir) {
		id, ok := strings.CutSuffix(name, ".crt")
		if ok && !strings.HasSuffix(id, ".issuer") {
			t.certificate(dir, id)
		}
	}
	for i := range r.found.Accounts {
		if a := &r.found.Accounts[i]; a.Server == "" && strings.HasPrefix(a.Source, r.base+"/") {
			a.Server = t.servers[a.Host]
		}
	}
	for kind, hook := range t.conf.Hooks {
		if hook.Command != "" {
			r.lost("hooks."+kind+" "+shown(hook.Command), t.file)
		}
	}
	return nil
}

// settings reads version 5's file: in the folder, in that above it, or where a job says.
func (t *legoTree) settings() {
	var paths []string
	for _, job := range t.r.jobs {
		if words := commandOf(job, "lego"); words != nil {
			for _, path := range option(words, "--config", "-c") {
				paths = append(paths, t.r.locate(path))
			}
		}
	}
	for _, dir := range []string{t.r.base, filepath.Dir(t.r.base)} {
		paths = append(paths, filepath.Join(dir, ".lego.yml"), filepath.Join(dir, ".lego.yaml"))
	}
	for _, path := range append(paths, filepath.Join(t.r.base, ".lego.bck.yaml")) {
		text, err := readFile(path)
		var conf legoConf
		if err != nil || yaml.Unmarshal(text, &conf) != nil {
			continue
		}
		if conf.Storage != "" && !t.r.isHere(conf.Storage) {
			continue
		}
		t.conf, t.file = conf, path
		break
	}
	for _, server := range t.conf.Servers {
		t.servers[hostOf(server.URL)] = server.URL
	}
}

// legoHost is the folder of an account's server: HOST_PORT.
var legoHost = regexp.MustCompile(`_(\d+)$`)

func (t *legoTree) accounts() {
	dir := filepath.Join(t.r.base, "accounts")
	for _, host := range names(dir) {
		for _, name := range names(filepath.Join(dir, host)) {
			at := filepath.Join(dir, host, name)
			if !isDir(at) {
				continue
			}
			a := Account{Source: at, Host: legoHost.ReplaceAllString(host, ":$1"), Contact: name}
			var about legoAccount
			a.Err = readJSON(filepath.Join(at, "account.json"), &about)
			a.URI = about.Registration.URI + about.Registration.URL
			if a.Server = about.Server; a.Server != "" {
				t.servers[a.Host] = a.Server
			}
			var err error
			if a.Key, err = readFile(filepath.Join(at, "keys", name+".key")); err != nil {
				if a.Key, err = readFile(filepath.Join(at, name+".key")); err != nil && a.Err == nil {
					a.Err = err
				}
			}
			if status := about.Registration.Status + about.Registration.Body.Status; a.Err == nil && !usable(status) {
				a.Err = notUsable(status)
			}
			t.r.found.Accounts = append(t.r.found.Accounts, a)
		}
	}
}

// usable reports whether an account may be used, by what its client has of the CA's word (RFC 8555 §7.1.2).
func usable(status string) bool { return status == "" || status == "valid" }

func notUsable(status string) error {
	return fault.Errorf(lineage.CodeAccount, fault.Misconfigured, "the account is %s", fault.Excerpt(status))
}

func (t *legoTree) certificate(dir, id string) {
	at := filepath.Join(dir, id)
	c := Certificate{Source: at + ".crt"}
	var about legoCertificate
	if err := readJSON(at+".json", &about); err != nil && isFile(at+".json") {
		c.Lost = append(c.Lost, filepath.Base(at+".json"))
	}
	var err error
	if c.Chain, err = readFile(at + ".crt"); err != nil {
		c.Err = err
	}
	if c.Key, err = readFile(at + ".key"); err != nil {
		c.Err = err // it was made from a CSR, perhaps
	}
	c.Issuers, _ = readFile(at + ".issuer.crt") // which --no-bundle alone makes needful
	if c.Names = about.Domains; len(c.Names) == 0 && about.Domain != "" {
		c.Names = []string{about.Domain}
	}
	c.Host, c.KeyType, c.Profile = hostOf(about.URL), about.KeyType, about.Profile
	c.Server = t.servers[c.Host]
	for _, more := range []string{".pfx", ".pem"} {
		if isFile(at + more) {
			c.Lost = append(c.Lost, filepath.Base(at+more))
		}
	}
	t.byFile(&c, id, about.ID)
	for _, job := range t.r.jobs {
		if words := commandOf(job, "lego"); words != nil && t.ours(words) && t.names(words, c.Names, id) {
			t.byJob(&c, job, words)
		}
	}
	if c.Server == "" {
		c.Server = t.servers[c.Host]
	}
	t.r.found.Certificates = append(t.r.found.Certificates, c)
}

// ours reports whether a command of lego's is about this tree: one that names another folder is not.
func (t *legoTree) ours(words []string) bool {
	paths := option(words, "--path")
	return len(paths) == 0 || t.r.isHere(lastOf(paths))
}

// names reports whether a command of lego's renews a certificate: by its first name, or by the name of its files.
func (t *legoTree) names(words, of []string, id string) bool {
	var said []string
	for _, value := range option(words, "--domains", "-d") {
		said = append(said, strings.Split(value, ",")...)
	}
	if name := lastOf(option(words, "--filename", "--cert.name")); name != "" {
		return name == id
	}
	return len(said) > 0 && len(of) > 0 && strings.EqualFold(said[0], of[0])
}

// byJob takes what a command of lego's says about a certificate.
func (t *legoTree) byJob(c *Certificate, job lineage.Job, words []string) {
	if names := option(words, "--domains", "-d"); len(c.Names) < 2 && len(names) > 0 {
		c.Names = strings.Split(strings.Join(names, ","), ",")
	}
	if server := lastOf(option(words, "--server", "-s")); server != "" && c.Server == "" {
		c.Server = server
	}
	if email := lastOf(option(words, "--email", "-m", "--account-id")); email != "" {
		c.Account = email
	}
	if name := lastOf(option(words, "--dns")); name != "" {
		c.provenByLego(name, t.r.environmentOf(job))
	}
	if kind := lastOf(option(words, "--key-type", "-k")); kind != "" {
		c.KeyType = kind
	}
	if chain := lastOf(option(words, "--preferred-chain")); chain != "" {
		c.PreferredChain = chain
	}
	if profile := lastOf(option(words, "--profile")); profile != "" {
		c.Profile = profile
	}
	if c.Service == nil {
		for _, way := range []string{"--http", "--tls", "--http.webroot"} {
			if slices.ContainsFunc(words, func(w string) bool { return w == way || strings.HasPrefix(w, way+"=") }) {
				c.Proof = strings.TrimLeft(way, "-")
			}
		}
	}
	c.ReuseKey = c.ReuseKey || slices.Contains(words, "--reuse-key")
	c.Lost = append(c.Lost, legoLost(words)...)
}

// legoLost are the options of a command that have no counterpart. Those that are there or not have no value: the word
// behind them is another option, perhaps with a secret.
func legoLost(words []string) (lost []string) {
	for _, name := range []string{"--renew-hook", "--deploy-hook", "--run-hook", "--days"} {
		for _, value := range option(words, name) {
			lost = append(lost, strings.TrimSpace(name+" "+shown(value)))
		}
	}
	for _, name := range []string{"--dynamic", "--must-staple", "--pfx"} {
		if len(option(words, name)) > 0 {
			lost = append(lost, name)
		}
	}
	return lost
}

// byFile takes what version 5's file says about a certificate: under the name of its files, or that in its .json.
func (t *legoTree) byFile(c *Certificate, id, other string) {
	said := t.conf.Certificates[id]
	if said == nil {
		said = t.conf.Certificates[other]
	}
	of := func(key string) string { return valueOf(said[key]) }
	if of("account") != "" && !strings.HasPrefix(of("account"), "FIXME") {
		c.Account = of("account")
		server := t.conf.Accounts[c.Account].Server
		if url := t.conf.Servers[server].URL; url != "" {
			server = url
		}
		if server != "" && !strings.HasPrefix(server, "FIXME") {
			c.Server = server
		}
	}
	if kind := of("keyType"); kind != "" {
		c.KeyType = kind
	}
	if profile := of("profile"); profile != "" && !strings.HasPrefix(profile, "FIXME") {
		c.Profile = profile
	}
	c.PreferredChain = of("preferredChain")
	var renew map[string]yaml.Node
	node := said["renew"]
	_ = node.Decode(&renew) // what is none has none
	reuse := valueOf(renew["reuseKey"])
	c.ReuseKey = reuse == "true"
	t.challenge(c, of("challenge"))
	done := []string{"account", "challenge", "keyType", "profile", "preferredChain", "domains", "renew",
		"enableCommonName"}
	c.Lost = append(c.Lost, unknownKeys("", said, done...)...)
	c.Lost = append(c.Lost, unknownKeys("renew.", renew, "reuseKey", "ari", "disableRandomSleep")...)
}

// challenge is how version 5 proves names: one of the file's challenges.
func (t *legoTree) challenge(c *Certificate, name string) {
	way := t.conf.Challenges[name]
	node, ok := way["dns"]
	if !ok {
		for kind := range way {
			c.Proof = kind
		}
		return
	}
	var dns map[string]yaml.Node
	if node.Decode(&dns) != nil || valueOf(dns["provider"]) == "" {
		return
	}
	c.Lost = append(c.Lost, unknownKeys("dns.", dns, "provider", "envFile")...)
	values, err := t.r.variablesOf(t.r.locate(valueOf(dns["envFile"])))
	if err != nil {
		values = secretsOf(nil) // in the environment of the job, perhaps
		for _, job := range t.r.jobs {
			if commandOf(job, "lego") != nil {
				values = t.r.environmentOf(job)
			}
		}
	}
	c.provenByLego(valueOf(dns["provider"]), values)
}

// valueOf is a value of a YAML file as it is written; "" if it is no single one.
func valueOf(node yaml.Node) string {
	if node.Kind != yaml.ScalarNode {
		return ""
	}
	return node.Value
}
