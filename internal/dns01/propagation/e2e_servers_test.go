//go:build e2e

package propagation_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"wildcard/internal/dns01/propagation"
	"wildcard/internal/fault"
	"wildcard/internal/settings"
	"wildcard/internal/testkit/bindtest"
	"wildcard/internal/testkit/nameservers"
	"wildcard/providers"
	"wildcard/providers/rfc2136"
)

const (
	apex      = "example.test."
	challenge = "_acme-challenge." + apex
	value     = "gfj9Xq-Rg85nM_DhHy2PpLZ5Dp0eW4VrU2yXiKqTb4s"

	own    = "127.0.0.10" // the resolver
	first  = "127.0.0.11" // name servers
	second = "127.0.0.12"
	third  = "127.0.0.13"
	fourth = "127.0.0.14"
	source = "127.0.0.20" // from which interceptors ask
)

// published has the record already.
func published() []string {
	return []string{challenge + ` 60 IN TXT "` + value + `"`}
}

func servers(n int) []string {
	return []string{"ns1.example.test.=" + first, "ns2.example.test.=" + second, "ns3.example.test.=" + third, "ns4.example.test.=" + fourth}[:n]
}

func setUp(t *testing.T) {
	t.Helper()
	nameservers.AddAddresses(t, own, first, second, third, fourth, source)
}

func ours(context.Context, string) (bool, error) { return true, nil }

func theRecord() []propagation.Record {
	return []propagation.Record{{Zone: apex, FQDN: challenge, Value: value}}
}

// A zone that BIND, Knot, NSD and PowerDNS each have as primary: its delegation is found, there is no CNAME, and all show the record.
func TestServers_EachAsPrimary(t *testing.T) {
	nameservers.Alone(t, own, func(t *testing.T) {
		setUp(t)
		zone := nameservers.Zone{Name: apex, Records: nameservers.Records(apex, 1, published(), servers(4)...)}
		nameservers.BIND(t, first, "", zone)
		nameservers.Knot(t, second, zone)
		nameservers.NSD(t, third, zone)
		nameservers.PowerDNS(t, fourth, zone)
		nameservers.Unbound(t, own, own, "access-control: 127.0.0.0/8 allow", apex+"="+first)
		r := &propagation.Resolver{Servers: []string{own + ":53"}}
		for _, name := range []string{challenge, "_acme-challenge.absent." + apex} {
			if got, err := r.FollowCNAME(t.Context(), name, ours); err != nil || got != name {
				t.Errorf("%s, %v", got, err)
			}
		}
		wait := propagation.Wait{Resolver: r, Limit: time.Minute}
		report, err := wait.Run(t.Context(), theRecord())
		if err != nil || report.Unverified || len(report.SteppedOver) > 0 || len(report.Servers) != 4 {
			t.Errorf("%+v, %v", report, err)
		}
	})
}

// account opens RFC 2136 with a key at a server.
func account(t *testing.T, server, secret string) *rfc2136.Provider {
	t.Helper()
	spec, err := providers.ParseSpec(strings.TrimSuffix(apex, ".") + "=rfc2136")
	if err != nil {
		t.Fatal(err)
	}
	opened, err := rfc2136.Open(spec, settings.Sources{Environ: []string{"RFC2136_NAMESERVER=" + server + ":53", "RFC2136_TSIG_KEY=wildcard-key",
		"RFC2136_TSIG_ALGORITHM=hmac-sha256", "RFC2136_TSIG_SECRET=" + secret}}, rfc2136.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return opened[0].Provider.(*rfc2136.Provider)
}

func theChallenge() providers.Challenge {
	return providers.Challenge{Domain: strings.TrimSuffix(apex, "."), FQDN: challenge, Value: value}
}

// BIND as primary takes the update; Knot, NSD and PowerDNS are its secondaries. And it is made through a secondary of BIND that
// forwards updates and does not know the key (P21), and deleted through it.
func TestServers_SecondariesAndForwardedUpdates(t *testing.T) {
	nameservers.Alone(t, own, func(t *testing.T) {
		setUp(t)
		clause, secret := bindtest.Key(t, "hmac-sha256", "wildcard-key")
		const forwarder = "127.0.0.15"
		nameservers.AddAddresses(t, forwarder)
		nameservers.BIND(t, first, clause, nameservers.Zone{Name: apex, Records: nameservers.Records(apex, 1, nil, servers(4)...),
			Notify: []string{second, third, fourth, forwarder}, More: "update-policy { grant wildcard-key zonesub TXT; }; "})
		copied := nameservers.Zone{Name: apex, Primary: first}
		nameservers.Knot(t, second, copied)
		nameservers.NSD(t, third, copied)
		nameservers.PowerDNS(t, fourth, copied)
		forwarding := copied
		forwarding.More = "allow-update-forwarding { any; }; "
		nameservers.BIND(t, forwarder, "", forwarding)
		nameservers.Unbound(t, own, own, "access-control: 127.0.0.0/8 allow", apex+"="+first)
		wait := propagation.Wait{Resolver: &propagation.Resolver{Servers: []string{own + ":53"}}, Limit: time.Minute}
		for _, server := range []string{first, forwarder} {
			p := account(t, server, secret)
			handle, err := p.Present(t.Context(), theChallenge())
			if err != nil {
				t.Fatalf("through %s: %v", server, err)
			}
			if report, err := wait.Run(t.Context(), theRecord()); err != nil || len(report.SteppedOver) > 0 || len(report.Servers) != 4 {
				t.Errorf("through %s: %+v, %v", server, report, err)
			}
			if err := p.CleanUp(t.Context(), theChallenge(), handle); err != nil {
				t.Errorf("through %s: %v", server, err)
			}
			view, err := account(t, first, secret).Origin(t.Context(), challenge)
			if err != nil || len(view.Texts) > 0 {
				t.Errorf("through %s: left %q, %v", server, view.Texts, err)
			}
		}
		// BIND says SERVFAIL for whatever the primary does not carry out, so it stays open what came of it.
		_, wrong := bindtest.Key(t, "hmac-sha256", "wildcard-key")
		if _, err := account(t, forwarder, wrong).Present(t.Context(), theChallenge()); err == nil {
			t.Error("a wrong key was taken")
		}
		if _, err := account(t, first, wrong).Present(t.Context(), theChallenge()); fault.CodeOf(err) != fault.CodeCredentials || !providers.IsUnmade(err) {
			t.Errorf("a wrong key: %v", err)
		}
	})
}

// interceptor is what answers on a port of 127.0.0.1.
const interceptorPort = 5300

// P12: packets to port 53 but those of the own resolver go to unbound, which refuses what is not recursive; to unbound that lets
// its cache be seen; to dnsmasq.
func testIntercepted(t *testing.T, start func(t *testing.T)) {
	nameservers.Alone(t, own, func(t *testing.T) {
		setUp(t)
		nameservers.NSD(t, first, nameservers.Zone{Name: apex, Records: nameservers.Records(apex, 1, published(), servers(1)...)})
		nameservers.Unbound(t, own, own, "access-control: 127.0.0.0/8 allow", apex+"="+first)
		start(t)
		nameservers.Redirect(t, interceptorPort, own, source)
		r := &propagation.Resolver{Servers: []string{own + ":53"}}
		if got, err := r.FollowCNAME(t.Context(), challenge, ours); err != nil || got != challenge {
			t.Errorf("%s, %v", got, err)
		}
		var told []propagation.State
		wait := propagation.Wait{Resolver: r, Limit: time.Minute, ResolverAfter: 2 * time.Second, Observe: func(e propagation.Event) {
			if e.Server == "" {
				told = append(told, e.State)
			}
		}}
		report, err := wait.Run(t.Context(), theRecord())
		if err != nil || !report.Unverified || report.Path != own+":53" || len(told) != 1 || told[0] != propagation.Intercepted {
			t.Errorf("%+v, %v, told %q", report, err, told)
		}
		wait.Limit = 8 * time.Second
		_, err = wait.Run(t.Context(), []propagation.Record{{Zone: apex, FQDN: "_acme-challenge.absent." + apex, Value: value}})
		if fault.CodeOf(err) != fault.CodeIntercepted || !strings.Contains(err.Error(), "--resolver https://") {
			t.Errorf("what no resolver sees: %v", err)
		}
	})
}

func TestServers_InterceptedByUnbound(t *testing.T) {
	testIntercepted(t, func(t *testing.T) {
		nameservers.Unbound(t, fmt.Sprintf("127.0.0.1@%d", interceptorPort), source, "access-control: 127.0.0.0/8 allow", apex+"="+first)
	})
}

func TestServers_InterceptedByUnboundAllowSnoop(t *testing.T) {
	testIntercepted(t, func(t *testing.T) {
		nameservers.Unbound(t, fmt.Sprintf("127.0.0.1@%d", interceptorPort), source, "access-control: 127.0.0.0/8 allow_snoop", apex+"="+first)
	})
}

func TestServers_InterceptedByDnsmasq(t *testing.T) {
	testIntercepted(t, func(t *testing.T) { nameservers.Dnsmasq(t, interceptorPort, own, source) })
}

// P13: packets to port 53 are dropped but to one resolver.
func TestServers_OneResolverAllowed(t *testing.T) {
	nameservers.Alone(t, own, func(t *testing.T) {
		setUp(t)
		nameservers.Knot(t, first, nameservers.Zone{Name: apex, Records: nameservers.Records(apex, 1, published(), servers(1)...)})
		nameservers.Unbound(t, own, own, "access-control: 127.0.0.0/8 allow", apex+"="+first)
		nameservers.Drop(t, own)
		r := &propagation.Resolver{Servers: []string{own + ":53"}}
		if got, err := r.FollowCNAME(t.Context(), challenge, ours); err != nil || got != challenge {
			t.Errorf("%s, %v", got, err)
		}
		wait := propagation.Wait{Resolver: r, Limit: time.Minute, ResolverAfter: 2 * time.Second}
		report, err := wait.Run(t.Context(), theRecord())
		if err != nil || !report.Unverified || report.CutOff != propagation.Blocked || report.Path != own+":53" {
			t.Errorf("%+v, %v", report, err)
		}
	})
}

// P14: the update goes to the view of those who have the key, and we, inside, are shown another; or the resolver leads to an internal
// server with a zone of that name.
func TestServers_ViewsAndSplitHorizon(t *testing.T) {
	nameservers.Alone(t, own, func(t *testing.T) {
		setUp(t)
		clause, secret := bindtest.Key(t, "hmac-sha256", "wildcard-key")
		dir := t.TempDir()
		inner := dir + "/inner"
		if err := os.WriteFile(inner, []byte(strings.Join(nameservers.Records(apex, 7, nil, servers(1)...), "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		outer := dir + "/outer"
		if err := os.WriteFile(outer, []byte(strings.Join(nameservers.Records(apex, 7, nil, servers(1)...), "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		view := func(name, match, file, more string) string {
			return fmt.Sprintf("view %q { match-clients { %s; }; zone %q { type primary; file %q; %s}; };\n", name, match, apex, file, more)
		}
		nameservers.BIND(t, first, clause+view("outer", "key wildcard-key", outer, "update-policy { grant wildcard-key zonesub TXT; }; ")+view("inner", "any", inner, ""))
		internal := nameservers.Zone{Name: apex, Records: nameservers.Records(apex, 1, nil, "dc1.example.test.="+second)}
		nameservers.PowerDNS(t, second, internal)
		p := account(t, first, secret)
		if _, err := p.Present(t.Context(), theChallenge()); err != nil {
			t.Fatal(err)
		}
		records := theRecord()
		records[0].Origin = func(ctx context.Context) (providers.OriginView, error) { return p.Origin(ctx, challenge) }
		for _, c := range []struct{ leads, says string }{{first, "another view"}, {second, "dc1.example.test."}} {
			port := "5301"
			if c.leads == second {
				port = "5302"
			}
			nameservers.Unbound(t, "127.0.0.1@"+port, own, "access-control: 127.0.0.0/8 allow", apex+"="+c.leads)
			wait := propagation.Wait{Resolver: &propagation.Resolver{Servers: []string{"127.0.0.1:" + port}}}
			_, err := wait.Run(t.Context(), records)
			if fault.CodeOf(err) != fault.CodeOtherServers || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), first+":53") {
				t.Errorf("led to %s: %v", c.leads, err)
			}
		}
	})
}

// P1: 50 values of others, and the server has no TCP.
func TestServers_TooManyValues(t *testing.T) {
	nameservers.Alone(t, own, func(t *testing.T) {
		setUp(t)
		var old []string
		for i := range 50 {
			old = append(old, fmt.Sprintf(`%s 60 IN TXT "%043d"`, challenge, i))
		}
		nameservers.BIND(t, first, "", nameservers.Zone{Name: apex, Records: nameservers.Records(apex, 1, append(old, published()...), servers(1)...)})
		nameservers.Unbound(t, own, own, "access-control: 127.0.0.0/8 allow", apex+"="+first)
		r := &propagation.Resolver{Servers: []string{own + ":53"}}
		wait := propagation.Wait{Resolver: r}
		if report, err := wait.Run(t.Context(), theRecord()); err != nil {
			t.Errorf("with TCP: %+v, %v", report, err)
		}
		nameservers.RefuseTCP(t)
		_, err := wait.Run(t.Context(), theRecord())
		if fault.CodeOf(err) != fault.CodeTooManyValues {
			t.Errorf("without TCP: %v", err)
		}
	})
}
