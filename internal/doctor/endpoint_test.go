package doctor

import (
	"net"
	"slices"
	"testing"

	"wildcard/internal/deploy"
	"wildcard/internal/fault"
	"wildcard/internal/lineage"
)

// at is an endpoint without a protocol.
func at(address string) deploy.Endpoint {
	host, port, _ := net.SplitHostPort(address)
	return deploy.Endpoint{Host: host, Port: port}
}

func TestParseEndpoint(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Endpoint{
		"www.example.com:8443":       {at("www.example.com:8443"), ""},
		"mail=192.0.2.1:993":         {at("192.0.2.1:993"), "mail"},
		"mail=mail.example.com,smtp": {deploy.Endpoint{Host: "mail.example.com", Port: "25", Protocol: "smtp"}, "mail"},
		"example.com=example.com:1":  {at("example.com:1"), "example.com"},
	} {
		if got, err := ParseEndpoint(text); err != nil || got != want {
			t.Errorf("%s: %v %v", text, got, err)
		}
	}
	for _, text := range []string{"", ":443", "https://example.com/", "=example.com", "a b", "mail=", "mail=m,ftp"} {
		if got, err := ParseEndpoint(text); fault.ClassOf(err) != fault.Usage {
			t.Errorf("%s: %v %v", text, got, err)
		}
	}
}

// TestEndpoints_OfTheCertificate looks at the addresses that renewals are proved at, each once, without being asked to.
func TestEndpoints_OfTheCertificate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := w.serve(w.live(), -1, w.key)
	other, _ := w.issuer.issue(w.t, w.key, w.domains...)
	bad := w.serve(other, -1, w.key)
	w.update(func(_ *lineage.Conf, s *lineage.Settings) error {
		s.Verify = []string{good, bad, "no address"}
		return nil
	})
	w.doctor.Endpoints = []Endpoint{{Endpoint: at(good)}}
	report := w.examine()
	count := func(all []Finding, code, subject string) (n int) {
		for _, f := range all {
			if f.Code == code && f.Subject == subject {
				n++
			}
		}
		return n
	}
	if count(report.Good, "", good) != 1 || count(report.Findings, FoundEndpointOther, bad) != 1 {
		t.Errorf("%+v\n%+v", report.Findings, report.Good)
	}
	if i := slices.IndexFunc(report.Findings, func(f Finding) bool { return f.Code == FoundEndpoint }); i < 0 || report.Findings[i].Subject != "no address" {
		t.Errorf("the address that cannot be read is not told: %+v", report.Findings)
	}
}
