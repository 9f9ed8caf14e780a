package builtin_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"wildcard/internal/dns01/propagation"
	"wildcard/internal/issuance"
	"wildcard/internal/settings"
	"wildcard/internal/testkit/executable"
	"wildcard/providers"
	"wildcard/providers/builtin"
)

const (
	mostMemory   = 128 << 10 // KiB of a process that asks a hostile peer
	hostileLimit = 20 * time.Second
	hostileChild = "WILDCARD_TEST_HOSTILE"
)

// TestMain lets this test's program be the process that is measured.
func TestMain(m *testing.M) {
	if what := os.Getenv(hostileChild); what != "" {
		ctx, cancel := context.WithTimeout(context.Background(), hostileLimit)
		defer cancel()
		err := ask(ctx, what)
		fmt.Println("most", highest(), "ended:", err)
		if err == nil || ctx.Err() != nil && context.Cause(ctx) == nil {
			os.Exit(3)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// highest is the most memory that this process ever had, in KiB (proc_pid_status(5), VmHWM). What wait4 tells of a child counts the
// parent's at the fork.
func highest() (size int) {
	text, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			_, _ = fmt.Sscan(rest, &size)
		}
	}
	return size
}

// ask asks a peer as our programs do. The error is what came of it; none is possible.
func ask(ctx context.Context, what string) error {
	c := providers.Challenge{Domain: "example.com", FQDN: "_acme-challenge.example.com.", Zone: "example.com.", Value: strings.Repeat("a", 43)}
	if what == "acmedns" {
		c.FQDN = "s.example.com."
	}
	switch url := os.Getenv("PEER"); what {
	case "ca":
		_, err := issuance.Dial(ctx, issuance.Options{Server: url, UserAgent: "test", RootCAs: nil, RequestTimeout: time.Second})
		return err
	case "resolver":
		r := &propagation.Resolver{Servers: []string{url}, Timeout: time.Second}
		_, err := r.Delegation(ctx, c.FQDN)
		return err
	default:
		spec, err := providers.ParseSpec(what)
		if err != nil {
			return err
		}
		accounts, err := builtin.Registry().Open([]providers.Spec{spec}, builtin.Config{Settings: settings.Sources{Environ: os.Environ(), ConfigDir: os.Getenv("DIR")}, Environ: os.Environ()})
		if err != nil {
			return err
		}
		if lister, ok := accounts[0].Provider.(providers.Zones); ok {
			if zones, err := lister.Zones(ctx, true); err != nil || len(zones) == 0 {
				return fmt.Errorf("%d zones, %w", len(zones), err)
			}
		}
		_, err = accounts[0].Provider.Present(ctx, c)
		return err
	}
}

// write writes text again and again, until nothing reads it any more.
func endless(w io.Writer, text string) {
	for {
		if _, err := io.WriteString(w, text); err != nil {
			return
		}
	}
}

// hostile are the replies at their worst. Each is given to every request but a login, or to the login too.
func hostile() map[string]http.HandlerFunc {
	packed := func(head, repeated string, times int, tail string) http.HandlerFunc {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = io.WriteString(z, head)
		for range times {
			_, _ = io.WriteString(z, repeated)
		}
		_, _ = io.WriteString(z, tail)
		_ = z.Close()
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(b.Bytes())
		}
	}
	lists := `{"domains":[X],"zones":[X],"records":[X],"recordsets":[X],"links":{"next":"x"},"total_count":100000000}`
	many := strings.Repeat(`{},`, 2000)
	return map[string]http.HandlerFunc{
		"endless": func(w http.ResponseWriter, _ *http.Request) {
			endless(w, `{"domains":[{"name":"`+strings.Repeat("x", 4000)+`"}],`)
		},
		"endless string": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `"`)
			endless(w, strings.Repeat("a", 4096))
		},
		"deep": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, strings.Repeat(`{"domains":[`, 300_000))
		},
		"gzip, items":  packed(`{"domains":[`, many, 1300, `{}],"zones":[{}]}`),
		"gzip, zeros":  packed(``, strings.Repeat("\x00", 1<<20), 64, ``),
		"gzip, error":  func(w http.ResponseWriter, r *http.Request) { packedStatus(packed(`[`, many, 1300, `{}]`), w, r) },
		"pages, large": func(w http.ResponseWriter, r *http.Request) { page(w, r, lists, 3000) },
		"pages, small": func(w http.ResponseWriter, r *http.Request) { page(w, r, lists, 10) },
		"endless headers": func(w http.ResponseWriter, r *http.Request) {
			raw(w, "HTTP/1.1 200 OK\r\n", "X-A: "+strings.Repeat("b", 4000)+"\r\n")
		},
		"no HTTP": func(w http.ResponseWriter, r *http.Request) { raw(w, "", strings.Repeat("x", 4096)) },
	}
}

type statusWriter struct{ http.ResponseWriter }

func (w statusWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusConflict)
	return w.ResponseWriter.Write(p)
}

func packedStatus(h http.HandlerFunc, w http.ResponseWriter, r *http.Request) { h(statusWriter{w}, r) }

// page is one of endless pages, no item of which was on another.
func page(w http.ResponseWriter, r *http.Request, form string, count int) {
	var items strings.Builder
	at := time.Now().UnixNano()
	for i := range count {
		fmt.Fprintf(&items, `{"id":"%032x","name":"z%d.example."},`, at+int64(i), at+int64(i))
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, strings.ReplaceAll(form, "X", strings.TrimSuffix(items.String(), ",")))
}

func raw(w http.ResponseWriter, begin, repeated string) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, begin)
	endless(conn, repeated)
}

// measure runs this program as one that asks a peer, and returns the most memory that it ever had.
func measure(t *testing.T, name, what string, environ ...string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 6*hostileLimit) // a machine that does much else is slow to begin
	defer cancel()
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(environ, hostileChild+"="+what, "DIR="+t.TempDir(), "PATH=/usr/bin:/bin")
	out, err := cmd.CombinedOutput()
	used := 0
	_, scanErr := fmt.Sscanf(string(out), "most %d", &used)
	switch {
	case err != nil || scanErr != nil || used == 0:
		t.Errorf("%s: %s: %v: %.500s", what, name, err, out)
	case used > mostMemory*raceFactor:
		t.Errorf("%s: %s: %d MiB", what, name, used>>10)
	default:
		t.Logf("%s: %s: %d MiB, %.120s", what, name, used>>10, out)
	}
}

// Whatever a DNS service answers, to the login, or after it, the process stays small and ends.
func TestHostile_Services(t *testing.T) {
	t.Parallel()
	for name, reply := range hostile() {
		for _, after := range []bool{false, true} {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if after && strings.Contains(r.URL.Path, "/tokens") {
					w.Header().Set("X-Subject-Token", "token")
					w.WriteHeader(map[bool]int{true: http.StatusCreated, false: http.StatusOK}[strings.Contains(r.URL.Path, "/v3/")])
					_, _ = io.WriteString(w, `{"access":{"token":{"id":"token","expires":"2100-01-01T00:00:00Z"}},"token":{"expires_at":"2100-01-01T00:00:00Z","catalog":[]}}`)
					return
				}
				reply(w, r)
			}))
			u, limit := server.URL, "3s"
			if name == "slow" {
				limit = "300ms"
			}
			measure(t, name, "conoha", "CONOHA_TENANT_ID=t", "CONOHA_API_USERNAME=gncu1", "CONOHA_API_PASSWORD=p", "CONOHA_HTTP_TIMEOUT="+limit, "CONOHA_IDENTITY_URL="+u+"/v2.0", "CONOHA_DNS_URL="+u)
			measure(t, name, "conoha", "CONOHA_TENANT_ID=t", "CONOHA_API_USER_ID=u", "CONOHA_API_PASSWORD=p", "CONOHA_HTTP_TIMEOUT="+limit, "CONOHA_IDENTITY_URL="+u+"/v3", "CONOHA_DNS_URL="+u)
			measure(t, name, "designate", "OS_AUTH_URL="+u+"/v3", "OS_USERNAME=u", "OS_PASSWORD=p", "OS_PROJECT_NAME=x", "OS_DNS_ENDPOINT_OVERRIDE="+u, "DESIGNATE_HTTP_TIMEOUT="+limit)
			if !after {
				measure(t, name, "acmedns", "ACME_DNS_API_BASE="+u, "ACMEDNS_USERNAME=u", "ACMEDNS_PASSWORD=p", "ACMEDNS_SUBDOMAIN=s", "ACMEDNS_FULLDOMAIN=s.example.com", "ACMEDNS_HTTP_TIMEOUT="+limit)
			}
			server.Close()
		}
	}
}

// A CA and a resolver over HTTPS, which our programs meet before they can know who it is.
func TestHostile_CA(t *testing.T) {
	t.Parallel()
	for name, reply := range hostile() {
		server := httptest.NewUnstartedServer(reply)
		server.StartTLS()
		roots := t.TempDir() + "/roots.pem"
		block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
		if err := os.WriteFile(roots, block, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, what := range []string{"ca", "resolver"} {
			measure(t, name, what, "PEER="+server.URL+"/", "SSL_CERT_FILE="+roots)
		}
		server.Close()
	}
}

// A resolver on port 53 with answers as large as there are.
func TestHostile_Resolver(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(*dns.Msg){
		"many name servers": func(m *dns.Msg) {
			for i := range 1500 {
				m.Answer = append(m.Answer, &dns.NS{Hdr: dns.RR_Header{Name: m.Question[0].Name, Rrtype: dns.TypeNS, Class: dns.ClassINET}, Ns: fmt.Sprintf("n%d.example.", i)})
			}
		},
		"noise": func(m *dns.Msg) { m.Id++ },
	} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		packets, err := net.ListenPacket("udp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		handler := dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) {
			m := new(dns.Msg).SetReply(r)
			if m.Truncated = w.LocalAddr().Network() == "udp"; !m.Truncated {
				answer(m)
			}
			m.Compress = true
			_ = w.WriteMsg(m)
		})
		for _, server := range []*dns.Server{{Listener: listener, Handler: handler}, {PacketConn: packets, Handler: handler}} {
			go func() { _ = server.ActivateAndServe() }()
		}
		measure(t, name, "resolver", "PEER="+listener.Addr().String())
		_, _ = listener.Close(), packets.Close()
	}
}

// A plugin whose output has no end, in lines or without, on both outputs.
func TestHostile_Plugin(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"endless line":   "exec cat /dev/zero",
		"endless lines":  "read line; while :; do echo '{\"protocol\":1,\"id\":1}'; done",
		"endless errors": "head -c 200000000 /dev/zero >&2; exec cat /dev/zero",
		"deep":           `read line; printf '{"protocol":1,"id":1,"description":'; i=0; while [ $i -lt 9000 ]; do printf '[[[[[['; i=$((i+1)); done; echo`,
		"many variables": `read line; printf '{"protocol":1,"id":1,"description":{"variables":['; i=0; while [ $i -lt 30000 ]; do printf '{},'; i=$((i+1)); done; echo '{}]}}'`,
	} {
		dir := t.TempDir()
		if err := os.Chmod(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		executable.Write(t, dir+"/wildcard-dns-hostile", "#!/bin/sh\n"+script+"\n")
		measure(t, name, "example.com=plugin:hostile", "WILDCARD_PLUGIN_DIR="+dir)
	}
}
