package acmedns_test

import (
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/miekg/dns"

	"wildcard/internal/dns01/propagation"
	"wildcard/internal/settings"
	"wildcard/providers"
	"wildcard/providers/acmedns"
	"wildcard/providers/acmedns/acmednstest"
)

// TestPublication waits for what was written as a run does: the zone is found by look-ups, and acme-dns itself is asked.
func TestPublication(t *testing.T) {
	t.Parallel()
	server, err := acmednstest.Start("auth.example.org")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	spec, err := providers.ParseSpec("acmedns")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	accounts, err := acmedns.Open(spec, settings.Sources{
		Environ: []string{"ACME_DNS_API_BASE=" + server.URL()}, ConfigDir: filepath.Join(dir, "etc"),
	}, acmedns.Options{RunDir: filepath.Join(dir, "run")})
	if err != nil {
		t.Fatal(err)
	}
	router := providers.Router{Accounts: accounts}
	name, err := accounts[0].Provider.(providers.CNAMETargets).CNAMETarget(t.Context(), "example.com", true)
	if err != nil {
		t.Fatal(err)
	}
	route, err := router.Route(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	var records []propagation.Record
	for n := range 2 {
		value := fmt.Sprintf("%043d", n)
		if _, err := route.Account.Present(t.Context(), providers.Challenge{Domain: "example.com", FQDN: name, Value: value}); err != nil {
			t.Fatal(err)
		}
		records = append(records, propagation.Record{Zone: route.Zone, FQDN: name, Value: value})
	}
	wait := propagation.Wait{
		Resolver: &propagation.Resolver{Servers: []string{resolver(t)}, Port: int(netip.MustParseAddrPort(server.Addr()).Port())},
		Limit:    time.Minute, HistoryDir: filepath.Join(dir, "history"),
	}
	if report, err := wait.Run(t.Context(), records); err != nil || report.Unverified || len(report.SteppedOver) > 0 {
		t.Errorf("%+v, %v", report, err)
	}
}

// resolver knows that auth.example.org is its own name server on this machine, and is never asked for a registered name.
func resolver(t *testing.T) string {
	t.Helper()
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	const zone = "auth.example.org."
	started := make(chan struct{})
	server := &dns.Server{PacketConn: udp, NotifyStartedFunc: func() { close(started) }, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) {
		var m dns.Msg
		m.SetReply(r)
		m.RecursionAvailable = true
		q := r.Question[0]
		header := dns.RR_Header{Name: q.Name, Rrtype: q.Qtype, Class: dns.ClassINET, Ttl: 60}
		switch {
		case dns.CanonicalName(q.Name) == "org.": // nothing above is there to be asked
			m.Rcode = dns.RcodeNameError
		case dns.CanonicalName(q.Name) != zone:
			t.Errorf("the resolver is asked for %s %s", q.Name, dns.TypeToString[q.Qtype])
		case q.Qtype == dns.TypeNS:
			m.Answer = []dns.RR{&dns.NS{Hdr: header, Ns: zone}}
		case q.Qtype == dns.TypeA:
			m.Answer = []dns.RR{&dns.A{Hdr: header, A: net.IPv4(127, 0, 0, 1)}}
		}
		_ = w.WriteMsg(&m)
	})}
	go func() { _ = server.ActivateAndServe() }()
	<-started
	t.Cleanup(func() { _ = server.Shutdown() })
	return udp.LocalAddr().String()
}
