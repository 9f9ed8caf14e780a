package pebbletest_test

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-acme/lego/v4/acme"
	"github.com/go-acme/lego/v4/acme/api"

	"wildcard/internal/testkit/pebbletest"
)

// recorder is a transport that keeps the last reply to each URL.
type recorder struct {
	http.RoundTripper
	replies map[string]recorded
}

type recorded struct {
	status int
	header http.Header
	body   []byte
}

func (r recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	reply, err := r.RoundTripper.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(reply.Body)
	reply.Body.Close()
	if err != nil {
		return nil, err
	}
	reply.Body = io.NopCloser(bytes.NewReader(body))
	r.replies[request.URL.String()] = recorded{reply.StatusCode, reply.Header, body}
	return reply, nil
}

// object is the JSON of the last reply to a URL.
func (r recorder) object(t *testing.T, url string) map[string]any {
	t.Helper()
	var object map[string]any
	if err := json.Unmarshal(r.replies[url].body, &object); err != nil {
		t.Fatalf("%s: %v: %q", url, err, r.replies[url].body)
	}
	return object
}

// connectRecorded is a client with an account, and what it is answered.
func connectRecorded(t *testing.T, ca *pebbletest.CA) (*api.Core, recorder) {
	t.Helper()
	client := client(t, ca)
	replies := recorder{client.Transport, make(map[string]recorded)}
	client.Transport = replies
	core, err := api.New(client, "pebbletest", ca.DirectoryURL(), "", newKey(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := core.Accounts.New(acme.Account{TermsOfServiceAgreed: true}); err != nil {
		t.Fatal(err)
	}
	return core, replies
}

// bothWays runs a test with Pebble behind its front and with Pebble itself.
func bothWays(t *testing.T, o pebbletest.Options, test func(*testing.T, *resolver, pebbletest.Options)) {
	for _, plain := range []bool{false, true} {
		t.Run(fmt.Sprintf("plain=%v", plain), func(t *testing.T) {
			t.Parallel()
			dns := startResolver(t)
			o := o
			o.Resolver, o.Plain = dns.addr, plain
			test(t, dns, o)
		})
	}
}

// A challenge that was answered is shown as it was before, until the CA has looked. Pebble itself says "processing".
func TestFront_StateWhileValidating(t *testing.T) {
	t.Parallel()
	bothWays(t, pebbletest.Options{}, func(t *testing.T, dns *resolver, o pebbletest.Options) {
		want := acme.StatusPending
		if o.Plain {
			want = acme.StatusProcessing
		}
		core, replies := connectRecorded(t, start(t, o))
		release := dns.hold()
		order := answer(t, core, []string{"*.example.com", "example.com"}, dns.add)

		for _, url := range order.Authorizations {
			authorization, err := core.Authorizations.Get(url)
			if err != nil {
				t.Fatal(err)
			}
			challenge := dnsChallenge(t, replies.object(t, url))
			post := replies.object(t, challenge["url"].(string))
			_, validated := challenge["validated"]
			if authorization.Status != acme.StatusPending || challenge["status"] != want || post["status"] != want || validated && !o.Plain {
				t.Errorf("while the CA looks: authorization %s, challenge %v, as answered %v; want pending, %s", authorization.Status, challenge, post, want)
			}
			if _, err := core.Challenges.Get(challenge["url"].(string)); err != nil {
				t.Fatal(err)
			}
			if look := replies.object(t, challenge["url"].(string)); look["status"] != want {
				t.Errorf("while the CA looks the challenge is %v, want %s", look, want)
			}
			for _, url := range []string{url, challenge["url"].(string)} {
				if got := replies.replies[url].header["Retry-After"]; got != nil {
					t.Errorf("Retry-After %q", got)
				}
			}
		}
		release()
		poll(t, core, order.Location, func(o acme.ExtendedOrder) bool { return o.Status == acme.StatusReady })
		for _, url := range order.Authorizations {
			authorization, err := core.Authorizations.Get(url)
			if err != nil {
				t.Fatal(err)
			}
			challenge := dnsChallenge(t, replies.object(t, url))
			if authorization.Status != acme.StatusValid || challenge["status"] != acme.StatusValid || challenge["validated"] == nil {
				t.Errorf("afterwards the authorization is %s with %v", authorization.Status, challenge)
			}
		}
	})
}

// A refusal is shown as Pebble shows it: the challenge with its error.
func TestFront_StateAfterRefusal(t *testing.T) {
	t.Parallel()
	bothWays(t, pebbletest.Options{}, func(t *testing.T, dns *resolver, o pebbletest.Options) {
		core, replies := connectRecorded(t, start(t, o))
		order := authorize(t, core, []string{"example.com"}, func(name, value string) { dns.add(name, "not "+value) })
		url := order.Authorizations[0]
		if _, err := core.Authorizations.Get(url); err != nil {
			t.Fatal(err)
		}
		challenge := dnsChallenge(t, replies.object(t, url))
		problem, _ := challenge["error"].(map[string]any)
		if challenge["status"] != acme.StatusInvalid || problem["status"] != 403.0 {
			t.Errorf("the challenge is %v", challenge)
		}
	})
}

// Who asks for Retry-After gets it while the CA looks, with states as at Let's Encrypt.
func TestFront_RetryAfterAskedFor(t *testing.T) {
	t.Parallel()
	bothWays(t, pebbletest.Options{AuthzRetryAfter: 3 * time.Second}, func(t *testing.T, dns *resolver, o pebbletest.Options) {
		core, replies := connectRecorded(t, start(t, o))
		release := dns.hold()
		defer release()
		order := answer(t, core, []string{"example.com"}, dns.add)
		if _, err := core.Authorizations.Get(order.Authorizations[0]); err != nil {
			t.Fatal(err)
		}
		if replies.replies[order.Authorizations[0]].header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	})
}

// dnsChallenge is the dns-01 challenge of an authorization.
func dnsChallenge(t *testing.T, authorization map[string]any) map[string]any {
	t.Helper()
	for _, c := range authorization["challenges"].([]any) {
		if challenge := c.(map[string]any); challenge["type"] == "dns-01" {
			return challenge
		}
	}
	t.Fatalf("no dns-01 in %v", authorization)
	return nil
}

// finalize orders, validates and finalizes example.com. It returns the order and the reply to finalize.
func finalize(t *testing.T, dns *resolver, o pebbletest.Options) (acme.ExtendedOrder, *api.Core, recorded, map[string]any) {
	t.Helper()
	core, replies := connectRecorded(t, start(t, o))
	order := authorize(t, core, []string{"example.com"}, dns.add)
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: []string{"example.com"}}, newKey(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := core.Orders.UpdateForCSR(order.Finalize, csr); err != nil {
		t.Fatal(err)
	}
	return order, core, replies.replies[order.Finalize], replies.object(t, order.Finalize)
}

// finalize is answered with the certificate, as in Let's Encrypt's production; Pebble answers before it issues.
func TestFront_Finalize(t *testing.T) {
	t.Parallel()
	bothWays(t, pebbletest.Options{}, func(t *testing.T, dns *resolver, o pebbletest.Options) {
		order, core, reply, object := finalize(t, dns, o)
		if o.Plain {
			if object["status"] != acme.StatusProcessing || reply.header.Get("Location") != "" {
				t.Errorf("plain Pebble answers finalize with %v, Location %q", object, reply.header.Get("Location"))
			}
			return
		}
		if reply.header.Get("Location") != order.Location || object["status"] != acme.StatusValid {
			t.Fatalf("order %s: finalize is answered with %v, Location %q", order.Location, object, reply.header.Get("Location"))
		}
		if _, _, err := core.Certificates.Get(object["certificate"].(string), true); err != nil {
			t.Error(err)
		}
		got, err := core.Orders.Get(order.Location)
		if err != nil || got.Certificate != object["certificate"] {
			t.Errorf("the order says %q, %v", got.Certificate, err)
		}
	})
}

// With OrderRetryAfter the certificate has to be waited for, as in Let's Encrypt's staging environment.
func TestFront_FinalizeAsynchronous(t *testing.T) {
	t.Parallel()
	bothWays(t, pebbletest.Options{OrderRetryAfter: 3 * time.Second}, func(t *testing.T, dns *resolver, o pebbletest.Options) {
		order, _, reply, object := finalize(t, dns, o)
		location := order.Location
		if o.Plain {
			location = ""
		}
		if object["status"] != acme.StatusProcessing || reply.header.Get("Retry-After") == "" || reply.header.Get("Location") != location {
			t.Errorf("finalize is answered with %v %v", object, reply.header)
		}
	})
}

// What is not there is refused with a problem document, and types name no charset.
func TestFront_Replies(t *testing.T) {
	t.Parallel()
	bothWays(t, pebbletest.Options{}, func(t *testing.T, dns *resolver, o pebbletest.Options) {
		ca := start(t, o)
		core, replies := connectRecorded(t, ca)
		base := strings.TrimSuffix(ca.DirectoryURL(), "/dir")
		for _, path := range []string{"/my-order/none", "/authZ/none", "/chalZ/none", "/certZ/none"} {
			core.Orders.Get(base + path) // the reply is looked at, whatever the client makes of it
			reply := replies.replies[base+path]
			if o.Plain {
				if len(reply.body) != 0 {
					t.Errorf("plain Pebble answers %s with %q", path, reply.body)
				}
				continue
			}
			if kind := reply.header.Get("Content-Type"); reply.status != http.StatusNotFound || kind != "application/problem+json" ||
				replies.object(t, base+path)["type"] != "urn:ietf:params:acme:error:malformed" {
				t.Errorf("%s: %d %s %q", path, reply.status, kind, reply.body)
			}
		}
		want := "application/json"
		if o.Plain {
			want += "; charset=utf-8"
		}
		if got := replies.replies[ca.DirectoryURL()].header.Get("Content-Type"); got != want {
			t.Errorf("the directory is %q, want %q", got, want)
		}
	})
}
