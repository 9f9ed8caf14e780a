package main

import "github.com/urfave/cli/v2"

// run is the command "run".
func (p *program) run(c *cli.Context) error {
	o, err := parseOptions(c)
	if err != nil {
		return err
	}
	switch {
	case c.Args().Present():
		return usage("put -- before the command: wildcard-sandbox run [options] -- %s", c.Args().First())
	case len(p.command) == 0 || p.command[0] == "":
		return usage("no command to run: wildcard-sandbox run [options] -- COMMAND [ARGUMENT...]")
	}
	s, err := p.open(o, func(s *sandbox) error { return s.guard().check(p.command[0], p.command) })
	if err != nil {
		return err
	}
	file, err := findProgram(p.command[0], s.environment.searchPath(p.environ))
	if err == nil {
		err = s.guard().check(file, p.command) // a link may hide what it is
	}
	if err != nil {
		s.discard()
		return err
	}
	if err := p.enter(s); err != nil {
		s.discard()
		return err
	}
	status, err := p.runCommand(file, s.environment.apply(p.environ))
	p.close(s)
	if err != nil {
		return err
	}
	return exitStatus(status)
}

func (s *sandbox) guard() guard {
	return guard{
		folder:         s.folder,
		server:         s.ca.DirectoryURL(),
		dnsServers:     s.dnsServers(),
		systemSettings: "/etc/letsencrypt/cli.ini",
	}
}
