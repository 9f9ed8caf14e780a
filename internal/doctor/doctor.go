package doctor

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"wildcard/internal/deploy"
	"wildcard/internal/dns01/journal"
	"wildcard/internal/dns01/propagation"
	"wildcard/internal/issuance"
	"wildcard/internal/lineage"
	"wildcard/internal/settings"
	"wildcard/internal/state"
	"wildcard/internal/system/confine"
	"wildcard/providers"
)

// defaultLimit is what one check may take.
const defaultLimit = 30 * time.Second

// Doctor is what an examination needs. It keeps nothing between two.
type Doctor struct {
	Store   *lineage.Store
	Dirs    settings.Directories
	State   *state.State     // nil if nothing was ever tried
	Journal *journal.Journal // nil if there is none yet; Probe needs it
	Log     *slog.Logger     // nil is silent
	Now     func() time.Time // nil is time.Now

	// Root is the file system in which schedulers and the programs of hooks are looked for; "" is /.
	Root string
	// Program is the absolute path of wildcard, for what cron is to run; "" if it is not known.
	Program string

	// Confined is what keeps plugins from other files; nil for what this process can do.
	Confined *confine.Powers

	// Environ is what hooks get their environment from, as os.Environ has it.
	Environ []string

	// Router opens DNS services; what provides it closes them.
	Router func(s lineage.Settings) (providers.Router, error)
	// Resolver says how the DNS is asked.
	Resolver func(s lineage.Settings) (*propagation.Resolver, error)
	// CA reads a CA's directory.
	CA func(ctx context.Context, server, bundle string) (*issuance.CA, error)

	// Target finds what would keep a target of a certificate from taking one.
	Target func(ctx context.Context, text string) error

	Binding   issuance.Registration // the external account binding that the environment has
	Endpoints []Endpoint            // to be compared with the store, beside those of the certificates themselves
	Prover    deploy.Prover         // asks them
	Probe     bool                  // make a record and delete it again
	Fix       bool                  // repair lineages of ours (package lineage, Repair)
	Others    bool                  // look at the files of certbot's certificates too that are no case
	Limit     time.Duration         // of one check; 0 is 30 s
}

// Case is one certificate to look at: one that is there, or the names of one that the operator means to get.
type Case struct {
	Lineage  *lineage.Lineage // nil if there is none
	Domains  []string         // as on the certificate, "*." included; may be empty if there is no lineage
	Settings lineage.Settings // providers, files and servers that are in force
	Params   lineage.Params   // server and account
	// CheckDelegation is that of [issuance.Issuer].
	CheckDelegation bool
}

// subject is how a case is called.
func (c Case) subject() string {
	switch {
	case c.Lineage != nil:
		return c.Lineage.Name
	case len(c.Domains) > 0:
		return c.Domains[0]
	}
	return "settings"
}

// ours reports whether there is a lineage that we renew.
func (c Case) ours() bool { return c.Lineage != nil && c.Lineage.Owned() }

// bases are the domains without "*.", each once.
func (c Case) bases() []string {
	var bases []string
	for _, name := range c.Domains {
		if base := issuance.Base(name); !slices.Contains(bases, base) {
			bases = append(bases, base)
		}
	}
	return bases
}

// Examine looks at everything side by side and reports when the last check has ended or its time is up. When ctx ends, it
// returns soon, with what was found until then.
func (d *Doctor) Examine(ctx context.Context, cases []Case) Report {
	v := d.visit(ctx)
	if d.Fix {
		cases = v.repair(ctx, cases)
	}
	checks := []check{
		{"store", v.store},
		{"folders", v.folders},
		{"journal", v.journal},
		{"schedulers", func(ctx context.Context) { v.schedulers(ctx, cases) }},
		{"hooks", v.hooks},
		{"hooks outside", v.outsideHooks},
		{"renewal hooks", func(context.Context) { v.renewalHooks(cases) }},
		{"refused certificates", v.refused},
		{"revoked certificates", v.revoked},
	}
	if d.Others {
		checks = append(checks, check{"certbot's certificates", func(ctx context.Context) { v.others(ctx, cases) }},
			check{"runs of renew", v.lastRun})
	}
	for _, c := range cases {
		checks = append(checks, v.checksOf(c)...)
	}
	for _, text := range targetsOf(cases) {
		checks = append(checks, check{"target " + text, func(ctx context.Context) { v.target(ctx, text) }})
	}
	for _, e := range d.endpoints(cases) {
		checks = append(checks, check{"endpoint " + e.String(), func(ctx context.Context) { v.endpoint(ctx, e, cases) }})
	}
	v.do(ctx, d.limit(), usualGrace, checks)
	if d.Probe && ctx.Err() == nil {
		v.probes(ctx)
	}
	return v.close()
}

// checksOf are the checks of one case. The lines of a .conf that others could change are not used: they would say which file of secrets is
// read, and where what is in it is sent. "store" says so.
func (v *visit) checksOf(c Case) []check {
	var checks []check
	if c.Lineage != nil {
		checks = append(checks, check{"certificate " + c.subject(), func(ctx context.Context) { v.lineage(ctx, c) }})
		if c.Lineage.Unsafe() != nil {
			return checks
		}
	}
	checks = append(checks, check{"settings of " + c.subject(), func(ctx context.Context) { v.settings(ctx, c) }},
		check{"CA of " + c.subject(), func(ctx context.Context) { v.ca(ctx, c) }})
	for _, domain := range c.bases() {
		checks = append(checks, check{"DNS of " + domain, func(ctx context.Context) { v.domain(ctx, c, domain) }},
			check{"CAA of " + domain, func(ctx context.Context) { v.caa(ctx, c, domain) }},
			check{"persistent record of " + domain, func(ctx context.Context) { standing(ctx, v, c, domain) }})
	}
	return checks
}

func (d *Doctor) visit(ctx context.Context) *visit {
	return &visit{Doctor: d, seen: map[string]bool{}, interrupted: func() bool { return ctx.Err() != nil }}
}

// now is the time by this machine's clock.
func (d *Doctor) now() time.Time {
	if d.Now == nil {
		return time.Now()
	}
	return d.Now()
}
