package certificates

import (
	"context"
	"crypto/x509"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"wildcard/internal/deploy"
	"wildcard/internal/fault"
	"wildcard/internal/foreign"
	"wildcard/internal/issuance"
	"wildcard/internal/lineage"
	"wildcard/internal/messages"
	"wildcard/internal/system/safepath"
	"wildcard/providers"
)

// ImportRequest says what is to be taken over from another ACME client.
type ImportRequest struct {
	Client      string   // one of [foreign.Clients]
	Path        string   // its folder or file; "" is where it is usual
	DryRun      bool     // only say what would come
	Servers     []string // URLs of directories, for what does not say which CA it is of
	CABundle    Choice[string]
	DNS         DNS      // firm, for all; else for what does not say
	DeployHooks []string // that each certificate gets beside what it has
}

// Imported is what came of another client's things, or would come.
type Imported struct {
	*foreign.Found // what of it has no counterpart, what renews it now

	Certificates []ImportedCertificate
	Accounts     []ImportedAccount
	Files        []string // of credentials
}

// ImportOutcome is what became of one thing of another client's.
type ImportOutcome string

// The outcomes.
const (
	ImportDone  ImportOutcome = "imported"
	ImportThere ImportOutcome = "there" // it came before
	ImportNot   ImportOutcome = "not imported"
)

// ImportedCertificate is a certificate of another client's, and what it is here.
type ImportedCertificate struct {
	Source   string
	Lineage  string // its name; "" if it is not imported
	Names    []string
	NotAfter time.Time
	Server   string
	Account  string // URL; "" if there is none
	Provider string // as --provider has it
	Outcome  ImportOutcome
	Err      error
	Lost     []string // settings of it that have no counterpart
	Notes    []messages.Message

	end      string // as in [foreign.Certificate]
	set      lineage.Set
	params   lineage.Params
	settings lineage.Settings
}

// ImportedAccount is an account of another client's.
type ImportedAccount struct {
	Source  string
	ID      string
	URI     string
	Server  string
	Outcome ImportOutcome
	Err     error

	account lineage.Account
	from    foreign.Account
}

// importing is one call of Import.
type importing struct {
	m      *Manager
	r      ImportRequest
	found  *foreign.Found
	got    Imported
	files  []credentialsFile
	pool   []*x509.Certificate
	stored []*lineage.Lineage
	taken  []string // names of lineages to be
}

// Import takes over what another ACME client has: certificates with their keys become lineages of ours, accounts are certbot's from then
// on, and what its DNS services are logged in with becomes env files. The client's own files stay as they are, and so does what renews them.
// Each thing comes whole or not at all; one that came before is not taken twice, so that a run after one that was killed
// does the rest. What cannot come says why, and is no reason not to take the others.
func (m *Manager) Import(ctx context.Context, r ImportRequest) (Imported, error) {
	if err := m.hooks.Check(r.DeployHooks); err != nil {
		return Imported{}, err
	}
	found, err := foreign.Read(r.Client, r.Path, foreign.Machine{Root: m.options.Root, Environ: m.options.Environ})
	if err != nil {
		return Imported{}, err
	}
	i := &importing{m: m, r: r, found: found, pool: poolOf(found)}
	i.got.Found = found
	if !r.DryRun {
		if err := m.Store.Preflight(nil); err != nil {
			return Imported{}, err
		}
	}
	for l, err := range m.Store.All() {
		if err == nil {
			i.stored = append(i.stored, l)
		}
	}
	i.accounts(ctx)
	for _, c := range i.chosen() {
		i.got.Certificates = append(i.got.Certificates, i.certificate(c))
	}
	i.got.Files = i.paths()
	i.ends()
	if r.DryRun {
		return i.got, context.Cause(ctx)
	}
	return i.got, i.write(ctx)
}

// chosen are the certificates that are looked at: Caddy keeps one of each CA that it ever asked for a name, and uses one.
func (i *importing) chosen() (chosen []foreign.Certificate) {
	if i.found.Client != "caddy" {
		return i.found.Certificates
	}
	better := func(a, b foreign.Certificate) bool {
		x, errX := setOf(a, i.pool)
		y, errY := setOf(b, i.pool)
		switch {
		case errX != nil || errY != nil:
			return errX == nil
		case isForTries(a.Server, x.leaf) != isForTries(b.Server, y.leaf):
			return !isForTries(a.Server, x.leaf)
		}
		return x.leaf.NotAfter.After(y.leaf.NotAfter)
	}
	for _, c := range i.found.Certificates {
		at := slices.IndexFunc(chosen, func(o foreign.Certificate) bool { return sameNames(o.Names, c.Names) })
		switch {
		case at < 0 || len(c.Names) == 0:
			chosen = append(chosen, c)
		case better(c, chosen[at]):
			c.Lost = append(c.Lost, chosen[at].Source)
			chosen[at] = c
		default:
			chosen[at].Lost = append(chosen[at].Lost, c.Source)
		}
	}
	return chosen
}

// certificate finds out what becomes of a certificate, and writes nothing.
func (i *importing) certificate(c foreign.Certificate) ImportedCertificate {
	got := ImportedCertificate{Source: c.Source, Names: c.Names, Lost: c.Lost, Outcome: ImportNot, end: c.End}
	p, err := setOf(c, i.pool)
	if p.leaf != nil {
		got.NotAfter = p.leaf.NotAfter
		if names, err := namesOf(p.leaf, c.Names); err == nil {
			got.Names = names
		}
	}
	if err == nil {
		got.Names, err = namesOf(p.leaf, c.Names)
	}
	if err == nil {
		got.Server, err = i.server(c.Server, c.Host, p.leaf)
	}
	if err != nil {
		got.Err = err
		return got
	}
	got.set = p.set
	if l := i.there(c, p.leaf); l != nil {
		got.Lineage, got.Outcome = l.Name, ImportThere
		return got
	}
	i.account(c, &got)
	files := len(i.files)
	if err = i.settings(c, p, &got); err == nil {
		got.Lineage, err = lineage.NameFor(got.Names)
	}
	if err == nil {
		got.Lineage, err = i.m.Store.NextName(got.Lineage, i.taken)
	}
	if err == nil {
		err = i.m.Store.Free(got.Lineage)
	}
	if err != nil {
		i.files = i.files[:files] // nothing that comes names those that it would have had
		got.Lineage, got.Err = "", err
		return got
	}
	i.taken = append(i.taken, got.Lineage)
	got.Outcome = ImportDone
	i.remarks(c, p, &got)
	return got
}

// ends says what ends the renewals that the client does by itself.
func (i *importing) ends() {
	for _, c := range i.got.Certificates {
		if c.end != "" && c.Outcome != ImportNot {
			live := filepath.Join(i.m.Store.Dir(), "live", c.Lineage)
			i.found.Renewals = append(i.found.Renewals, foreign.Renewal{Line: c.Source,
				End: strings.ReplaceAll(c.end, "%[1]s", live)})
		}
	}
}

// there is the lineage that a certificate became before; nil if there is none.
func (i *importing) there(c foreign.Certificate, leaf *x509.Certificate) *lineage.Lineage {
	for _, l := range i.stored {
		s, _ := l.Conf.Settings()
		if s.Imported == c.Source && s.Imported != "" || l.Leaf != nil && l.Leaf.Equal(leaf) {
			return l
		}
	}
	return nil
}

// settings are those that a certificate is renewed with from now on.
func (i *importing) settings(c foreign.Certificate, p parsedSet, got *ImportedCertificate) error {
	s, params := &got.settings, &got.params
	s.Domains, s.Imported, s.Profile = got.Names, c.Source, c.Profile
	s.CABundle = i.r.CABundle.Value
	if c.Service != nil && !i.r.DNS.Providers.Firm {
		if err := i.service(c.Service, s, got); err != nil {
			return err
		}
	}
	if err := i.r.DNS.Over(s); err != nil {
		return err
	}
	got.Provider = strings.Join(s.SpecTexts(), " ")
	params.Server, params.PreferredChain, params.ReuseKey = got.Server, c.PreferredChain, c.ReuseKey
	setKeyType(params, keyTypeFor(c, p, got))
	var hooks []string
	if why := i.hooksRefused(c); why == nil {
		params.PreHook, params.PostHook = c.PreHook, c.PostHook
		hooks = slices.Clone(c.DeployHooks)
	} else {
		got.Notes = append(got.Notes,
			messages.New("its hooks are not taken over: %s; --deploy-hook gives renewals one", messages.OneLine(why.Error())))
	}
	if hooks = append(hooks, i.r.DeployHooks...); len(hooks) > 0 {
		params.DeployHook, s.DeployHooks = hooks[0], hooks[1:]
	}
	params.AuthHook, params.CleanupHook = hookLines(i.m.options.Dirs, *s)
	conf, err := lineage.ParseConf(nil)
	if err == nil {
		err = got.change(conf) // what no .conf can have is found before anything is written
	}
	return err
}

// change writes the settings of a lineage to be.
func (c *ImportedCertificate) change(conf *lineage.Conf) error {
	if err := conf.SetParams(c.params); err != nil {
		return err
	}
	return conf.SetSettings(c.settings)
}

// hooksRefused is why the commands of a certificate are not run here: others may change a file that has them, or no .conf can.
func (i *importing) hooksRefused(c foreign.Certificate) error {
	commands := append([]string{c.PreHook, c.PostHook}, c.DeployHooks...)
	all := strings.Join(commands, "")
	switch {
	case all == "":
		return nil
	case strings.ContainsFunc(all, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return cannotImport("%s has one of several lines", strings.Join(c.HookFiles, ", "))
	}
	for _, path := range c.HookFiles {
		if _, err := safepath.Look(path, safepath.File); err != nil {
			return err
		}
	}
	for _, problem := range i.m.hooks.Problems(commands) {
		if problem.Code == deploy.CodeUnsafe {
			return problem.Err(problem.Path)
		}
	}
	return nil
}

// keyTypeFor is the kind of key that renewals get: what the client makes, else what is there.
func keyTypeFor(c foreign.Certificate, p parsedSet, got *ImportedCertificate) issuance.KeyType {
	kind := strings.Replace(strings.ToLower(c.KeyType), "prime256v1", "secp256r1", 1)
	if kind != "" {
		if t, err := issuance.ParseKeyType(kind); err == nil {
			return t
		}
	}
	t, same := nearestType(p.key)
	if !same || kind != "" {
		got.Notes = append(got.Notes, messages.New("such keys are not made here: renewals get %s", string(t)))
	}
	return t
}

// remarks says what a person should know of a certificate that comes.
func (i *importing) remarks(c foreign.Certificate, p parsedSet, got *ImportedCertificate) {
	note := func(format messages.Text, args ...any) { got.Notes = append(got.Notes, messages.New(format, args...)) }
	if isForTries(got.Server, p.leaf) {
		note("it is of a CA for tries: no browser trusts it")
	}
	facts, _ := issuance.KnownCA(got.Server)
	if err := facts.MayAsk(got.Server); err != nil { // whose service has ended
		note("%s", messages.OneLine(err.Error()))
	}
	if !p.leaf.NotAfter.After(i.m.now()) {
		note("it has ended: the next wildcard renew renews it")
	}
	if c.Service == nil && !i.r.DNS.Providers.Firm {
		if c.Proof != "" {
			note("its names were proven by %s", messages.OneLine(c.Proof))
		}
		note("which DNS service it has is not said: renewals write records at %s; --provider says another", got.Provider)
	}
	for _, l := range i.stored {
		s, _ := l.Conf.Settings()
		if sameNames(certifiedNames(l, s), got.Names) {
			note("%s has the same names already, and is renewed as well", l.Name)
		}
	}
	for _, problem := range i.m.hooks.Problems(HookCommands(got.params, got.settings)) {
		got.Notes = append(got.Notes, problem.Note())
	}
}

// server is the URL of the directory that a thing belongs to, by what is said of it: a name or URL, the CA's host, the issuer's name.
func (i *importing) server(said, host string, leaf *x509.Certificate) (string, error) {
	if said != "" {
		if url := issuance.ServerURL(said); strings.Contains(url, "://") {
			return url, nil
		}
	}
	var known []string
	for _, ca := range issuance.KnownCAs() {
		known = append(known, ca.Directory, ca.Staging)
	}
	for _, url := range append(slices.Clone(i.r.Servers), known...) {
		if host != "" && hostOfURL(url) == host {
			return url, nil
		}
	}
	if host == "" && leaf != nil {
		staging := ""
		if isForTries("", leaf) {
			staging = "-staging"
		}
		by := strings.Join(leaf.Issuer.Organization, " ")
		for _, name := range [][2]string{{"Let's Encrypt", "letsencrypt"}, {"Google Trust Services", "google"},
			{"ZeroSSL", "zerossl"}} {
			if strings.Contains(by, name[0]) {
				return issuance.ServerURL(name[1] + staging), nil
			}
		}
	}
	if host == "" && len(i.r.Servers) == 1 {
		return i.r.Servers[0], nil
	}
	if host == "" {
		return "", cannotImport("which CA it is of is not said: say it with --server URL")
	}
	return "", cannotImport("its CA is at %s, and the URL of its directory is not known: say it with --server URL",
		fault.Excerpt(host))
}

// hostOfURL is the host of a URL, with its port.
func hostOfURL(url string) string {
	_, rest, _ := strings.Cut(url, "://")
	host, _, _ := strings.Cut(rest, "/")
	return host
}

// write writes what was found: what lineages need first.
func (i *importing) write(ctx context.Context) error {
	if err := i.writeFiles(); err != nil {
		return err
	}
	for n := range i.got.Accounts {
		a := &i.got.Accounts[n]
		if a.Outcome != ImportDone {
			continue
		}
		_, err := i.m.Store.AddAccount(ctx, a.account)
		if err != nil && fault.CodeOf(err) != lineage.CodeExists {
			return err
		}
	}
	for n := range i.got.Certificates {
		c := &i.got.Certificates[n]
		if c.Outcome != ImportDone {
			continue
		}
		err := i.m.locked(c.Lineage, func() error {
			l, err := i.m.Store.Create(ctx, c.Lineage, c.set, c.change)
			if err == nil {
				c.Lineage = l.Name
			}
			return err
		})
		if err != nil {
			c.Outcome, c.Err, c.Lineage = ImportNot, err, ""
		}
		if cause := context.Cause(ctx); cause != nil {
			return errors.Join(cause, err)
		}
	}
	return nil
}

// specWith is a DNS service with the file of its credentials.
func specWith(spec, file string) (providers.Spec, error) {
	if file != "" {
		spec += "@" + file
	}
	return providers.ParseSpec(spec)
}

// folderOf is the folder of a DNS service's credentials, as that of ConoHa's is conoha.
func (i *importing) folderOf(spec string) string {
	return filepath.Join(i.m.options.Dirs.Config, nameOfService(spec))
}

// nameOfService is a DNS service's own name, which is the argument of the provider for lego's.
func nameOfService(spec string) string {
	name, of, _ := strings.Cut(spec, ":")
	if name == "lego" {
		return of
	}
	return name
}
