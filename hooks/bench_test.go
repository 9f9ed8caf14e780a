package hooks_test

import (
	"fmt"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"wildcard/conoha/conohatest"
	"wildcard/internal/testkit/executable"
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
	executable.Build(b, dir, "wildcard-auth-hook", "wildcard-cleanup-hook")
	environ := append(service.Environ(a), "WILDCARD_STATE_DIR="+dir+"/state", "WILDCARD_RUN_DIR="+dir+"/run", "WILDCARD_CONFIG_DIR="+dir,
		"WILDCARD_CA_CACHE=0") // no CA looks
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
	// The last call of a round: how long after the last name server has the value does the hook return?
	b.Run("wait", func(b *testing.B) {
		service.SetPublicationDelay(time.Second, 2*time.Second, 3*time.Second)
		var late time.Duration
		for n := 1 << 20; b.Loop(); n++ {
			cmd := exec.Command(dir + "/wildcard-auth-hook")
			value := fmt.Sprintf("%043d", n)
			cmd.Env = append(environ, "CERTBOT_DOMAIN=example.com", "CERTBOT_VALIDATION="+value)
			if out, err := cmd.CombinedOutput(); err != nil {
				b.Fatalf("%v: %s", err, out)
			}
			returned := time.Now()
			published, ok := service.PublishedAt("ns-a3.conoha.io.", "_acme-challenge.example.com.", value)
			if !ok || returned.Before(published) {
				b.Fatalf("returned before the last server had the value (at %v)", published)
			}
			late += returned.Sub(published)
			run(b, "cleanup", n)
		}
		b.ReportMetric(float64(late.Milliseconds())/float64(b.N), "ms-after-publication")
	})
}
