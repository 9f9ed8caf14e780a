package hooks_test

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"wildcard/conoha/conohatest"
)

// BenchmarkHook is what one challenge costs with a service that answers at once: the auth hook and the cleanup hook as
// processes, the stripped programs. It also gives the most memory that either had resident, and a start alone (--help).
func BenchmarkHook(b *testing.B) {
	service, err := conohatest.Start(conohatest.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer service.Close()
	a := service.AddAccount(conohatest.Account{Version: 2})
	service.AddZone(a.Tenant, "example.com")
	dir := b.TempDir()
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", dir+"/", "wildcard/cmd/wildcard-auth-hook", "wildcard/cmd/wildcard-cleanup-hook")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	environ := append(service.Environ(a), "WILDCARD_STATE_DIR="+dir+"/state", "WILDCARD_RUN_DIR="+dir+"/run", "WILDCARD_CONFIG_DIR="+dir)
	var resident int64
	run := func(b *testing.B, hook string, n int, args ...string) {
		cmd := exec.Command(dir+"/wildcard-"+hook+"-hook", args...)
		cmd.Env = append(environ, "CERTBOT_DOMAIN=example.com", "CERTBOT_REMAINING_CHALLENGES=1", fmt.Sprintf("CERTBOT_VALIDATION=%043d", n))
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
		resident = max(resident, cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)
	}
	b.Run("start", func(b *testing.B) {
		for b.Loop() {
			run(b, "auth", 0, "--help")
		}
	})
	b.Run("challenge", func(b *testing.B) {
		for n := 0; b.Loop(); n++ {
			run(b, "auth", n)
			run(b, "cleanup", n)
		}
		b.ReportMetric(float64(resident)/1024, "MiB-resident")
	})
}
