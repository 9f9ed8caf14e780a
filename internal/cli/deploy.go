package cli

import (
	"github.com/urfave/cli/v2"

	"wildcard/internal/certificates"
)

func deployCommand(p *program) *cli.Command {
	return &cli.Command{
		Name:      "deploy",
		Usage:     "run again what follows a renewal: files, hooks, targets, checks",
		UsageText: "wildcard deploy [options] NAME",
		Description: `A certificate that was not served, and for which --rollback put the former one
back, is made live again first.

  wildcard deploy example.com
  wildcard deploy --only exec:/usr/local/sbin/push example.com`,
		ArgsUsage: "NAME",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "only", Usage: "`TARGET`: bring it to this one of its targets, and do nothing else"},
		}, commonFlags()...),
		Action: p.action(runDeploy),
	}
}

func runDeploy(p *program, c *cli.Context) error {
	name, err := oneName(c)
	if err != nil {
		return err
	}
	m, err := p.machine(c)
	if err != nil {
		return err
	}
	defer m.close()
	var result certificates.RenewResult
	if only := c.String("only"); c.IsSet("only") {
		result, err = certificates.DeployTo(c.Context, m.manager, name, only)
	} else {
		result, err = m.manager.Deploy(c.Context, name)
	}
	if err != nil {
		return err
	}
	m.display.Close()
	return summary(m, certificates.RenewRequest{Deploy: certificates.DeployOnly}, result)
}
