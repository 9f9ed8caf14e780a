package main

import (
	"fmt"
	"os"
	"strconv"

	"github.com/urfave/cli/v2"
)

// serve is the command "serve".
func (p *program) serve(c *cli.Context) error {
	o, err := parseOptions(c)
	if err != nil {
		return err
	}
	if c.Args().Present() || p.command != nil {
		return usage("serve takes no arguments; wildcard-sandbox run -- COMMAND runs a command")
	}
	s, err := p.open(o, nil)
	if err != nil {
		return err
	}
	script := s.environment.script(p.environ) + "export WILDCARD_SANDBOX_PID=" + quote(strconv.Itoa(os.Getpid())) + "\n"
	if err := writeWhole(s.folder.environment(), script); err != nil {
		s.discard()
		return err
	}
	fmt.Fprint(p.stdout, script)
	p.stdout.Close() // for eval "$(wildcard-sandbox serve &)"
	for _, z := range s.zones {
		p.say("zone %s in ConoHa Ver.%d.0", z.name, z.version)
	}
	p.say("in other shells: . %s", s.folder.environment())
	p.say("serving until SIGINT (Ctrl-C) or SIGTERM")
	for signal := range p.signals {
		if _, end := ending(signal); end {
			break
		}
	}
	p.close(s)
	return nil
}

// writeWhole writes a file that others may be waiting for: it is there whole or not at all.
func writeWhole(path, contents string) error {
	unfinished := path + ".new"
	if err := os.WriteFile(unfinished, []byte(contents), 0o600); err != nil {
		return misconfigured("write file: %w", err)
	}
	if err := os.Rename(unfinished, path); err != nil {
		return misconfigured("write file: %w", err)
	}
	return nil
}
