package state_test

import (
	"crypto/x509"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// leaf is a certificate as far as it matters here.
func leaf(issuer string, serial int64) *x509.Certificate {
	return &x509.Certificate{RawIssuer: []byte(issuer), SerialNumber: big.NewInt(serial), NotAfter: noon().AddDate(0, 0, 90)}
}

// TestRevoked_OneCertificate: a revocation outlives the process and belongs to one certificate alone: neither another number of the same issuer
// nor the same number of another.
func TestRevoked_OneCertificate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	if _, is, err := s.Revoked(leaf("a", 1)); is || err != nil {
		t.Errorf("before any: %t %v", is, err)
	}
	for i, c := range []*x509.Certificate{leaf("a", 1), leaf("b", 17), leaf("a", 1)} {
		if err := s.AddRevoked(c, noon().Add(time.Duration(i)*time.Hour), i == 2); err != nil {
			t.Fatal(err)
		}
	}
	s = open(t, dir)
	r, is, err := s.Revoked(leaf("a", 1))
	if !is || err != nil || !r.Time.Equal(noon()) || !r.ByKey {
		t.Errorf("%+v %t %v", r, is, err)
	}
	for _, other := range []*x509.Certificate{leaf("a", 17), leaf("b", 1), leaf("c", 1), nil} {
		if r, is, err := s.Revoked(other); is || err != nil {
			t.Errorf("of another certificate: %+v %v", r, err)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, "revoked.jsonl")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
}

// TestRevoked_Expired: what has expired is forgotten when the next is written, so the file does not grow for ever.
func TestRevoked_Expired(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	later := leaf("a", 2)
	later.NotAfter = noon().AddDate(1, 0, 0)
	for _, step := range []struct {
		c  *x509.Certificate
		at time.Time
	}{{leaf("a", 1), noon()}, {later, noon().AddDate(0, 0, 91)}} {
		if err := s.AddRevoked(step.c, step.at, false); err != nil {
			t.Fatal(err)
		}
	}
	if _, is, _ := s.Revoked(leaf("a", 1)); is {
		t.Error("it expired, and is remembered")
	}
	if _, is, _ := s.Revoked(later); !is {
		t.Error("one that has not expired is forgotten")
	}
}

// TestRevoked_Damaged: a damaged line costs its own certificate alone, and a file that cannot be read is an error, not "none".
func TestRevoked_Damaged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	for n := range int64(3) {
		if err := s.AddRevoked(leaf("a", n+1), noon(), false); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "revoked.jsonl")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(text), "\n")
	lines[1] = strings.Replace(lines[1], "serial", "Serial", 1)
	if err := os.WriteFile(path, []byte(strings.Join(lines, "")), 0o600); err != nil {
		t.Fatal(err)
	}
	for n, want := range map[int64]bool{1: true, 2: false, 3: true} {
		if _, is, err := s.Revoked(leaf("a", n)); is != want || err != nil {
			t.Errorf("%d: %t %v", n, is, err)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Revoked(leaf("a", 1)); err == nil {
		t.Error("a folder in the file's place is taken for none")
	}
}
