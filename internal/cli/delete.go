package cli

import (
	"slices"

	"github.com/urfave/cli/v2"

	"wildcard/internal/fault"
	"wildcard/internal/lineage"
)

func (p *program) deleteCommand() *cli.Command {
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
		Action:    p.delete,
	}
}

func (p *program) delete(c *cli.Context) error {
	name, err := oneName(c)
	if err != nil {
		return err
	}
	e, err := p.engine(c)
	if err != nil {
		return err
	}
	defer e.close()
	l, err := e.store.Lineage(name)
	if err != nil {
		return err
	}
	if !l.Owned() {
		return fault.Errorf(lineage.CodeNotOwned, fault.Usage, "%s is certbot's: certbot delete --cert-name %s deletes it", name, name)
	}
	if err := e.confirm(c, "Delete all files of the certificate %s? Servers that use them will not start again.", name); err != nil {
		return err
	}
	lock, err := e.store.LockOrder(name)
	if err != nil {
		return err
	}
	defer func() { _ = lock.Unlock() }()
	if err := e.remove(c.Context, l); err != nil {
		return err
	}
	if e.json {
		e.answer(map[string]any{"lineage": name, "deleted": true})
		return nil
	}
	e.say("%s is deleted.", name)
	return nil
}
