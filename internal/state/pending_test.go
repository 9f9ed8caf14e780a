package state_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"wildcard/internal/fault"
	"wildcard/internal/state"
)

func pending() state.Pending {
	return state.Pending{
		Server: "https://ca.example/directory", Account: "https://ca.example/acct/1", Domains: []string{"*.example.com"}, Order: "https://ca.example/order/1",
		Key: []byte("-----BEGIN PRIVATE KEY-----\ncanary\n"), Created: noon(),
	}
}

func TestPending(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	if _, ok, err := s.Pending("example.com"); ok || err != nil {
		t.Fatalf("none: %v %v", ok, err)
	}
	if names, err := s.AllPending(); len(names) != 0 || err != nil {
		t.Fatalf("none: %v %v", names, err)
	}
	for _, name := range []string{"example.com", "csr-0123", "example.com"} {
		if err := s.SavePending(name, pending()); err != nil {
			t.Fatal(err)
		}
	}
	got, ok, err := open(t, dir).Pending("example.com")
	if !ok || err != nil || !reflect.DeepEqual(got, pending()) {
		t.Errorf("%v %v %v", got, ok, err)
	}
	if names, err := s.AllPending(); !slices.Equal(names, []string{"csr-0123", "example.com"}) || err != nil {
		t.Errorf("%v %v", names, err)
	}
	info, err := os.Stat(filepath.Join(dir, "pending", "example.com.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	for range 2 {
		if err := s.RemovePending("example.com"); err != nil {
			t.Error(err)
		}
	}
	if _, ok, err := s.Pending("example.com"); ok || err != nil {
		t.Errorf("removed: %v %v", ok, err)
	}
	if printed := fmt.Sprintf("%v %+v %#v %s", got, got, got, got); strings.Contains(printed, "canary") {
		t.Errorf("a key is printed: %s", printed)
	}
}

// TestPendingCut: Fault #127: an order under way that was cut at any byte counts as none and is set aside.
func TestPendingCut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	if err := s.SavePending("l", pending()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "pending", "l.json")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := range len(whole) - 1 {
		if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, ok, err := s.Pending("l"); ok || err != nil {
			t.Fatalf("cut at %d: %v %v", cut, ok, err)
		}
		if aside, err := os.ReadFile(path + ".damaged"); err != nil || len(aside) != cut {
			t.Fatalf("cut at %d: set aside %d bytes, %v", cut, len(aside), err)
		}
	}
}

// TestPendingNames: Fault #132: a name never leads out of the folder.
func TestPendingNames(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	for _, name := range []string{"", "..", "../x", "a/b", ".hidden", "a\nb", strings.Repeat("x", 300)} {
		err := s.SavePending(name, pending())
		_, _, readErr := s.Pending(name)
		for _, err := range []error{err, readErr, s.RemovePending(name)} {
			if fault.CodeOf(err) != fault.CodeState {
				t.Errorf("%q: %v", name, err)
			}
		}
	}
}
