package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"wildcard/internal/certificates"
	"wildcard/internal/deploy"
	"wildcard/internal/deploy/target"
	"wildcard/internal/issuance"
)

func issueCommand(p *program) *cli.Command {
	return &cli.Command{
		Name:      "issue",
		Usage:     "get a certificate, or renew it if it is due",
		UsageText: "wildcard issue [options] NAME...",
		Description: `A second call does nothing until renewal is due. *.example.com does not cover
example.com itself: name both. It asks before it takes names off.

  wildcard issue --dry-run --agree-tos '*.example.com' example.com
  wildcard issue --agree-tos --email you@example.com '*.example.com' example.com`,
		ArgsUsage: "NAME...",
		Flags: slices.Concat(
			certificateFlags(),
			grouped(groupCertificate, []cli.Flag{
				&cli.StringFlag{Name: "csr", Usage: "`FILE`: a signing request; with --out, and no names"},
				&cli.StringFlag{Name: "out", Usage: "`FILE`: where the certificate of --csr goes"},
				prometheusFlag(), traceFlag(),
			}),
			[]cli.Flag{yesFlag()},
			caFlags(), registrationFlags(), dnsFlags(), commonFlags(),
		),
		Action: p.traced(p.action(runIssue)),
	}
}

// certificateFlags say what kind of certificate is wanted, and what is done with it.
func certificateFlags() []cli.Flag {
	return append([]cli.Flag{
		&cli.StringFlag{Name: "cert-name", Usage: "`NAME` of its directory (default: first name without *.)"},
		&cli.BoolFlag{Name: "dry-run", Usage: "try it with the CA's staging service, keep nothing"},
		&cli.BoolFlag{Name: "force", Usage: "renew although it is not due"},
	}, slices.Concat(grouped(groupDeployment, []cli.Flag{
		&cli.StringSliceFlag{Name: "deploy-hook", Usage: "`COMMAND`: run it after each renewal; may be repeated"},
		&cli.StringSliceFlag{Name: "target", Usage: "`TARGET`, KIND:WHERE[@ENVFILE], to which the certificate is brought after each renewal: exec:/PROGRAM, which is run with the variables of the file, or haproxy:SOCKET=FILE, a running HAProxy without a reload, or ssh:USER@HOST[:PORT]/DIR, another machine; may be repeated; \"\" for none"},
		&cli.StringSliceFlag{Name: "verify", Usage: "`ADDRESS`, HOST[:PORT][,PROTOCOL], that has to serve the new certificate, else the renewal has failed; the protocol is smtp, imap, pop3, ldap, postgres or mysql; may be repeated; \"\" for none"},
		&cli.BoolFlag{Name: "rollback", Usage: "put the former certificate back where --verify fails"},
		&cli.StringFlag{Name: "combined", Usage: "`FILE`: key and chain in one, as HAProxy wants it"},
		&cli.StringFlag{Name: "pkcs12", Usage: "`FILE`: key store in PKCS #12, for Java, Windows and others"},
		&cli.StringFlag{Name: "jks", Usage: "`FILE`: key store of Java's own form, for programs that know no other"},
		&cli.StringFlag{Name: "password-file", Usage: "`FILE` with the password of both; made if it is not there (default: the key store's name with .password behind it)"},
		&cli.BoolFlag{Name: "legacy", Usage: "encrypt --pkcs12 as Java before 8u301 and Windows before 2019 can read it"},
	}), grouped(groupCertificate, []cli.Flag{
		&cli.StringFlag{Name: "key-type", Usage: "`TYPE`: ecdsa-p256, ecdsa-p384, rsa-2048, rsa-3072, rsa-4096"},
		&cli.BoolFlag{Name: "reuse-key", Usage: "keep the key in renewals"},
		challengeFlag(),
		&cli.StringFlag{Name: "profile", Usage: "`PROFILE`: the CA's certificate profile"},
		&cli.StringFlag{Name: "preferred-chain", Usage: "`NAME`: take the chain up to this issuer, if offered"},
	}))...)
}

// challengeFlag says how names are proven.
func challengeFlag() cli.Flag {
	return &cli.StringFlag{Name: "challenge", Usage: "`HOW` names are proven: dns-01, dns-account-01 (dns-01 at a name of the account's own), dns-persist-01, or auto: by a record of \"persist\" that is there, else dns-01"}
}

func runIssue(p *program, c *cli.Context) error {
	if c.IsSet("csr") || c.IsSet("out") {
		return runIssueCSR(p, c)
	}
	noticeFiles(p, c)
	// Everything that can be wrong with the command line is found before anything is opened.
	request, err := p.request(c, c.Args().Slice())
	if err != nil {
		return err
	}
	measurements, err := p.prometheusFile(c)
	if err != nil {
		return err
	}
	m, err := p.machine(c)
	if err != nil {
		return err
	}
	defer m.close()
	defer measure(m, c.Context, measurements)
	request.Confirm = func(loss certificates.Loss) error { return confirmLoss(m, c, loss, request.Names) }
	got, err := m.manager.Obtain(c.Context, request)
	m.display.Close()
	if err != nil {
		return err
	}
	return reportObtained(m, got)
}

// confirmLoss shows how the names of a certificate change, and asks whether it is to lose some.
func confirmLoss(m *machine, c *cli.Context, loss certificates.Loss, wanted []string) error {
	if !m.quiet || !c.Bool("yes") {
		m.display.Print(m.language.Sprintf("%s: these names of the certificate change:", loss.Lineage))
		for _, name := range loss.Lost {
			m.display.Print("  - " + name)
		}
		for _, name := range wanted {
			if !slices.Contains(loss.Names, name) {
				m.display.Print("  + " + name)
			}
		}
		m.lines.Flush() // the question comes below
	}
	if err := m.confirm(c, "Take these names off the certificate %s? Servers that show it for them will fail.", loss.Lineage); err != nil {
		return fmt.Errorf("%s would lose %s: %w", loss.Lineage, strings.Join(loss.Lost, " "), err)
	}
	return nil
}

// request is the certificate that the command line asks for.
func (p *program) request(c *cli.Context, names []string) (r certificates.Request, err error) {
	if r.Names, err = issuance.ParseNames(names); err != nil {
		return r, err
	}
	return r, p.fill(c, &r)
}

// fill reads all of a request but its names.
func (p *program) fill(c *cli.Context, r *certificates.Request) (err error) {
	r.Lineage, r.DryRun, r.Force = c.String("cert-name"), c.Bool("dry-run"), c.Bool("force")
	r.Server = p.server(c)
	if r.Registration, err = registration(p, c); err != nil {
		return err
	}
	r.Account = p.choice(c, "account", "")
	r.Profile, r.PreferredChain = p.choice(c, "profile", ""), p.choice(c, "preferred-chain", "")
	r.Challenge = p.choice(c, "challenge", "")
	r.ReuseKey = certificates.Choice[bool]{Value: c.Bool("reuse-key"), Firm: c.IsSet("reuse-key")}
	r.DeployHooks = c.StringSlice("deploy-hook")
	r.Rollback = certificates.Choice[bool]{Value: c.Bool("rollback"), Firm: c.IsSet("rollback")}
	if r.Targets, err = targetsOf(c); err != nil {
		return err
	}
	if r.Verify, err = verifyAt(c); err != nil {
		return err
	}
	if c.IsSet("key-type") {
		if r.KeyType, err = issuance.ParseKeyType(c.String("key-type")); err != nil {
			return err
		}
	}
	if r.DNS, err = p.dns(c); err != nil {
		return err
	}
	if r.CABundle, err = p.path(c, "ca-bundle", "WILDCARD_CA_BUNDLE"); err != nil {
		return err
	}
	return p.files(c, &r.Files)
}

// files reads what a certificate is written into.
func (p *program) files(c *cli.Context, f *certificates.Files) error {
	f.Legacy = certificates.Choice[bool]{Value: c.Bool("legacy"), Firm: c.IsSet("legacy")}
	for flag, to := range map[string]*certificates.Choice[string]{
		"combined": &f.Combined, "pkcs12": &f.PKCS12, "jks": &f.JKS, "password-file": &f.Password,
	} {
		var err error
		if *to, err = p.path(c, flag, ""); err != nil {
			return err
		}
	}
	return nil
}

// targetsOf are those of --target, as they are kept.
func targetsOf(c *cli.Context) ([]string, error) { return asKept(c, "target", target.ParseSpecs) }

// verifyAt are the addresses of --verify, as they are kept.
func verifyAt(c *cli.Context) ([]string, error) { return asKept(c, "verify", deploy.ParseEndpoints) }

// asKept are the values of a flag as they are kept with a lineage. "" alone, which takes away what is kept, is none to be parsed.
func asKept[T fmt.Stringer](c *cli.Context, flag string, parse func([]string) ([]T, error)) ([]string, error) {
	texts := c.StringSlice(flag)
	if slices.Equal(texts, []string{""}) {
		return texts, nil
	}
	parsed, err := parse(texts)
	if err != nil {
		return nil, usage("--%s: %w", flag, err)
	}
	var all []string
	for _, one := range parsed {
		all = append(all, one.String())
	}
	return all, nil
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
