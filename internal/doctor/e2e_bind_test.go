//go:build e2e

package doctor

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// named runs BIND with a zone that it signs itself, and returns its address.
func named(t *testing.T, zone string) string {
	t.Helper()
	program, err := exec.LookPath("named")
	if err != nil {
		t.Fatalf("the e2e ring needs BIND: %v", err)
	}
	dir := t.TempDir()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	_ = listener.Close()
	for name, text := range map[string]string{
		"zone": "$TTL 3600\n@ IN SOA ns." + zone + ". hostmaster." + zone + ". 1 3600 600 86400 3600\n@ IN NS ns." + zone + ".\nns IN A 127.0.0.1\n",
		"named.conf": fmt.Sprintf(`options { directory %q; pid-file none; session-keyfile none; listen-on port %d { 127.0.0.1; }; listen-on-v6 { none; };
			recursion no; allow-recursion { none; }; dnssec-validation no; };
			controls { };
			zone %q { type primary; file "zone"; dnssec-policy default; inline-signing yes; };`, dir, port, zone),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var log bytes.Buffer
	cmd := exec.Command(program, "-g", "-c", filepath.Join(dir, "named.conf"))
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
		if t.Failed() {
			t.Log(log.String())
		}
	})
	return fmt.Sprintf("127.0.0.1:%d", port)
}

// What BIND signs holds together, and what it signs does not fit another key's DS record.
func TestDNSSECOfBIND(t *testing.T) {
	f := newFront(t, named(t, apex))
	var key *dns.DNSKEY
	deadline := time.Now().Add(2 * time.Minute)
	for key == nil {
		if time.Now().After(deadline) {
			t.Fatal("BIND has not signed its zone within two minutes")
		}
		time.Sleep(100 * time.Millisecond)
		q := new(dns.Msg).SetQuestion(apex+".", dns.TypeDNSKEY)
		q.SetEdns0(1232, true)
		soa := q.Copy()
		soa.Question[0].Qtype = dns.TypeSOA
		if len(of[*dns.RRSIG](f.ask(q).Answer, apex)) == 0 || len(of[*dns.RRSIG](f.ask(soa).Answer, apex)) == 0 {
			continue
		}
		for _, k := range of[*dns.DNSKEY](f.ask(q).Answer, apex) {
			if k.Flags&dns.SEP != 0 {
				key = k
			}
		}
	}
	w := newWorld(t)
	w.front = f
	resolver, err := w.doctor.Resolver(w.certificate().Settings)
	w.check(err)
	for _, test := range []struct {
		name   string
		ds     *dns.DS
		broken bool
	}{
		{"its own key", key.ToDS(dns.SHA256), false},
		{"another key", newSignedZone(t).key.ToDS(dns.SHA256), true},
	} {
		f.records(apex, dns.TypeDS, test.ds)
		v := w.doctor.visit(t.Context())
		v.dnssec(t.Context(), resolver, apex+".")
		report := v.close()
		if got := len(report.Findings) > 0; got != test.broken || len(report.Findings)+len(report.Good) != 1 {
			t.Errorf("%s: %v %+v", test.name, codes(report), report.Good)
		}
	}
}
