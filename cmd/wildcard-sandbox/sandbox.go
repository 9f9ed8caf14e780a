package main

import (
	"context"
	"os"
	"strings"
)

// sandbox is a world with its folder.
type sandbox struct {
	*world
	folder      folder
	temporary   bool // the folder is of our choice
	kept        bool // the folder outlives the sandbox
	environment environment
}

// open starts the world and makes its folder. check, which may be nil, can refuse to go on while there is nothing in it.
func (p *program) open(o options, check func(*sandbox) error) (*sandbox, error) {
	f, err := newFolder(o.dir)
	if err != nil {
		return nil, err
	}
	s := &sandbox{folder: f, temporary: o.dir == "", kept: o.keep || o.dir != ""}
	err = untilSignal(p.signals, func(ctx context.Context) error {
		var err error
		if s.world, err = newWorld(o); err != nil {
			return err
		}
		s.environment = newEnvironment(f, s.world, p.environ)
		if check != nil {
			if err := check(s); err != nil {
				return err
			}
		}
		if err := f.fill(s.world); err != nil {
			return err
		}
		return p.provide(ctx, f, o.programs)
	})
	if err != nil {
		s.discard()
		return nil, err
	}
	return s, nil
}

// discard ends a sandbox in which nothing has run, and leaves no trace of it: what is in the folder is all our own.
func (s *sandbox) discard() {
	if s.world != nil {
		s.world.close()
	}
	if s.temporary {
		os.RemoveAll(string(s.folder))
		return
	}
	entries, _ := os.ReadDir(string(s.folder))
	for _, e := range entries {
		os.RemoveAll(s.folder.path(e.Name()))
	}
}

// close ends the sandbox and says how it is left.
func (p *program) close(s *sandbox) {
	left := s.leftovers()
	switch len(left) {
	case 0:
		p.say("left in DNS: nothing")
	case 1:
		p.say("left in DNS: 1 record that was not there before")
	default:
		p.say("left in DNS: %d records that were not there before", len(left))
	}
	for _, record := range left {
		p.say("  %s", record)
	}
	if lineages := s.folder.lineages(); len(lineages) > 0 {
		p.say("certificates: %s", strings.Join(lineages, ", "))
	}
	s.world.close()
	if s.kept {
		s.folder.dropPrograms()
		p.say("folder kept: %s", s.folder)
		return
	}
	if err := os.RemoveAll(string(s.folder)); err != nil {
		p.say("folder not removed: %v", err)
		return
	}
	p.say("folder removed: %s (--keep or --dir keeps it)", s.folder)
}
