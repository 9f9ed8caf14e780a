package journal

import (
	"testing"

	"golang.org/x/sys/unix"
)

// While another thread starts a process, that one has copies of our descriptors until it has become its program. A hold that has
// ended must not last as long.
func TestHold_ProcessIsStarted(t *testing.T) {
	t.Parallel()
	copied := func(fd uintptr) {
		t.Helper()
		other, err := unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = unix.Close(other) })
	}
	j := open(t)
	e, err := j.Add(ofTheDead(t))
	if err != nil {
		t.Fatal(err)
	}
	held := func() *held {
		t.Helper()
		h, err := j.hold(e.ID)
		if err != nil {
			t.Fatal(err)
		}
		copied(h.file.Fd())
		return h
	}
	held().release()
	h := held()
	if err := h.put(h.Entry); err != nil {
		t.Fatal(err)
	}
	copied(h.file.Fd())
	h.release()
	held().release()
}
