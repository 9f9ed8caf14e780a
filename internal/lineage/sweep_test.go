package lineage

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"wildcard/internal/fault"
)

// failure fails the k-th step that a store takes, and, when dead, every step from then on: what is on the disk is then what a
// SIGKILL or a power cut at that step would leave, since not even cleaning up happens.
type failure struct {
	at    int
	err   error
	dead  bool
	count int
	hit   string
}

func (f *failure) step(op, path string) error {
	f.count++
	if f.count == f.at || f.dead && f.count > f.at {
		if f.hit == "" {
			f.hit = op + " " + path
		}
		return f.err
	}
	return nil
}

// faulty returns the same store for another process, in which a step fails.
func faulty(s *Store, f *failure) *Store {
	other := *s
	other.disk = &disk{step: f.step, flush: unsynced}
	other.writer = make(chan struct{}, 1)
	return &other
}

// unsynced takes the place of fsync where hundreds of renewals are made: its effect shows only when the power fails.
func unsynced(*os.File) error { return nil }

// faults are calls that fail, and the process that ends.
func faults() map[string]failure {
	return map[string]failure{"full": {err: unix.ENOSPC}, "killed": {err: errors.New("killed"), dead: true}}
}

// sweep calls try with a fault at step 1, 2, … until no step is left.
func sweep(t *testing.T, f failure, try func(t *testing.T, f *failure)) {
	for k := 1; ; k++ {
		now := failure{at: k, err: f.err, dead: f.dead}
		try(t, &now)
		if t.Failed() {
			t.Fatalf("with step %d, %s", k, now.hit)
		}
		if now.hit == "" {
			if k < 8 {
				t.Fatalf("only %d steps", k)
			}
			return
		}
	}
}

// liveIs fails the test unless what servers read through live/NAME is wholly one of the sets; it returns which.
func liveIs(t *testing.T, l *Lineage, sets ...Set) int {
	t.Helper()
	for i, set := range sets {
		same := true
		for kind, want := range map[string][]byte{"cert": set.Cert, "chain": set.Chain, "fullchain": set.Fullchain(), "privkey": set.Key} {
			got, err := os.ReadFile(l.Path(kind))
			same = same && err == nil && bytes.Equal(got, want)
		}
		if same {
			return i
		}
	}
	t.Errorf("live is none of the sets: damage %v", l.Damage)
	return -1
}

// clean fails the test if temporary names are left.
func clean(t *testing.T, s *Store, foreign int) {
	t.Helper()
	must(t, filepath.WalkDir(s.dir, func(path string, _ os.DirEntry, err error) error {
		base := filepath.Base(path)
		if strings.HasPrefix(base, ".new-") || strings.HasPrefix(base, "previous_") || base == lockName || strings.HasPrefix(base, probePrefix) || strings.HasSuffix(base, ".new") {
			t.Errorf("%s is left", path)
		}
		return err
	}))
	if got := ls(t, s.liveDir(example)); len(got) != 5+foreign {
		t.Errorf("live has %q", got)
	}
}

func TestRenewFailsAnywhere(t *testing.T) {
	t.Parallel()
	all := faults()
	all["broken"], all["refused"] = failure{err: unix.EIO}, failure{err: unix.EPERM}
	for name, f := range all {
		for how, prepare := range map[string]func(t *testing.T, s *Store) (foreign int){
			"exchange": func(t *testing.T, s *Store) int { write(t, filepath.Join(s.liveDir(example), "mine"), "x"); return 1 },
			"links": func(t *testing.T, s *Store) int {
				must(t, os.Mkdir(filepath.Join(s.liveDir(example), "sub"), 0o755))
				return 1
			},
		} {
			if how == "links" && !slices.Contains(slices.Collect(maps.Keys(faults())), name) {
				continue // the same calls fail in the same way
			}
			t.Run(how+"/"+name, func(t *testing.T) {
				t.Parallel()
				ca, s := newAuthority(t), open(t, t.TempDir())
				s.disk.flush = unsynced
				old, next, last := ca.set(t, example), ca.set(t, example), ca.set(t, example)
				create(t, s, old)
				foreign := prepare(t, s)
				sweep(t, f, func(t *testing.T, f *failure) {
					l, err := faulty(s, f).Lineage(example)
					must(t, err)
					_, err = l.Renew(t.Context(), next, func(c *Conf) error { return c.Set(section, "renew_at", random()) })
					l, readErr := s.Lineage(example)
					must(t, readErr)
					if l.Damage != nil && f.dead && how == "links" && l.interrupted {
						t.Logf("at %s: %v", f.hit, l.Damage) // certbot's own state while it switches
					} else if which := liveIs(t, l, old, next); which == 0 && err == nil || l.Damage != nil {
						t.Errorf("set %d is live, damage %v, error %v", which, l.Damage, err)
					}
					if l.NeedsRepair() {
						if l, err = l.Repair(t.Context()); err != nil {
							t.Fatal(err)
						}
						liveIs(t, l, next)
					}
					old, next, last = last, old, next
					if l, err = l.Renew(t.Context(), old, func(c *Conf) error { return c.Set(section, "renew_at", random()) }); err != nil {
						t.Fatal(err)
					}
					liveIs(t, l, old)
					clean(t, s, foreign)
				})
			})
		}
	}
}

func TestCreateFailsAnywhere(t *testing.T) {
	t.Parallel()
	for name, f := range faults() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ca := newAuthority(t)
			first, second := ca.set(t, example), ca.set(t, example)
			dir := t.TempDir()
			sweep(t, f, func(t *testing.T, f *failure) {
				s := open(t, filepath.Join(dir, random()))
				s.disk.flush = unsynced
				must(t, os.MkdirAll(filepath.Dir(s.dir), 0o755))
				set := first
				_, err := faulty(s, f).Create(t.Context(), example, set, settings)
				l, readErr := s.Lineage(example)
				if readErr != nil && (err == nil || fault.CodeOf(readErr) != CodeNotFound) {
					t.Fatal(err, readErr)
				}
				if readErr != nil {
					set = second
					l = create(t, s, set)
				}
				isLive(t, l, set, 1)
				if l.Name != example {
					t.Errorf("it is called %s", l.Name)
				}
				isLive(t, renew(t, l, second), second, 2)
				clean(t, s, 0)
			})
		})
	}
}

// A step that fails while the next run clears away what a killed one left must not make that another's.
func TestClearingAfterCrashFailsAnywhere(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	first, second := ca.set(t, example), ca.set(t, example)
	dir := t.TempDir()
	sweep(t, failure{err: unix.EIO}, func(t *testing.T, f *failure) {
		s := open(t, filepath.Join(dir, random()))
		s.disk.flush = unsynced
		must(t, os.MkdirAll(filepath.Dir(s.dir), 0o755))
		killed := *s
		dead := false
		killed.disk = &disk{flush: unsynced, step: func(op, path string) error {
			if dead = dead || op == "create" && filepath.Dir(path) == filepath.Join(s.dir, "renewal"); dead {
				return errors.New("killed")
			}
			return nil
		}}
		if _, err := killed.Create(t.Context(), example, first, settings); err == nil || len(ls(t, s.liveDir(example))) != 5 {
			t.Fatalf("live is not there: %v", err)
		}
		_ = faulty(s, f).clearLeftovers(example) // fails or not: what is left counts
		isLive(t, create(t, s, second), second, 1)
		clean(t, s, 0)
	})
}

func TestDeleteAndRepairFailAnywhere(t *testing.T) {
	t.Parallel()
	for name, f := range faults() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ca, s := newAuthority(t), open(t, t.TempDir())
			s.disk.flush = unsynced
			good := ca.set(t, example)
			sweep(t, f, func(t *testing.T, f *failure) {
				l := create(t, s, good)
				l, err := faulty(s, f).Lineage(l.Name)
				must(t, err)
				_ = l.Delete(t.Context()) // fails or not: what is left counts
				if l, err = s.Lineage(example); err == nil {
					must(t, l.Delete(t.Context()))
				}
				if got := append(append(ls(t, filepath.Join(s.dir, "live")), ls(t, filepath.Join(s.dir, "archive"))...), ls(t, filepath.Join(s.dir, "renewal"))...); len(got) != 1 {
					t.Errorf("left: %q", got)
				}
			})
			create(t, s, good)
			sweep(t, f, func(t *testing.T, f *failure) {
				write(t, filepath.Join(s.archiveDir(example), "cert7.pem"), "")
				write(t, filepath.Join(s.archiveDir(example), "chain7.pem"), "")
				write(t, filepath.Join(s.archiveDir(example), "fullchain7.pem"), "")
				write(t, filepath.Join(s.archiveDir(example), "privkey7.pem"), "")
				must(t, os.Remove(filepath.Join(s.liveDir(example), "cert.pem")))
				l, err := faulty(s, f).Lineage(example)
				must(t, err)
				_, err = l.Repair(t.Context())
				if l, _ = s.Lineage(example); l.NeedsRepair() && err == nil {
					t.Error("repaired, and not")
				}
				l, err = l.Repair(t.Context())
				must(t, err)
				isLive(t, l, good, 1)
				if l.NeedsRepair() {
					t.Errorf("%v %v %v", l.Damage, l.Bad, l.Pending)
				}
			})
		})
	}
}

func TestAccountFailsAnywhere(t *testing.T) {
	t.Parallel()
	for name, f := range faults() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, t.TempDir())
			s.disk.flush = unsynced
			must(t, os.MkdirAll(s.dir, 0o755))
			sweep(t, f, func(t *testing.T, f *failure) {
				account := Account{Server: server, URI: server + "/1", Key: newKey(t)}
				added, err := faulty(s, f).AddAccount(t.Context(), account)
				if err != nil && fault.CodeOf(err) == "" {
					t.Error(err)
				}
				got, err := s.Accounts(server)
				must(t, err)
				if len(got) == 0 {
					added, err = s.AddAccount(t.Context(), account)
					must(t, err)
				}
				if added.ID == "" {
					added.ID, err = accountID(account.Key)
					must(t, err)
				}
				got, err = s.Accounts(server)
				if err != nil || len(got) != 1 || got[0].URI != account.URI {
					t.Fatalf("accounts %v: %v", got, err)
				}
				must(t, s.RemoveAccount(t.Context(), Account{ID: got[0].ID, Server: server}))
			})
		})
	}
}
