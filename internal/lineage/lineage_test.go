package lineage

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"wildcard/internal/fault"
)

func TestCreateAndRenew(t *testing.T) {
	t.Parallel()
	ca, s := newAuthority(t), open(t, t.TempDir())
	first, second := ca.set(t, example), ca.set(t, example)
	l := create(t, s, first)
	isLive(t, l, first, 1)
	if !l.Owned() || l.NeedsRepair() || l.Leaf.DNSNames[0] != example {
		t.Errorf("a new lineage: owned %v, repair %v", l.Owned(), l.NeedsRepair())
	}
	if got, _ := l.Conf.Get(params, "autorenew"); got != "False" {
		t.Errorf("autorenew = %q", got)
	}
	l = renew(t, l, second)
	isLive(t, l, second, 2)
	if got := ls(t, s.archiveDir(example)); len(got) != 8 {
		t.Errorf("archive has %q", got)
	}
	if got := ls(t, s.liveDir(example)); !slices.Equal(got, []string{"README", "cert.pem", "chain.pem", "fullchain.pem", "privkey.pem"}) {
		t.Errorf("live has %q", got)
	}
	if got := ls(t, s.dir); !slices.Equal(got, []string{"archive", "live", "renewal"}) {
		t.Errorf("the directory has %q", got)
	}
	set, err := l.Set()
	if err != nil || string(set.Key) != string(second.Key) {
		t.Errorf("set: %v", err)
	}
}

func TestReuseKey(t *testing.T) {
	t.Parallel()
	ca, s := newAuthority(t), open(t, t.TempDir())
	first := ca.set(t, example)
	l := create(t, s, first)
	for version := 2; version <= 9; version++ {
		key := parseKey(t, first.Key)
		set := ca.setFor(t, key, example)
		set.Key = nil
		l = renew(t, l, set)
		set.Key = first.Key
		isLive(t, l, set, version)
		if target, err := os.Readlink(filepath.Join(s.archiveDir(example), fileOf("privkey", version))); err != nil || target != "privkey1.pem" {
			t.Errorf("privkey%d leads to %q: %v", version, target, err)
		}
	}
	if got := ls(t, s.archiveDir(example)); !slices.Contains(got, "privkey1.pem") || slices.Contains(got, "cert1.pem") || slices.Contains(got, "privkey2.pem") {
		t.Errorf("archive has %q", got)
	}
	set := ca.set(t, example) // another key: the set does not match the old one
	set.Key = nil
	if _, err := l.Renew(t.Context(), set, nil); fault.CodeOf(err) != CodeBadSet {
		t.Errorf("a certificate for another key: %v", err)
	}
}

func TestPruneKeepsFiveOlder(t *testing.T) {
	t.Parallel()
	ca, s := newAuthority(t), open(t, t.TempDir())
	l := create(t, s, ca.set(t, example))
	for range 8 {
		l = renew(t, l, ca.set(t, example))
	}
	found, err := numbers(s.archiveDir(example))
	must(t, err)
	if got := complete(found); !slices.Equal(got, []int{9, 8, 7, 6, 5, 4}) || len(found) != 6 {
		t.Errorf("kept %v", found)
	}
}

func TestTakenNamesGetCertbotsNumbers(t *testing.T) {
	t.Parallel()
	ca, s := newAuthority(t), open(t, t.TempDir())
	for _, want := range []string{"example.com", "example.com-0001", "example.com-0002"} {
		if l := create(t, s, ca.set(t, example)); l.Name != want {
			t.Errorf("got %s, want %s", l.Name, want)
		}
	}
	write(t, filepath.Join(s.dir, "renewal", "Bad Name.conf"), "")
	write(t, filepath.Join(s.dir, "renewal", "broken.conf"), "[")
	var good, bad []string
	for l, err := range s.All() {
		if err != nil {
			bad = append(bad, fault.CodeOf(err))
		} else {
			good = append(good, l.Name)
		}
	}
	if len(good) != 4 || !slices.Equal(bad, []string{CodeConf}) { // "Bad Name" too, as in certbot
		t.Errorf("listed %q and %q", good, bad)
	}
}

func TestHostileNames(t *testing.T) {
	t.Parallel()
	ca, s := newAuthority(t), open(t, t.TempDir())
	set := ca.set(t, example)
	for _, name := range []string{"", ".", "..", "a/b", "../a", "-x", "a\nb", "a\x00", "A", "é", ".a", "a.", strings.Repeat("a", 129), "*.a"} {
		if _, err := s.Create(t.Context(), name, set, settings); fault.ClassOf(err) != fault.Usage {
			t.Errorf("create %q: %v", name, err)
		}
		if _, err := s.Lineage(name); fault.ClassOf(err) != fault.Usage {
			t.Errorf("read %q: %v", name, err)
		}
		if _, err := s.LockOrder(name); fault.ClassOf(err) != fault.Usage {
			t.Errorf("lock %q: %v", name, err)
		}
	}
	if name, err := NameFor([]string{"*.Example.com", "example.com"}); err != nil || name != example {
		t.Errorf("name %q: %v", name, err)
	}
	if _, err := os.Lstat(s.dir); err == nil {
		t.Error("a hostile name made something")
	}
}

func TestBadSetsAreNotStored(t *testing.T) {
	t.Parallel()
	ca, s := newAuthority(t), open(t, t.TempDir())
	good, other := ca.set(t, example), ca.set(t, "example.org")
	stranger := newAuthority(t).set(t, example)
	for name, set := range map[string]Set{
		"key of another": {Key: other.Key, Cert: good.Cert, Chain: good.Chain},
		"other names":    {Key: other.Key, Cert: other.Cert, Chain: other.Chain, Names: []string{example}},
		"no chain":       {Key: good.Key, Cert: good.Cert},
		"foreign chain":  {Key: good.Key, Cert: good.Cert, Chain: stranger.Chain},
		"HTML":           {Key: good.Key, Cert: []byte("<html>"), Chain: good.Chain},
		"empty":          {},
		"key for cert":   {Key: good.Key, Cert: good.Key, Chain: good.Chain},
		"two certs":      {Key: good.Key, Cert: good.Fullchain(), Chain: good.Chain},
	} {
		_, err := s.Create(t.Context(), example, set, settings)
		if fault.CodeOf(err) != CodeBadSet {
			t.Errorf("%s: %v", name, err)
		} else if strings.Contains(err.Error(), "PRIVATE") {
			t.Errorf("%s: the error quotes the key", name)
		}
	}
	s.now = func() time.Time { return time.Now().AddDate(1, 0, 0) }
	if _, err := s.Create(t.Context(), example, good, settings); fault.CodeOf(err) != CodeBadSet {
		t.Errorf("expired: %v", err)
	}
}

func TestOwnership(t *testing.T) {
	t.Parallel()
	ca, s := newAuthority(t), open(t, t.TempDir())
	l := create(t, s, ca.set(t, example))
	ours := string(l.Conf.Bytes())
	l, err := l.Release(t.Context())
	must(t, err)
	if l.Owned() || strings.Contains(l.Conf.text, "autorenew") || strings.Contains(l.Conf.text, "wildcard]") {
		t.Errorf("released:\n%s", l.Conf.text)
	}
	for what, f := range map[string]func() error{
		"renew":   func() error { _, err := l.Renew(t.Context(), ca.set(t, example), nil); return err },
		"update":  func() error { _, err := l.Update(t.Context(), settings); return err },
		"repair":  func() error { _, err := l.Repair(t.Context()); return err },
		"release": func() error { _, err := l.Release(t.Context()); return err },
		"delete":  func() error { return l.Delete(t.Context()) },
	} {
		if err := f(); fault.CodeOf(err) != CodeNotOwned || fault.ClassOf(err) != fault.Usage {
			t.Errorf("%s on certbot's: %v", what, err)
		}
	}
	released := l.Conf.text
	l, err = l.Adopt(t.Context(), settings)
	must(t, err)
	if text, _ := l.Conf.Get(section, before); text == "" || len(l.Conf.text) != len(ours)+len("before = \n"+text) {
		t.Errorf("adopted:\n%s\nwas\n%s", l.Conf.text, ours)
	}
	l, err = l.Release(t.Context())
	if err != nil || l.Conf.text != released {
		t.Errorf("released again (%v):\n%s\nwas\n%s", err, l.Conf.text, released)
	}
	write(t, s.confPath(example), strings.Replace(released, "[renewalparams]\n", "[renewalparams]\nautorenew = True # why\n", 1))
	was, err := os.ReadFile(s.confPath(example))
	must(t, err)
	l, err = l.Adopt(t.Context(), nil)
	must(t, err)
	if got, _ := l.Conf.Get(params, "autorenew"); got != "False" || !l.Owned() {
		t.Errorf("autorenew %q, owned %v", got, l.Owned())
	}
	if l, err = l.Release(t.Context()); err != nil || l.Conf.text != string(was) {
		t.Errorf("the administrator's own value is lost (%v):\n%s", err, l.Conf.text)
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	ca, s := newAuthority(t), open(t, t.TempDir())
	l := renew(t, create(t, s, ca.set(t, example)), ca.set(t, example))
	write(t, filepath.Join(s.liveDir(example), "mine"), "x")
	must(t, os.Mkdir(filepath.Join(s.archiveDir(example), probePrefix+"1"), 0o700)) // of a run that was killed
	must(t, l.Delete(t.Context()))
	if got := ls(t, s.liveDir(example)); !slices.Equal(got, []string{"mine"}) {
		t.Errorf("live has %q", got)
	}
	if _, err := s.Lineage(example); fault.CodeOf(err) != CodeNotFound {
		t.Error(err)
	}
	if got := ls(t, filepath.Join(s.dir, "archive")); len(got) != 0 {
		t.Errorf("archive has %q", got)
	}
	if _, err := s.Create(t.Context(), example, ca.set(t, example), settings); fault.CodeOf(err) != CodeExists {
		t.Errorf("create over foreign files: %v", err)
	}
	must(t, os.Remove(filepath.Join(s.liveDir(example), "mine")))
	set := ca.set(t, example)
	isLive(t, create(t, s, set), set, 1)
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	ca, s := newAuthority(t), open(t, t.TempDir())
	l := create(t, s, ca.set(t, example))
	unlock, err := s.lock(t.Context())
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Renew(ctx, ca.set(t, example), nil); fault.CodeOf(err) != CodeLocked || fault.ClassOf(err) != fault.Temporary {
		t.Errorf("renew: %v", err)
	}
	must(t, unlock())
	if got := ls(t, s.archiveDir(example)); len(got) != 4 {
		t.Errorf("archive has %q", got)
	}
}
