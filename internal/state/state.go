package state

import (
	"log/slog"
	"os"
	"path/filepath"
	"sync"
)

// State is the folder. Any number of processes and goroutines may use it at once.
type State struct {
	dir string
	log *slog.Logger

	mu        sync.Mutex
	ledger    cache
	rewritten int64 // size of the ledger when it was last written anew by us
}

// Open opens the state in a folder that is there and private ([wildcard/internal/settings.PrivateDir]); nothing is
// written. A nil log is silent.
func Open(dir string, log *slog.Logger) (*State, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return nil, failed("%w", err)
	case !info.IsDir():
		return nil, failed("%s: not a directory", dir)
	}
	return &State{dir: dir, log: log}, nil
}

func (s *State) path(names ...string) string {
	return filepath.Join(append([]string{s.dir}, names...)...)
}
