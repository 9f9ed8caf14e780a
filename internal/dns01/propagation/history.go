package propagation

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"wildcard/internal/system/atomicfile"
	"wildcard/internal/system/failpoint"
)

// history is how long publication took in a zone the last few times, from the call of [Wait.Run] until the last name
// server had the last value. It is a hint for the pace: one that cannot be read counts as none, and of two programs that
// write at the same time one wins.
type history struct {
	Zone    string    `json:"zone"`
	Seconds []float64 `json:"seconds"` // oldest first
}

const (
	historyLength = 10
	historySize   = 4096 // bytes; more is not ours
)

// historyFile is named by hash, since a zone's name may be longer than a file's.
func historyFile(dir, zone string) string {
	hash := sha256.Sum256([]byte(zone))
	return filepath.Join(dir, fmt.Sprintf("%x.json", hash[:16]))
}

// LastDelays returns how long publication took the last time in each zone that has a history in dir; what cannot be read
// is left out.
func LastDelays(dir string) map[string]time.Duration {
	delays := map[string]time.Duration{}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return delays // dir is no pattern of ours
	}
	for _, path := range files {
		if h, ok := readHistoryFile(path); ok && len(h.Seconds) > 0 && historyFile(dir, h.Zone) == path {
			delays[h.Zone] = seconds(h.Seconds[len(h.Seconds)-1])
		}
	}
	return delays
}

// readHistory returns the zone's history, empty if there is none that can be used.
func readHistory(dir, zone string) history {
	none := history{Zone: zone}
	if dir == "" || zone == "" {
		return none
	}
	if h, ok := readHistoryFile(historyFile(dir, zone)); ok && h.Zone == zone {
		return h
	}
	return none
}

func readHistoryFile(path string) (h history, ok bool) {
	file, err := os.Open(path)
	if err != nil {
		return h, false
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, historySize))
	if err != nil || json.Unmarshal(data, &h) != nil {
		return h, false
	}
	sane := func(s float64) bool { return 0 <= s && s <= MostLimit.Seconds() }
	h.Seconds = slices.DeleteFunc(h.Seconds, func(s float64) bool { return !sane(s) })
	return h, true
}

// usual is the median delay, or 0 if none is known.
func (h history) usual() time.Duration {
	if len(h.Seconds) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(h.Seconds))
	return seconds(sorted[len(sorted)/2])
}

// longest is the longest delay, or 0 if none is known.
func (h history) longest() time.Duration {
	if len(h.Seconds) == 0 {
		return 0
	}
	return seconds(slices.Max(h.Seconds))
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// add writes the history with one more delay, in one step: a reader sees the old file or the new one.
func (h history) add(dir string, delay time.Duration) error {
	if dir == "" || h.Zone == "" {
		return nil
	}
	h.Seconds = append(h.Seconds, delay.Round(time.Millisecond).Seconds())
	h.Seconds = h.Seconds[max(0, len(h.Seconds)-historyLength):]
	data, err := json.Marshal(h)
	if err != nil {
		return err
	}
	if err := failpoint.Do("history", "mkdir", func() error { return os.MkdirAll(dir, 0o700) }); err != nil {
		return err
	}
	if err := failpoint.Hit("before history create"); err != nil {
		return err
	}
	file, err := os.CreateTemp(dir, ".new-*") // 0600
	if err != nil {
		return err
	}
	return atomicfile.Put("history", file, historyFile(dir, h.Zone), append(data, '\n'))
}
