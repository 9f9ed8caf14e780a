//go:build e2e

package e2e

import (
	"crypto/tls"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wildcard/conoha/conohatest"
)

// Ten certbots side by side, each with folders of its own, since certbot locks them. Their hooks share a state directory and one
// file with both generations' credentials. They want the same names, in one zone or in two.
func TestCrowdOfCertbots(t *testing.T) {
	w := newWorld(t, conohatest.Options{PublicationDelay: []time.Duration{0, 300 * time.Millisecond, 600 * time.Millisecond}})
	v2, v3 := w.conoha.AddAccount(conohatest.Account{Version: 2}), w.conoha.AddAccount(conohatest.Account{Version: 3})
	w.zone(v2, "example.com")
	w.zone(v3, "example.net")
	w.use(v2, v3)
	w.write(w.dir+"/etc/conoha/.env", strings.Join(quoted(w.conoha.Environ(v2, v3)), "\n"))
	w.environ = slices.DeleteFunc(w.environ, func(line string) bool { return strings.HasPrefix(line, "CONOHA") })
	com, net := []string{"*.example.com", "example.com"}, []string{"*.example.net", "example.net"}
	records := 0
	began := time.Now()
	var certbots sync.WaitGroup
	for i := range 10 {
		domains := [][]string{com, net, slices.Concat(com, net)}[i%3]
		records += len(domains)
		dir := fmt.Sprintf("%s/certbot%d", w.dir, i)
		certbots.Go(func() {
			out, err := w.commandIn(dir, w.certonly(domains...)...).CombinedOutput()
			log, _ := os.ReadFile(dir + "/log/letsencrypt.log")
			if err != nil {
				t.Errorf("certbot %d: %v\n%s\n%s", i, err, out, log)
				return
			}
			if lines := warnings(string(log)); len(log) == 0 || len(lines) > 0 {
				t.Errorf("certbot %d warns: %q", i, lines)
			}
			live := dir + "/etc/live/" + strings.TrimPrefix(domains[0], "*.")
			pair, err := tls.LoadX509KeyPair(live+"/fullchain.pem", live+"/privkey.pem")
			if err != nil {
				t.Error(err)
			} else if got := pair.Leaf.DNSNames; !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(domains))) {
				t.Errorf("certbot %d: a certificate for %q, want %q", i, got, domains)
			}
		})
	}
	certbots.Wait()
	took := time.Since(began)
	w.clean("example.com", "example.net")
	calls := w.conoha.Calls()
	if calls.Logins != 2 || calls.ZoneLists != 2 || calls.Creates != records || calls.Deletes != records {
		t.Errorf("%d records: calls %+v", records, calls)
	}
	if left, err := os.ReadDir(w.dir + "/state/journal"); err != nil || len(left) > 0 {
		t.Errorf("left in the journal: %v %v", left, err)
	}
	t.Logf("ten certbots took %v for %d records; calls %+v", took, records, calls)
}
