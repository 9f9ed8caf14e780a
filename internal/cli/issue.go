package cli

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/urfave/cli/v2"

	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/lineage"
	"wildcard/internal/messages"
)

func (p *program) issueCommand() *cli.Command {
	return &cli.Command{
		Name:      "issue",
		Usage:     "get a certificate, or renew it if it is due",
		UsageText: "wildcard issue [options] NAME...",
		Description: `A second call does nothing until renewal is due. *.example.com does not cover
example.com itself: name both.

  wildcard issue --dry-run --agree-tos '*.example.com' example.com
  wildcard issue --agree-tos --email you@example.com '*.example.com' example.com`,
		ArgsUsage: "NAME...",
		Flags: slices.Concat(
			certificateFlags(),
			grouped(groupCertificate, []cli.Flag{
				&cli.StringFlag{Name: "csr", Usage: "`FILE`: a signing request; with --out, and no names"},
				&cli.StringFlag{Name: "out", Usage: "`FILE`: where the certificate of --csr goes"},
			}),
			[]cli.Flag{prometheusFlag(), traceFlag()},
			caFlags(), registrationFlags(), dnsFlags(), commonFlags(),
		),
		Action: p.traced(p.issue),
	}
}

// certificateFlags say what kind of certificate is wanted, and what is done with it.
func certificateFlags() []cli.Flag {
	return append([]cli.Flag{
		&cli.StringFlag{Name: "cert-name", Usage: "`NAME` of its folder (default: first name without *.)"},
		&cli.StringSliceFlag{Name: "deploy-hook", Usage: "`COMMAND`: run it after each renewal; may be repeated"},
		&cli.BoolFlag{Name: "dry-run", Usage: "try it with the CA's staging service, keep nothing"},
		&cli.BoolFlag{Name: "force", Usage: "renew although it is not due"},
	}, grouped(groupCertificate, []cli.Flag{
		&cli.StringFlag{Name: "key-type", Usage: "`TYPE`: ecdsa-p256, ecdsa-p384, rsa-2048, rsa-3072, rsa-4096"},
		&cli.BoolFlag{Name: "reuse-key", Usage: "keep the key in renewals"},
		&cli.StringFlag{Name: "combined", Usage: "`FILE`: key and chain in one, as HAProxy wants it"},
		&cli.StringFlag{Name: "profile", Usage: "`PROFILE`: the CA's certificate profile"},
		&cli.StringFlag{Name: "preferred-chain", Usage: "`NAME`: take the chain up to this issuer, if offered"},
	})...)
}

func (p *program) issue(c *cli.Context) error {
	if c.IsSet("csr") || c.IsSet("out") {
		return p.issueCSR(c)
	}
	names, err := issuance.ParseNames(c.Args().Slice())
	if err != nil {
		return err
	}
	if c.IsSet("key-type") {
		if _, err := issuance.ParseKeyType(c.String("key-type")); err != nil {
			return err
		}
	}
	// Everything that can be wrong with the command line is found before anything is opened.
	if err := p.dnsOptions(c, &lineage.Settings{}); err != nil {
		return err
	}
	measurements, err := p.prometheusFile(c)
	if err != nil {
		return err
	}
	e, err := p.engine(c)
	if err != nil {
		return err
	}
	defer e.close()
	ctx := c.Context
	defer e.measure(ctx, measurements)

	name, err := e.target(c.String("cert-name"), names)
	if err != nil {
		return err
	}
	lock, err := e.store.LockOrder(name)
	if err != nil {
		return err
	}
	unlock := sync.OnceFunc(func() { _ = lock.Unlock() })
	defer unlock()
	o, err := e.issueOrder(ctx, c, name, names)
	if err != nil {
		return err
	}
	o.done = unlock
	e.sayCovered(o)
	if !o.dryRun {
		e.ran()
	}
	e.sweepFor(ctx, []lineage.Settings{o.settings}, o.names...)
	defer e.sweepFor(ctx, []lineage.Settings{o.settings}) // what was not taken over
	if !o.dryRun && o.live != nil && !o.force {
		if answered, err := e.nothingToDo(ctx, o); answered || err != nil {
			return err
		}
	}
	got, err := e.obtain(ctx, o)
	e.display.Close()
	if !o.dryRun && err == nil {
		if postErr := e.hooks.Post(ctx, []string{o.params.PostHook}, o.names, nil); postErr != nil {
			got.Deploy = errors.Join(got.Deploy, postErr)
		}
	}
	return e.issued(o, got, err)
}

// target picks the lineage that a call is about.
func (e *engine) target(certName string, names []string) (string, error) {
	if certName != "" {
		return lineage.ParseName(certName)
	}
	for l, err := range e.store.All() {
		if err != nil {
			continue // "list" shows it
		}
		s, ours := l.Conf.Settings()
		facts, _ := issuance.KnownCA(l.Conf.Params().Server)
		kept, _ := facts.WithoutCovered(names)
		if ours && (sameNames(s.Domains, names) || sameNames(s.Domains, kept)) {
			return l.Name, nil
		}
	}
	return lineage.NameFor(names)
}

// issueOrder is what the command line asks for, over what the lineage says already, whose files are put in order.
func (e *engine) issueOrder(ctx context.Context, c *cli.Context, name string, names []string) (*order, error) {
	o, err := e.draft(c, name, names)
	if err != nil {
		return nil, err
	}
	if o.live != nil && o.live.NeedsRepair() && !o.dryRun {
		e.display.Notice("%s: its files are not as they should be (%v): repairing", name, o.live.Damage)
		repaired, err := o.live.Repair(ctx)
		switch {
		case err == nil:
			o.live = repaired
		case fault.CodeOf(err) != lineage.CodeDamaged:
			return nil, err
		}
	}
	return o, nil
}

// draft is what the command line asks for, over what the lineage says already. Nothing is written.
func (e *engine) draft(c *cli.Context, name string, names []string) (*order, error) {
	o := &order{
		name: name, names: names, dryRun: c.Bool("dry-run"), force: c.Bool("force"), mayRegister: true,
		registration: e.registration(c), observe: e.observe(name),
	}
	live, err := e.store.Lineage(name)
	switch {
	case err == nil:
		o.live = live
		o.settings, _ = live.Conf.Settings()
		o.params = live.Conf.Params()
	case fault.CodeOf(err) != lineage.CodeNotFound:
		return nil, err
	}
	if o.live != nil && !o.live.Owned() && !o.dryRun {
		return nil, fault.Errorf(lineage.CodeNotOwned, fault.Usage,
			"%s is certbot's: wildcard adopt %s takes it over as it is, --cert-name makes another certificate beside it", name, name)
	}
	if err := e.issueSettings(c, o); err != nil {
		return nil, err
	}
	return o, e.guardStaging(o)
}

func (e *engine) issueSettings(c *cli.Context, o *order) error {
	var err error
	if err = e.dnsOptions(c, &o.settings); err != nil {
		return err
	}
	if o.settings.CABundle, err = absolute("--ca-bundle", e.option(c, "ca-bundle", o.settings.CABundle, "WILDCARD_CA_BUNDLE")); err != nil {
		return err
	}
	if o.settings.Combined, err = absolute("--combined", e.option(c, "combined", o.settings.Combined, "")); err != nil {
		return err
	}
	o.settings.Profile = e.option(c, "profile", o.settings.Profile, "")
	server := e.server(c, o.params.Server)
	if o.dryRun {
		if staging, ok := issuance.StagingOf(server); ok {
			server = staging
		}
	}
	if server != o.params.Server {
		o.params.Account = "" // accounts belong to a server
	}
	o.params.Server = server
	if o.csr == nil { // whose names are as they are
		facts, _ := issuance.KnownCA(server)
		o.names, o.covered = facts.WithoutCovered(o.names)
	}
	if c.IsSet("account") {
		o.params.Account = c.String("account")
	}
	o.params.PreferredChain = e.option(c, "preferred-chain", o.params.PreferredChain, "")
	if c.IsSet("reuse-key") || o.live == nil {
		o.params.ReuseKey = c.Bool("reuse-key")
	}
	if hooks := c.StringSlice("deploy-hook"); len(hooks) > 0 {
		o.params.DeployHook, o.settings.DeployHooks = hooks[0], hooks[1:]
	}
	o.keyType = issuance.ECDSA256
	if o.live != nil {
		o.keyType = keyTypeOf(o.params)
	}
	if c.IsSet("key-type") {
		if o.keyType, err = issuance.ParseKeyType(c.String("key-type")); err != nil {
			return err
		}
	}
	setKeyType(&o.params, o.keyType)
	o.params.AuthHook, o.params.CleanupHook = e.hookLines(o.settings)
	return nil
}

// guardStaging refuses to replace a real certificate by one for tries.
func (e *engine) guardStaging(o *order) error {
	if o.live == nil || o.dryRun || !issuance.IsStaging(o.params.Server) || issuance.IsStaging(o.live.Conf.Params().Server) {
		return nil
	}
	return fault.Errorf(codeStaging, fault.Usage,
		"%s is a certificate of %s, and %s is for tries only: --dry-run tries without replacing it, --cert-name makes another one",
		o.name, o.live.Conf.Params().Server, o.params.Server)
}

// nothingToDo answers a call for a certificate that is there and not due. Deploy hooks that failed the last time are run
// again.
func (e *engine) nothingToDo(ctx context.Context, o *order) (bool, error) {
	l := o.live
	if l.Damage != nil || e.differs(o) {
		return false, nil
	}
	v, err := e.judge(ctx, l)
	if err != nil || v.due {
		return false, err
	}
	before := l.Conf.Bytes()
	if l, err = e.keepSettings(ctx, o); err != nil {
		return true, err
	}
	e.forgetStored(l)
	got := certificate{Leaf: l.Leaf, Lineage: l}
	if s, _ := l.Conf.Settings(); s.Deploy {
		got.Deploy = e.deploy(ctx, l)
	}
	if !bytes.Equal(before, l.Conf.Bytes()) {
		e.display.Notice("%s: the settings of this call are kept for its renewals", l.Name)
	}
	e.display.Close()
	o.done()
	return true, e.report(o, got, "kept", v)
}

// differs reports whether the certificate that is there is not the one that is asked for. What a CA added to the names is as if
// it were not there.
func (e *engine) differs(o *order) bool {
	l := o.live
	if l.Leaf == nil {
		return true
	}
	asked := l.Leaf.DNSNames
	if s, ours := l.Conf.Settings(); ours && len(s.Domains) > 0 {
		asked = s.Domains
	}
	return !sameNames(asked, o.names) || !issuance.NamesFit(l.Leaf.DNSNames, asked) || l.Conf.Params().Server != o.params.Server ||
		keyTypeOf(l.Conf.Params()) != o.keyType || e.profileOf(l) != o.settings.Profile
}

// keepSettings stores what the command line changed although the certificate stays.
func (e *engine) keepSettings(ctx context.Context, o *order) (*lineage.Lineage, error) {
	return o.live.Update(ctx, func(c *lineage.Conf) error {
		current, _ := c.Settings()
		s := o.settings
		s.Domains, s.RenewAt, s.RetryAfter, s.Deploy = current.Domains, current.RenewAt, current.RetryAfter, current.Deploy
		params := o.params
		params.Account = c.Params().Account
		if err := c.SetParams(params); err != nil {
			return err
		}
		return c.SetSettings(s)
	})
}

func (e *engine) profileOf(l *lineage.Lineage) string {
	s, _ := l.Conf.Settings()
	return s.Profile
}

// issued answers a call that went to the CA.
func (e *engine) issued(o *order, got certificate, err error) error {
	if err != nil {
		return err
	}
	action := "issued"
	switch {
	case o.dryRun:
		action = "tested"
	case o.live != nil:
		action = "renewed"
	}
	v := verdict{}
	if got.Lineage != nil {
		s, _ := got.Lineage.Conf.Settings()
		v.at, v.why = renewal(got.Lineage, s)
	}
	o.done()
	return e.report(o, got, action, v)
}

// uncovered is the base name that a wildcard leaves out; "" if there is none that no other wildcard covers.
func uncovered(names []string) string {
	for _, name := range names {
		if base := issuance.Base(name); base != name && !slices.Contains(names, base) && !issuance.Covers(names, base) {
			return base
		}
	}
	return ""
}

// coveredNotes say which names are left out of an order, and why that changes nothing.
func coveredNotes(o *order) []messages.Message {
	facts, _ := issuance.KnownCA(o.params.Server)
	var notes []messages.Message
	for _, name := range o.covered {
		_, parent, _ := strings.Cut(name, ".")
		notes = append(notes, messages.New("%s is left out: *.%s covers it, and %s refuses both on one certificate", name, parent, facts.Company))
	}
	return notes
}

func (e *engine) sayCovered(o *order) {
	for _, note := range coveredNotes(o) {
		e.display.Notice("%s", note)
	}
}
