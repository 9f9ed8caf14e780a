//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// bind is Debian's BIND with one zone, in which somebody else has a record, and which takes updates signed with a key of its own.
type bind struct {
	t       testing.TB
	address string // 127.0.0.1:port
	zone    string
	key     string // path of a key file as tsig-keygen wrote it
	secret  string
}

// startBIND starts one that the world sees at port 53 of an address; somebody else's record is at owner. named itself listens only at those addresses that an
// interface has.
func startBIND(t *testing.T, ip, zone, owner string) *bind {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(free.Addr().String())
	_ = free.Close() // we are alone in this network
	dir := t.TempDir()
	b := &bind{t: t, address: "127.0.0.1:" + port, zone: zone, key: filepath.Join(dir, "update.key")}
	text, err := exec.Command("tsig-keygen", "-a", "hmac-sha256", "update-key").Output()
	if err != nil {
		t.Fatalf("the e2e ring needs BIND: %v", err)
	}
	b.secret = regexp.MustCompile(`secret "([^"]+)"`).FindStringSubmatch(string(text))[1]
	for name, contents := range map[string]string{
		"update.key": string(text),
		"zone":       fmt.Sprintf("$TTL 60\n@ SOA ns1 root 1 3600 600 86400 60\n@ NS ns1\nns1 A %s\n%s TXT %q\n", ip, owner, foreign),
		"named.conf": fmt.Sprintf(`include "%[1]s";
options { directory "%[2]s"; pid-file "%[2]s/pid"; session-keyfile "%[2]s/session.key"; managed-keys-directory "%[2]s"; lock-file none;
	listen-on port %[3]s { 127.0.0.1; }; listen-on-v6 { none; }; recursion no; dnssec-validation no; };
controls { };
zone "%[4]s" { type primary; file "zone"; update-policy { grant update-key zonesub TXT; }; };
`, b.key, dir, port, zone),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(contents), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("named", "-4", "-g", "-n", "1", "-c", filepath.Join(dir, "named.conf"))
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	forward(t, ip+":53", b.address)
	for range 1000 {
		if r, err := dns.Exchange(new(dns.Msg).SetQuestion(zone+".", dns.TypeSOA), b.address); err == nil && r.Authoritative && len(r.Answer) == 1 {
			return b
		}
		time.Sleep(20 * time.Millisecond)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	t.Fatalf("named does not serve %s:\n%s", zone, &said)
	return nil
}

// environ has the variables for our rfc2136, and for lego's.
func (b *bind) environ() []string {
	return []string{
		"RFC2136_NAMESERVER='" + b.address + "'", "RFC2136_TSIG_KEY='update-key'", "RFC2136_TSIG_SECRET='" + b.secret + "'",
		"RFC2136_TSIG_ALGORITHM='hmac-sha256.'",
	}
}

// texts are the values at a name.
func (b *bind) texts(name string) (values []string) {
	b.t.Helper()
	r, _, err := (&dns.Client{Net: "tcp"}).Exchange(new(dns.Msg).SetQuestion(name+".", dns.TypeTXT), b.address)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, rr := range r.Answer {
		if txt, ok := rr.(*dns.TXT); ok {
			values = append(values, strings.Join(txt.Txt, ""))
		}
	}
	return values
}

// serial counts the changes of the zone.
func (b *bind) serial() uint32 {
	b.t.Helper()
	r, err := dns.Exchange(new(dns.Msg).SetQuestion(b.zone+".", dns.TypeSOA), b.address)
	if err != nil || len(r.Answer) != 1 {
		b.t.Fatalf("%v, %v", r, err)
	}
	return r.Answer[0].(*dns.SOA).Serial
}
