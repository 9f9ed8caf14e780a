package journal

import "os"

// Client returns the certbot that called us: the nearest ancestor whose environment lacks CERTBOT_VALIDATION, which the
// shell between certbot and its hook has. Where environments cannot be read, it is the nearest ancestor that is no shell.
//
// A client that can be named but not looked at (hidepid of proc(5)), or that is outside of our pid namespace, is returned
// without a start time: nobody can tell whether it lives. Neither can anybody when certbot died before we looked: what is
// left as an ancestor then is process 1 or whoever else takes in orphans. Errors are CodeState: there is no /proc at all,
// or one of another pid namespace.
func Client() (Process, error) { return proc.client(os.Getpid()) }

func (pfs procfs) client(pid int) (Process, error) {
	if err := pfs.usable(); err != nil {
		return Process{}, err
	}
	ancestors, err := pfs.ancestors(pid)
	if err != nil {
		return Process{}, err
	}
	p, _ := pfs.process(pfs.choose(ancestors)) // one that cannot be looked at is still one
	return p, nil
}

// choose returns the ancestor that is the client; 0 if there are none.
func (pfs procfs) choose(ancestors []int) int {
	last := 0
	for _, pid := range ancestors {
		has, err := pfs.environHas(pid, "CERTBOT_VALIDATION")
		if err != nil {
			break
		}
		if !has {
			return pid
		}
	}
	for _, pid := range ancestors {
		if !pfs.isShell(pid) {
			return pid
		}
		last = pid
	}
	return last
}
