//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"slices"
	"testing"

	"wildcard/conoha/conohatest"
)

// doctor runs "wildcard doctor" on a certificate, and returns its exit status and the codes of what it found.
func (w *world) doctor(name string) (exit int, codes []string) {
	w.t.Helper()
	cmd := exec.Command(w.dir+"/bin/wildcard", "doctor", "--json", "--ca-bundle", w.dir+"/root.pem", name)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.dir}, w.environ...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		if _, ended := errors.AsType[*exec.ExitError](err); !ended {
			w.t.Fatal(err)
		}
	}
	var answer struct {
		Findings []struct{ Code, What string } `json:"findings"`
	}
	if err := json.Unmarshal(out.Bytes(), &answer); err != nil {
		w.t.Fatalf("%v: %s%s", err, out.String(), errs.String())
	}
	for _, f := range answer.Findings {
		w.t.Logf("%s: %s", f.Code, f.What)
		codes = append(codes, f.Code)
	}
	return cmd.ProcessState.ExitCode(), codes
}

// What real certbot has written is read as it is meant: nothing is wrong with a certificate that it has just got with our
// hooks, but that another client's record stands beside; without the hooks it could not renew it.
func TestDoctorReadsCertbot(t *testing.T) {
	w := newWorld(t, conohatest.Options{})
	a := w.conoha.AddAccount(conohatest.Account{Version: 2})
	w.zone(a, "example.com")
	w.use(a)
	args := w.certonly("example.com", "*.example.com")
	for i, arg := range args {
		if arg == "wildcard-auth-hook" || arg == "wildcard-cleanup-hook" {
			args[i] = w.dir + "/bin/" + arg
		}
	}
	w.certbot(args...)
	if exit, codes := w.doctor("example.com"); exit != 0 || !slices.Equal(codes, []string{"record.foreign"}) {
		t.Errorf("exit status %d: %q", exit, codes)
	}
	if err := os.Remove(w.dir + "/bin/wildcard-cleanup-hook"); err != nil {
		t.Fatal(err)
	}
	if exit, codes := w.doctor("example.com"); exit != 78 || !slices.Contains(codes, "hook.unusable") {
		t.Errorf("exit status %d: %q", exit, codes)
	}
}
