package cli

import (
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"wildcard/internal/certificates"
	"wildcard/internal/fault"
	"wildcard/internal/notify"
	"wildcard/internal/system/terminal"
)

// longestJitter is how long an unattended run may wait before its first order.
const longestJitter = time.Minute

func renewCommand(p *program) *cli.Command {
	return &cli.Command{
		Name:      "renew",
		Usage:     "renew the certificates that are due",
		UsageText: "wildcard renew [options]",
		Description: `Those of "wildcard issue" and "wildcard adopt"; certbot's own are certbot's to
renew. What fails stops nothing else; the exit status is that of the worst.

  wildcard renew --quiet
  wildcard renew --dry-run --cert-name example.com`,
		Flags: slices.Concat(
			[]cli.Flag{
				&cli.StringFlag{Name: "cert-name", Usage: "`NAME` of the one certificate to renew"},
				&cli.BoolFlag{Name: "dry-run", Usage: "try all with their CA's staging service, keep nothing"},
				&cli.BoolFlag{Name: "force", Usage: "renew although it is not due"},
				deployFlag(),
				&cli.StringFlag{Name: "every", Usage: "`TIME` (6h, 90m) between runs without end, for containers"},
				&cli.BoolFlag{Name: "no-jitter", Usage: "begin at once, also without a terminal"},
			},
			notifyFlags(),
			grouped(groupCertificate, []cli.Flag{challengeFlag(), prometheusFlag(), traceFlag()}), dnsFlags(), commonFlags(),
		),
		Action: p.traced(p.action(runRenew)),
	}
}

func runRenew(p *program, c *cli.Context) error {
	if c.Args().Present() {
		return usage("renew takes no names: --cert-name %s renews one certificate", fault.Excerpt(c.Args().First()))
	}
	if c.IsSet("every") {
		return renewEvery(p, c)
	}
	return renewOnce(p, c, 0)
}

// renewOnce is one run; next is the time from its end to the next one of this process, 0 for none.
func renewOnce(p *program, c *cli.Context, next time.Duration) error {
	request, err := renewRequest(p, c)
	if err != nil {
		return err
	}
	request.Next = next
	measurements, err := p.prometheusFile(c)
	if err != nil {
		return err
	}
	m, err := p.open(c, certificates.Options{Alone: next > 0})
	if err != nil {
		return err
	}
	defer m.close()
	var people notify.Channels
	if request.Deploy != certificates.DeployLater { // whose sandbox has no place for measurements, nor words for people; the other half has
		defer measure(m, c.Context, measurements)
		if people, err = channels(m, c); err != nil {
			return err
		}
	}
	if c.Bool("notify-test") {
		return notifyTest(m, c.Context, people)
	}
	result, err := m.manager.Renew(c.Context, request)
	if err != nil {
		return err
	}
	m.display.Close()
	err = summary(m, request, result)
	news{m, request, result}.tell(c.Context, people)
	return err
}

// renewRequest is what the command line asks for.
func renewRequest(p *program, c *cli.Context) (r certificates.RenewRequest, err error) {
	if r.DNS, err = p.dns(c); err != nil {
		return r, err
	}
	if r.Deploy, err = deployWhen(c); err != nil {
		return r, err
	}
	r.Lineage, r.DryRun, r.Force = c.String("cert-name"), c.Bool("dry-run"), c.Bool("force")
	r.Challenge = p.choice(c, "challenge", "")
	r.CABundle = p.environment("WILDCARD_CA_BUNDLE")
	r.Unattended = p.unattended()
	// --every and systemd's timer have a delay of their own.
	atOnce := c.Bool("no-jitter") || r.Force || r.DryRun || c.IsSet("cert-name") || c.IsSet("every")
	if r.Unattended && !atOnce && !p.underSystemd() {
		r.Jitter = longestJitter
	}
	return r, nil
}

// unattended reports whether no user sits at a terminal.
func (p *program) unattended() bool { return !terminal.Is(p.stdin) }

// underSystemd reports whether a unit runs us (systemd.exec(5), INVOCATION_ID), and not a user at a terminal that a unit started.
func (p *program) underSystemd() bool { return p.unattended() && p.environment("INVOCATION_ID") != "" }

func deployFlag() cli.Flag {
	now := string(certificates.DeployNow)
	return &cli.StringFlag{Name: "deploy", Value: now, DefaultText: now,
		Usage: "`WHEN` deploy hooks run: now, later, or only those waiting"}
}

// deployWhen reads --deploy.
func deployWhen(c *cli.Context) (certificates.When, error) {
	when := certificates.When(c.String("deploy"))
	switch when {
	case certificates.DeployNow, certificates.DeployLater:
	case certificates.DeployOnly:
		for _, flag := range []string{"dry-run", "force"} {
			if c.Bool(flag) {
				return "", usage("--deploy only renews nothing, and --%s makes no sense with it", flag)
			}
		}
	default:
		return "", usage("--deploy %s: it is now, later or only", fault.Excerpt(string(when)))
	}
	return when, nil
}
