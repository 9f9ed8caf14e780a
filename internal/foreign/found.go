package foreign

import (
	"path/filepath"
	"slices"
	"strings"

	"wildcard/internal/fault"
	"wildcard/internal/lineage"
	"wildcard/internal/messages"
	"wildcard/internal/settings"
	"wildcard/internal/system/environ"
)

// CodeNothing is the code of the error that nothing of a client was found.
const CodeNothing = "import.nothing"

// Machine is where another client is looked for.
type Machine struct {
	Root    string   // of the file system; "" is /
	Environ []string // "NAME=value": HOME, and the clients' own variables for their folders
}

// Found is what one client has on a machine.
type Found struct {
	Client       string // as the command line names it
	Paths        []string
	Certificates []Certificate
	Accounts     []Account
	Lost         []string // settings for all certificates that have no counterpart here, "NAME (FILE)"
	Unread       []string // files with lines that are not understood, "FILE:LINE"
	Renewals     []Renewal
	Extra        []messages.Message // what a person should know beside

	read []string // folders that were read
}

// Certificate is one of another client's, as it stands on disk.
type Certificate struct {
	Source  string   // path, or what it is called in a file of several: PATH#NAME
	Names   []string // in the client's order; nil is as on the certificate
	Chain   []byte   // PEM; the certificate's own is where its key is, further ones are candidates for its chain
	Issuers []byte   // PEM of a file of its own
	Key     []byte   // PEM; may have other blocks before it
	Err     error    // why it could not be read whole

	Server  string // URL of the CA's directory; "" is not said
	Host    string // HOST[:PORT] of the CA, where Server is not said; "" is not known either
	Account string // [Account.Source], [Account.URI] or [Account.Contact] of the account; "" is not said

	Service *Service // that proves it; nil is not said
	Proof   string   // how it is proven where that is no DNS service known here

	KeyType        string // of renewals, in the client's words; "" is as it is
	ReuseKey       bool
	Profile        string
	PreferredChain string
	PreHook        string
	PostHook       string
	DeployHooks    []string // that run after a renewal
	HookFiles      []string // where the hooks stand, or may stand

	End string // what ends its renewal where the client does that by itself; %[1]s is where our files are

	Lost []string // its settings that have no counterpart here
}

// Account is an account at a CA.
type Account struct {
	Source  string
	Server  string // as in Certificate
	Host    string
	URI     string // "" is not said: the CA knows
	Contact string // e-mail address or name of the account with the client
	Key     []byte // PEM
	Err     error
}

// Service is a DNS service with what it is logged in with.
type Service struct {
	Spec   string                     // as --provider has it, without a file: "conoha", "lego:cloudflare"
	Values map[string]settings.Secret // by the names that the service's provider here reads
}

// Renewal is what renews certificates in the client's name, and what ends that.
type Renewal struct {
	File string // that has the line; "" where it is not a line: the client does it by itself
	Line string // without what may be secret; without a File, which certificate
	End  string // a command, or what is to be typed into a file
}

// client is how one client is read.
type client struct {
	name   string
	words  []string // that its lines in schedulers have
	places func(m Machine) []string
	is     func(path string) bool // whether a tree begins at this path
	read   func(r *reader) error
}

func clients() []client {
	return []client{acmeSh(), lego(), dehydrated(), caddy(), traefik(), certManager(), uacme(), getssl()}
}

// Clients are the names of the clients that are read.
func Clients() (names []string) {
	for _, c := range clients() {
		names = append(names, c.name)
	}
	return names
}

// reader reads one tree.
type reader struct {
	Machine
	base  string        // where the tree begins
	jobs  []lineage.Job // that settings are taken from
	found *Found
}

// Read reads all that a client has: at path, or below it, or where it is usual if path is "".
func Read(name, path string, m Machine) (*Found, error) {
	i := slices.IndexFunc(clients(), func(c client) bool { return c.name == name })
	if i < 0 {
		return nil, fault.Errorf(fault.CodeUsage, fault.Usage, "import from %s: it can be %s", fault.Excerpt(name),
			strings.Join(Clients(), ", "))
	}
	c := clients()[i]
	found := &Found{Client: name}
	for _, base := range c.basesAt(path, m) {
		r := &reader{Machine: m, base: base, found: found}
		jobs := jobsOf(m, base, c.words)
		r.jobs = r.trusted(jobs)
		found.Paths = append(found.Paths, base)
		if err := c.read(r); err != nil {
			return nil, err
		}
		r.renewals(c, jobs)
	}
	if len(found.Paths) == 0 {
		where := path
		if where == "" {
			where = strings.Join(c.places(m), ", ")
		}
		return nil, fault.Errorf(CodeNothing, fault.Usage, "import: there is nothing of %s in %s", name, where)
	}
	return found, nil
}

// basesAt are where trees begin: at a path, else in the usual places below it, else of the machine.
func (c client) basesAt(path string, m Machine) (bases []string) {
	if path != "" && c.is(path) {
		return []string{path}
	}
	add := func(pattern string) {
		matches, _ := filepath.Glob(pattern) // only a bad pattern is an error
		for _, match := range matches {
			if c.is(match) && !slices.Contains(bases, match) {
				bases = append(bases, match)
			}
		}
	}
	if path == "" {
		for _, place := range c.places(m) {
			add(place)
		}
		return bases
	}
	for _, place := range c.places(Machine{}) {
		add(filepath.Join(path, place))
		add(filepath.Join(path, "home", "*", strings.TrimPrefix(place, "/root/")))
		add(filepath.Join(path, filepath.Base(place)))
	}
	return bases
}

func (m Machine) at(path string) string { return filepath.Join("/", m.Root, path) }

func (m Machine) get(name string) string { return environ.Get(m.Environ, name) }

// placesOf are folders: those that variables name, those in the home folder, those of the system.
func placesOf(variables, home, system []string) func(m Machine) []string {
	return func(m Machine) (places []string) {
		for _, name := range variables {
			name, below, _ := strings.Cut(name, "/")
			if value := m.get(name); filepath.IsAbs(value) {
				places = append(places, filepath.Join(value, below))
			}
		}
		for _, elem := range home {
			if at := m.get("HOME"); filepath.IsAbs(at) {
				places = append(places, filepath.Join(at, elem))
			}
			places = append(places, m.at(filepath.Join("root", elem)))
		}
		for _, path := range system {
			places = append(places, m.at(path))
		}
		return places
	}
}

// lost names a setting that has no counterpart here.
func (r *reader) lost(name, file string) {
	if text := name + " (" + file + ")"; !slices.Contains(r.found.Lost, text) {
		r.found.Lost = append(r.found.Lost, text)
	}
}
