package cli

import (
	"slices"

	"github.com/urfave/cli/v2"
)

func deleteCommand(p *program) *cli.Command {
	return &cli.Command{
		Name:      "delete",
		Usage:     "delete a certificate's files",
		UsageText: "wildcard delete [options] NAME",
		Description: `All its versions, keys and settings; what others put beside them stays. It is
not revoked by that.

  wildcard delete example.com
  wildcard delete --yes example.com`,
		ArgsUsage: "NAME",
		Flags:     slices.Concat([]cli.Flag{yesFlag()}, commonFlags()),
		Action:    p.action(runDelete),
	}
}

func runDelete(p *program, c *cli.Context) error {
	name, err := oneName(c)
	if err != nil {
		return err
	}
	m, err := p.machine(c)
	if err != nil {
		return err
	}
	defer m.close()
	err = m.manager.Delete(c.Context, name, func() error {
		return m.confirm(c, "Delete all files of the certificate %s? Servers that use them will not start again.", name)
	})
	if err != nil {
		return err
	}
	if m.json {
		m.answer(map[string]any{"lineage": name, "deleted": true})
		return nil
	}
	if !m.quiet {
		m.say("%s is deleted.", name)
	}
	return nil
}
