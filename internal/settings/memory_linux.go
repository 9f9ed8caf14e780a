package settings

import "golang.org/x/sys/unix"

// HideMemory keeps this process's memory, with the secrets in it, from core files, whatever limit and handler the system has for
// them, and from other processes of the same user (prctl(2), PR_SET_DUMPABLE). A limit of zero for core files would not do: the
// kernel does not ask it when a program such as systemd-coredump takes them, and deploy hooks, and the servers that they start,
// would inherit it. This is undone by exec. A program that holds secrets calls it first.
//
// It is only a precaution: a kernel that refuses it is no reason to stop.
func HideMemory() { _ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) }
