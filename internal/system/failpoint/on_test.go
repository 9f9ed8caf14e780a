//go:build failpoint

package failpoint

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestOn(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	t.Setenv("WILDCARD_FAILPOINT_LOG", log)
	points = counter{}
	for n, want := range []struct {
		made bool
		err  error
	}{1: {false, syscall.EIO}, 2: {true, syscall.EIO}, 3: {true, nil}} {
		if n == 0 {
			continue
		}
		points = counter{}
		t.Setenv("WILDCARD_FAILPOINT", string(rune('0'+n))+":EIO")
		made := false
		err := Do("file", "write", func() error { made = true; return nil })
		if made != want.made || !errors.Is(err, want.err) {
			t.Errorf("point %d: made %v, error %v", n, made, err)
		}
	}
	points = counter{}
	t.Setenv("WILDCARD_FAILPOINT", "2:ENOSPC:file|nothing")
	for n, name := range []string{"before folder fsync", "before file fsync", "after folder fsync", "after file fsync"} {
		if err := points.hit(name); (n == 3) != errors.Is(err, syscall.ENOSPC) || n != 3 && err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	got, err := os.ReadFile(log)
	want := "1 before file write\n1 before file write\n2 after file write\n1 before file write\n2 after file write\n" +
		"1 before folder fsync\n2 before file fsync\n3 after folder fsync\n4 after file fsync\n"
	if err != nil || string(got) != want {
		t.Errorf("log %q: %v", got, err)
	}
}
