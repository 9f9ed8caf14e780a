package issuance

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"wildcard/internal/fault"
	"wildcard/internal/messages"
)

const (
	host      = "ca.example"
	directory = `{"newNonce":"https://ca.example/nonce","newAccount":"https://ca.example/account","newOrder":"https://ca.example/order","revokeCert":"https://ca.example/revoke","renewalInfo":"https://ca.example/info","meta":{"profiles":{"classic":"x"},"caaIdentities":["ca.example"]}}`
)

// wire answers every request with the same reply, without a network; requests for a nonce get one while it is whole.
type wire struct {
	status int
	text   string // the reason after the status
	header http.Header
	body   string
	broken bool // nonces are like the rest
	calls  int
	other  string // a host that was asked and is not the CA's
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	w.calls++
	if r.URL.Host != host || r.URL.Scheme != "https" {
		w.other = r.URL.String()
	}
	if r.Method == http.MethodHead && !w.broken {
		return answer(r, http.Header{"Replay-Nonce": {"AAAA"}}, nil), nil
	}
	return &http.Response{Status: fmt.Sprintf("%d %s", w.status, w.text), StatusCode: w.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header.Clone(), Body: io.NopCloser(strings.NewReader(w.body)), ContentLength: -1, Request: r}, nil
}

// over is a CA that is reached over w. Its clock runs a minute at every look, so that time limits end; waits end with ctx.
func over(t testing.TB, w *wire, document string) *CA {
	t.Helper()
	now := time.Unix(1_800_000_000, 0)
	base := &http.Transport{TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}}
	base.RegisterProtocol("https", w)
	ca := &CA{server: &url.URL{Scheme: "https", Host: host, Path: "/directory"}, base: base, timeout: time.Minute, log: slog.New(slog.DiscardHandler),
		now: func() time.Time { now = now.Add(time.Minute); return now }}
	ca.nonces = &nonces{now: ca.now}
	if document != "" {
		ca.document = []byte(document)
		if err := json.Unmarshal(ca.document, &ca.directory); err != nil {
			t.Fatal(err)
		}
	}
	return ca
}

// wantTold checks that an error can be shown: with a code, on one short line that no terminal obeys. That the context has
// ended says nothing of the reply.
func wantTold(t *testing.T, ctx context.Context, err error) {
	t.Helper()
	if err == nil || ctx.Err() != nil {
		return
	}
	if text := err.Error(); fault.CodeOf(err) == "" || len(text) > 2000 || !isPlain(text) {
		t.Errorf("code %q, text %q", fault.CodeOf(err), text)
	}
}

func isPlain(s string) bool {
	return messages.OneLine(s) == s
}

// leafAndKey is a certificate that a CA delivered earlier, with its issuer, and its key. They are the same in every process, as
// the fuzzer has several.
func leafAndKey(t testing.TB, names ...string) (chain []byte, leaf *x509.Certificate, key ed25519.PrivateKey) {
	t.Helper()
	key = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	begin := time.Unix(1_799_000_000, 0)
	issuer := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "issuer"}, NotBefore: begin, NotAfter: begin.AddDate(1, 0, 0), IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, SubjectKeyId: []byte{1, 2, 3}}
	of := &x509.Certificate{SerialNumber: big.NewInt(0x80), DNSNames: names, NotBefore: begin, NotAfter: begin.AddDate(0, 3, 0)}
	for _, template := range []*x509.Certificate{of, issuer} {
		der, err := x509.CreateCertificate(rand.Reader, template, issuer, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
		if leaf == nil {
			if leaf, err = x509.ParseCertificate(der); err != nil {
				t.Fatal(err)
			}
		}
	}
	return chain, leaf, key
}

func replies() []string {
	return []string{
		directory, `{"status":"pending","expires":"2038-01-01T00:00:00Z","identifiers":[{"type":"dns","value":"example.com"}],"authorizations":["https://ca.example/a/1","https://evil.example/a"],"finalize":"https://ca.example/f"}`,
		`{"identifier":{"type":"dns","value":"example.com\u001b"},"status":"pending","wildcard":true,"challenges":[{"type":"dns-01","url":"https://ca.example/c","token":"../x","error":{"detail":"\u001b[2J"}},null]}`,
		`{"suggestedWindow":{"start":"2027-01-01T00:00:00Z","end":"2027-01-02T00:00:00Z"},"explanationURL":"https://x/\u202e"}`, `{"suggestedWindow":{"start":"2027-01-02T00:00:00Z","end":"2027-01-01T00:00:00Z"}}`,
		`{"type":"urn:ietf:params:acme:error:rateLimited","detail":"too\nmany\u001b[31m","subproblems":[{"type":"x","detail":"y","identifier":{"type":"dns","value":"\u0000"}},null]}`,
		`{"type":"urn:ietf:params:acme:error:badNonce"}`, `{"type":"urn:ietf:params:acme:error:userActionRequired","detail":"agree"}`, `{"newNonce":"http://ca.example/","newAccount":"https://evil.example","newOrder":"::"}`,
		strings.Replace(directory, `"classic"`, `"\u001b[2J\u202e"`, 1), strings.Replace(directory, `["ca.example"]`, `["\u001b]0;x\u0007"]`, 1),
		"null", "[]", `"x"`, "7", "", "{", "<html>", "\x1b[2J", strings.Repeat("[", 20000),
	}
}

// FuzzReplies has the CA answer anything, to the directory and to every request of an order. Whatever it is: no other host is
// asked, nothing panics or goes on for ever, and what is said of it can be shown.
func FuzzReplies(f *testing.F) {
	_, leaf, _ := leafAndKey(f, "example.com")
	key, err := newAccountKey()
	if err != nil {
		f.Fatal(err)
	}
	for _, body := range replies() {
		f.Add(200, "OK", body, "application/json", `<https://ca.example/2>;rel="alternate"`, "1", "AAAA")
		f.Add(201, "", body, "", `<::>;rel="alternate", <//evil.example/>; rel=alternate`, "Fri, 31 Dec 9999 23:59:59 GMT", "")
		f.Add(202, "\x1b[2J", body, "application/json", "", "", "")
		f.Add(302, "", body, "text/html", "", "https://evil.example/", "a\nb")
		f.Add(429, "", body, "application/problem+json", `<https://ca.example/terms>;rel="terms-of-service"`, "99999999999999999999", "")
	}
	f.Fuzz(func(t *testing.T, status int, text, body, contentType, link, after, nonce string) {
		w := &wire{status: 200 + (status%400+400)%400, text: text, body: body, header: http.Header{
			"Content-Type": {contentType}, "Link": {link}, "Retry-After": {after}, "Replay-Nonce": {nonce}, "Location": {after}, "Date": {after},
		}}
		// Waiting is tested elsewhere: a wait of any length ends at once here.
		limited := func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(t.Context(), 20*time.Millisecond)
		}

		ctx, cancel := limited()
		ca := over(t, w, "")
		err := ca.readDirectory(ctx)
		wantTold(t, ctx, err)
		cancel()
		if err == nil {
			d := ca.Directory()
			for _, s := range append(d.CAAIdentities, d.TermsOfService, d.Website) {
				if !isPlain(s) {
					t.Errorf("a directory with %q", s)
				}
			}
			for name, about := range d.Profiles {
				if !isPlain(name) || !isPlain(about) {
					t.Errorf("a directory with the profile %q: %q", name, about)
				}
			}
		}

		ca = over(t, w, directory)
		ctx, cancel = limited()
		window, err := ca.RenewalInfo(ctx, leaf)
		wantTold(t, ctx, err)
		if err == nil {
			if at := window.Pick(); at.Before(window.Start.Truncate(time.Second)) || !at.Before(window.End) || !isPlain(window.Explanation) || window.RetryAfter < minRenewalInfo || window.RetryAfter > maxRetryAfter {
				t.Errorf("%+v, %v", window, at)
			}
		}
		cancel()

		order := func(broken bool) {
			ctx, cancel := limited()
			defer cancel()
			w.broken = broken
			s, err := over(t, w, directory).session(ctx, key, "https://ca.example/account/1")
			if err != nil {
				t.Fatal(err)
			}
			r := &run{session: s, request: Request{Names: []string{"example.com", "*.example.com"}}, log: s.ca.log}
			order, err := ordering{r}.newOrder("")
			wantTold(t, ctx, err)
			if err == nil {
				ordering{r}.resumable(order)
			}
			_, err = r.session.getOrder("https://ca.example/order/1", lagging)
			wantTold(t, ctx, err)
			_, err = r.session.getAuthorization("https://ca.example/authorization/1", lagging)
			wantTold(t, ctx, err)
			err = s.attempt("certificate", lagging, func() error {
				_, _, err := s.core.Certificates.Get("https://ca.example/certificate/1", true)
				return err
			})
			wantTold(t, ctx, err)
		}
		order(false)
		order(true)
		if w.other != "" {
			t.Errorf("%s was asked", w.other)
		}
	})
}

// FuzzProblem reads error bodies: they become one short line with a code.
func FuzzProblem(f *testing.F) {
	for _, body := range replies() {
		f.Add(400, []byte(body))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		p := parseProblem(status, body)
		if code, _ := p.class(); code == "" {
			t.Errorf("%v has no code", p)
		}
		if text := p.Error(); len(text) > 6000 || !isPlain(text) {
			t.Errorf("%q", text)
		}
	})
}

// FuzzChain reads what is delivered in place of a certificate: only what is one, for our key and names, goes through.
func FuzzChain(f *testing.F) {
	chain, leaf, key := leafAndKey(f, "example.com")
	alone, _ := pem.Decode(chain)
	first := pem.EncodeToMemory(alone)
	for _, text := range [][]byte{
		chain, first, chain[:len(chain)-1], chain[len(first):], []byte("x" + string(chain)), append([]byte(" \r\n"), chain...), []byte(strings.ReplaceAll(string(chain), "\n", "\r\n")), append(chain[:len(chain):len(chain)], "\x1b[2J"...),
		[]byte(strings.Replace(string(chain), "CERTIFICATE", "PRIVATE KEY", 2)), []byte(strings.Replace(string(chain), "-----\n", "-----\nA: b\n\n", 1)), nil, []byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"),
	} {
		f.Add(text)
	}
	e := Expectation{Key: key.Public(), Names: []string{"example.com"}, Now: leaf.NotBefore.Add(time.Hour)}
	f.Fuzz(func(t *testing.T, text []byte) {
		topIs(text, "issuer")
		got, err := CheckChain(text, e)
		if err != nil {
			wantTold(t, t.Context(), err)
			if fault.CodeOf(err) != CodeCertificate {
				t.Errorf("code %s", fault.CodeOf(err))
			}
			return
		}
		if !got.Leaf.Equal(leaf) {
			t.Errorf("another certificate: %v", got.Leaf.Subject)
		}
	})
}
