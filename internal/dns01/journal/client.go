package journal

import (
	"os"

	"wildcard/internal/fault"
)

// Client returns the certbot that called us: the nearest ancestor whose environment lacks CERTBOT_VALIDATION, which the
// shell between certbot and its hook has. Where environments cannot be read, it is the nearest ancestor that is no shell.
//
// A client that can be named but not looked at (hidepid of proc(5)), or that is outside of our pid namespace, is returned
// without a start time: it cannot be told whether it lives. Nor can it when certbot died before we looked: what is
// left as an ancestor then is process 1 or another that takes in orphans. Errors are CodeState: there is no /proc at all,
// or one of another pid namespace, or it cannot be read for another reason than that it shows us no more. A guess would be
// written down, and the record would stay for hours after the real client's death.
func Client() (Process, error) { return proc.client(os.Getpid()) }

func (pfs procfs) client(pid int) (Process, error) {
	if err := pfs.usable(); err != nil {
		return Process{}, err
	}
	ancestors, err := pfs.ancestors(pid)
	if err != nil {
		return Process{}, err
	}
	client, err := pfs.choose(ancestors)
	if err != nil {
		return Process{}, fault.Errorf(fault.CodeState, fault.Failed, "journal: look for certbot: %w", err)
	}
	p, err := pfs.process(client)
	if err != nil && !hidden(err) {
		return Process{}, err
	}
	return p, nil // one that cannot be looked at is still one
}

// choose returns the ancestor that is the client; 0 if there are none.
func (pfs procfs) choose(ancestors []int) (int, error) {
	last := 0
	for _, pid := range ancestors {
		has, err := pfs.environHas(pid, "CERTBOT_VALIDATION")
		if hidden(err) {
			break
		}
		if err != nil || !has {
			return pid, err
		}
	}
	for _, pid := range ancestors {
		if !pfs.isShell(pid) {
			return pid, nil
		}
		last = pid
	}
	return last, nil
}
