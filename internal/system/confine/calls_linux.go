package confine

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// machine is what a filter has to know of system calls that other machines do not have.
type machine struct {
	arch    uint32   // of seccomp_data, in linux/seccomp.h
	foreign uint32   // the first number of another way to call the same, 0 for none
	modes   []uint32 // that change by a path what files are
}

// machines have a system call for each kind of socket call. Where they are all one (socketcall(2)), what it is about cannot be seen.
func machines() map[string]machine {
	return map[string]machine{
		"amd64":   {unix.AUDIT_ARCH_X86_64, 0x40000000, []uint32{90, 92, 94}}, // x32; chmod, chown, lchown
		"arm64":   {arch: unix.AUDIT_ARCH_AARCH64},
		"riscv64": {arch: unix.AUDIT_ARCH_RISCV64},
	}
}

// Where the words of seccomp_data are that are looked at.
const (
	atCall   = 0
	atArch   = 4
	argument = 16 // the low half of the first; each has 8 bytes
)

// mostKind are the bits of a socket's kind that are not flags (linux/net.h, SOCK_TYPE_MASK).
const mostKind = 0xf

// filter is what a program may not call that Landlock is not asked about: a way to the sockets of daemons, which would do for it what it
// may not, by a call or by a ring of calls; by a path, modes, owners, lists of access and lengths of files that it does not see; and
// files by their numbers, for which the right to read what it sees is enough (open_by_handle_at(2)). It is the same for each user, so
// that what works by hand works by the timer.
func filter(m machine) []unix.SockFilter {
	f := []unix.SockFilter{load(atArch), {Code: equal, K: m.arch, Jt: 1}, refuse(unix.ENOSYS), load(atCall)}
	if m.foreign != 0 {
		f = append(f, unix.SockFilter{Code: least, K: m.foreign, Jf: 1}, refuse(unix.ENOSYS))
	}
	f = append(f, unless(unix.SYS_IO_URING_SETUP, 1), refuse(unix.ENOSYS))
	for _, call := range append(m.modes, unix.SYS_FCHMODAT, unix.SYS_FCHMODAT2, unix.SYS_FCHOWNAT, unix.SYS_SETXATTR,
		unix.SYS_LSETXATTR, unix.SYS_SETXATTRAT, unix.SYS_REMOVEXATTR, unix.SYS_LREMOVEXATTR, unix.SYS_REMOVEXATTRAT,
		unix.SYS_TRUNCATE, unix.SYS_OPEN_BY_HANDLE_AT) {
		f = append(f, unless(call, 1), refuse(unix.EPERM))
	}
	return append(f,
		unless(unix.SYS_SOCKET, 4), load(argument), unless(unix.AF_UNIX, 1), refuse(unix.EACCES), allowed(),
		// Of a pair, a socket for datagrams can be brought to another end; SOCK_RAW is one too (the kernel's unix_create).
		unless(unix.SYS_SOCKETPAIR, 6), load(argument+8), unix.SockFilter{Code: and, K: mostKind},
		unix.SockFilter{Code: equal, K: unix.SOCK_STREAM, Jt: 2}, unix.SockFilter{Code: equal, K: unix.SOCK_SEQPACKET, Jt: 1},
		refuse(unix.EACCES), allowed(),
		allowed())
}

const (
	equal = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	least = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
	and   = unix.BPF_ALU | unix.BPF_AND | unix.BPF_K
)

func load(at uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: at}
}

// unless passes over so many steps if the word is another.
func unless(word uint32, steps uint8) unix.SockFilter {
	return unix.SockFilter{Code: equal, K: word, Jf: steps}
}

func refuse(errno unix.Errno) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(errno)}
}

func allowed() unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW}
}

// restrictCalls takes system calls from this thread and from what it starts. A kernel that knows no filters, of which there are few that
// know Landlock, is no reason to stop.
func restrictCalls() error {
	m, known := machines()[runtime.GOARCH]
	if !known {
		return nil
	}
	f := filter(m)
	program := unix.SockFprog{Len: uint16(len(f)), Filter: &f[0]}
	err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0)
	runtime.KeepAlive(f)
	if err != nil && !errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("seccomp: %w", err)
	}
	return nil
}

// ofOwners are the capabilities by which root uses the files of other users.
const ofOwners = 1<<unix.CAP_DAC_OVERRIDE | 1<<unix.CAP_DAC_READ_SEARCH

// renounce takes capabilities from this thread. With no_new_privs, what it starts has no more, even as root (capabilities(7),
// "Capabilities and execution of programs by root"; the kernel's cap_bprm_creds_from_file). It may use what was given to [User], since
// the one folder is for plugins that are another user and for those that cannot be.
func renounce() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var ours, kept [2]unix.CapUserData
	if err := unix.Capget(&header, &ours[0]); err != nil {
		return fmt.Errorf("capabilities: %w", err)
	}
	kept[0].Permitted = ours[0].Permitted & ofOwners
	kept[0].Effective = ours[0].Effective & ofOwners
	kept[0].Inheritable = ours[0].Inheritable & ofOwners
	// In a box where that is not allowed, the filter of system calls stands for it.
	if err := unix.Capset(&header, &kept[0]); err != nil && !errors.Is(err, unix.EPERM) {
		return fmt.Errorf("capabilities: %w", err)
	}
	return nil
}
