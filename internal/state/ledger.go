package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"slices"
	"syscall"
	"time"

	"wildcard/internal/system/atomicfile"
	"wildcard/internal/system/failpoint"
)

const (
	ledgerFile = "ledger.jsonl"
	mostLedger = 16 << 20       // bytes that are read
	fullLedger = 1 << 20        // bytes from which on it is written anew
	ledgerAge  = 48 * time.Hour // what is younger is kept, if there is room
	wrongClock = 5 * time.Minute

	mostCounted = 1_000_000 // failures one after the other
	mostText    = 2048      // bytes of an error's text: URLs in it must be whole
)

// Outcome is how an attempt ended.
type Outcome string

// The outcomes.
const (
	Succeeded Outcome = "succeeded"
	Failed    Outcome = "failed"
)

// Attempt is one try to obtain a certificate, as the ledger keeps it.
type Attempt struct {
	Time              time.Time `json:"time"`
	Lineage           string    `json:"lineage"`
	Server            string    `json:"server"`  // URL of the CA's directory
	Account           string    `json:"account"` // the account's URL; "" if it did not come to that
	Domains           []string  `json:"domains"`
	Outcome           Outcome   `json:"outcome"`
	Renewed           bool      `json:"renewed,omitempty"`            // the certificate replaced an older one
	Ordered           bool      `json:"ordered,omitempty"`            // there was an order at the CA
	FailedValidations []string  `json:"failed_validations,omitempty"` // names that the CA looked for in vain
	NotBefore         time.Time `json:"not_before,omitzero"`          // when the CA wants to be asked again
	Code              string    `json:"code,omitempty"`               // of the error
	Text              string    `json:"text,omitempty"`               // of the error
	Failures          int       `json:"failures,omitempty"`           // of the lineage one after the other, this one included; Record counts them
	Outside           bool      `json:"outside,omitempty"`            // Lineage is no lineage but the name of one request, as those of "serve"
}

// History is what the ledger has of one lineage; times are zero if there was no such attempt.
type History struct {
	Last        Attempt
	LastSuccess Attempt
	LastFailure Attempt
	LastRenewal Attempt // the last success that replaced an older certificate
}

// cache is the ledger as it was read, and what its file was then.
type cache struct {
	attempts []Attempt
	file     fs.FileInfo
}

// Record appends an attempt. Its text is cut at 2048 bytes.
func (s *State) Record(a Attempt) error {
	unlock, err := s.exclusive()
	if err != nil {
		return err
	}
	defer unlock()
	attempts, err := s.load()
	if err != nil {
		return err
	}
	if len(a.Text) > mostText {
		a.Text = a.Text[:mostText]
	}
	a.Time, a.NotBefore, a.Failures = a.Time.UTC(), a.NotBefore.UTC(), 0
	if a.Outcome == Failed {
		a.Failures = min(max(history(attempts, a.Lineage, a.Time).Last.Failures, 0), mostCounted) + 1 // a damaged ledger may say anything
	}
	if s.ledger.file != nil && s.ledger.file.Size() > max(fullLedger, 2*s.rewritten) {
		if err := s.rewrite(attempts, a.Time); err != nil {
			return failed("%w", err)
		}
	}
	line, err := json.Marshal(a)
	if err != nil {
		return failed("%w", err)
	}
	if err := s.appendLine(seal(line)); err != nil {
		return failed("%w", err)
	}
	return nil
}

// Last returns what the ledger has of a lineage.
func (s *State) Last(lineage string, now time.Time) (History, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	attempts, err := s.load()
	if err != nil {
		return History{}, err
	}
	return history(attempts, lineage, now), nil
}

// Recent returns the last attempts of a lineage, at most so many, oldest first. The ledger forgets: see the package comment.
func (s *State) Recent(lineage string, now time.Time, most int) ([]Attempt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	attempts, err := s.load()
	if err != nil {
		return nil, err
	}
	var recent []Attempt
	for _, a := range attempts {
		if counts(a, lineage, now) {
			recent = append(recent, a)
		}
	}
	return recent[max(0, len(recent)-most):], nil
}

func history(attempts []Attempt, lineage string, now time.Time) History {
	var h History
	for _, a := range attempts {
		if !counts(a, lineage, now) {
			continue
		}
		h.Last = a
		if a.Outcome != Succeeded {
			h.LastFailure = a
			continue
		}
		h.LastSuccess = a
		if a.Renewed {
			h.LastRenewal = a
		}
	}
	return h
}

// counts reports whether an attempt is one of the lineage, made under a clock that can have been right.
func counts(a Attempt, lineage string, now time.Time) bool {
	return a.Lineage == lineage && !a.Time.After(now.Add(wrongClock))
}

// load reads the ledger, unless it is as it was. Callers hold mu.
func (s *State) load() ([]Attempt, error) {
	path := s.path(ledgerFile)
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.ledger = cache{}
		return nil, nil
	case err != nil:
		return nil, failed("%w", err)
	case s.ledger.file != nil && os.SameFile(info, s.ledger.file) && info.Size() == s.ledger.file.Size() &&
		info.ModTime().Equal(s.ledger.file.ModTime()):
		return s.ledger.attempts, nil
	}
	text, info, err := atomicfile.Read(path, mostLedger)
	if err != nil {
		return nil, failed("%w", err)
	}
	var attempts []Attempt
	bad := 0
	for line := range bytes.SplitSeq(text, []byte("\n")) {
		if len(line) == 0 {
			continue
		}
		var a Attempt
		if sealed, ok := unseal(line); !ok || json.Unmarshal(sealed, &a) != nil {
			bad++
			continue
		}
		attempts = append(attempts, a)
	}
	if bad > 0 {
		s.log.Warn("state: lines of the ledger are damaged and skipped", "file", path, "lines", bad)
	}
	slices.SortStableFunc(attempts, func(a, b Attempt) int { return a.Time.Compare(b.Time) })
	s.ledger = cache{attempts, info}
	return attempts, nil
}

// appendLine appends a line and makes it durable. A line that a crash cut short is ended first.
func (s *State) appendLine(line []byte) error {
	path := s.path(ledgerFile)
	if err := failpoint.Hit("before ledger open"); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path, Err: errors.New("not a regular file")}
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	end := info.Size()
	if end > 0 {
		last := make([]byte, 1)
		if _, err := f.ReadAt(last, end-1); err != nil {
			return errors.Join(err, f.Close())
		}
		if last[0] != '\n' {
			line = append([]byte("\n"), line...)
		}
	}
	err = failpoint.Do("ledger", "write", func() error { _, err := f.WriteAt(line, end); return err })
	if err = errors.Join(err, failpoint.Do("ledger", "fsync", f.Sync),
		failpoint.Do("ledger", "close", f.Close)); err != nil || end > 0 {
		return err
	}
	return syncDir(s.dir)
}

// rewrite writes the ledger anew with what still matters: all of the last two days, or where that is too much, as with
// hundreds of lineages that fail each hour, only what some rule goes by.
func (s *State) rewrite(attempts []Attempt, now time.Time) error {
	text, err := seals(keep(attempts, now, ledgerAge))
	if err == nil && len(text) > fullLedger {
		text, err = seals(keep(attempts, now, 0))
	}
	if err != nil {
		return err
	}
	s.rewritten = int64(len(text))
	return s.save(s.path(ledgerFile), text)
}

// keep is what still matters of the ledger: of each lineage the last attempt, success, failure and renewal, validations that
// failed within the hour, what a CA has asked for, and what is younger than age. What is of no lineage is kept for the latter three
// alone: each request of a client of "serve" has a name of its own.
func keep(attempts []Attempt, now time.Time, age time.Duration) []Attempt {
	type kept struct{ last, success, failure, renewal bool }
	seen := map[string]kept{}
	var all []Attempt
	for _, a := range slices.Backward(attempts) {
		if a.Time.After(now.Add(wrongClock)) {
			continue
		}
		k := seen[a.Lineage]
		success := a.Outcome == Succeeded && !k.success
		renewal := a.Outcome == Succeeded && a.Renewed && !k.renewal
		failure := a.Outcome == Failed && !k.failure
		counted := len(a.FailedValidations) > 0 && now.Sub(a.Time) < time.Hour
		last := !a.Outside && (!k.last || success || failure || renewal)
		if last || counted || a.NotBefore.After(now) || now.Sub(a.Time) < age {
			all = append(all, a)
		}
		seen[a.Lineage] = kept{true, k.success || success, k.failure || failure, k.renewal || renewal}
	}
	slices.Reverse(all)
	return all
}

// seals are the ledger's lines.
func seals(attempts []Attempt) (text []byte, err error) {
	for _, a := range attempts {
		line, err := json.Marshal(a)
		if err != nil {
			return nil, err
		}
		text = append(text, seal(line)...)
	}
	return text, nil
}
