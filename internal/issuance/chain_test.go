package issuance_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/testkit/acmetest"
)

// hierarchy is what stands above Let's Encrypt's certificates (letsencrypt.org/certificates, 2026-07): YE1 below Root YE, which
// ISRG Root X2 signed, which ISRG Root X1 signed.
type hierarchy struct {
	t                                            *testing.T
	leafKey                                      *ecdsa.PrivateKey
	leaf, ye1, rootYE, x2, x1, selfYE, unrelated *x509.Certificate
}

func (h *hierarchy) certificate(name string, key *ecdsa.PrivateKey, parent *x509.Certificate, parentKey *ecdsa.PrivateKey, change func(*x509.Certificate)) *x509.Certificate {
	h.t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	if change != nil {
		change(template)
	}
	if parent == nil {
		parent, parentKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	if err != nil {
		h.t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		h.t.Fatal(err)
	}
	return made
}

func newHierarchy(t *testing.T, change func(*x509.Certificate)) *hierarchy {
	t.Helper()
	h := &hierarchy{t: t}
	keys := map[string]*ecdsa.PrivateKey{}
	for _, name := range []string{"leaf", "YE1", "YE", "X2", "X1", "other"} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		keys[name] = key
	}
	h.leafKey = keys["leaf"]
	h.x1 = h.certificate("ISRG Root X1", keys["X1"], nil, nil, nil)
	h.x2 = h.certificate("ISRG Root X2", keys["X2"], h.x1, keys["X1"], nil)
	h.rootYE = h.certificate("Root YE", keys["YE"], h.x2, keys["X2"], nil)
	h.selfYE = h.certificate("Root YE", keys["YE"], nil, nil, nil)
	h.ye1 = h.certificate("YE1", keys["YE1"], h.rootYE, keys["YE"], nil)
	h.unrelated = h.certificate("another root", keys["other"], nil, nil, nil)
	h.leaf = h.certificate("", h.leafKey, h.ye1, keys["YE1"], func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = false, false, x509.KeyUsageDigitalSignature
		c.DNSNames = []string{"example.com", "*.example.com"}
		if change != nil {
			change(c)
		}
	})
	return h
}

func pemOf(certificates ...*x509.Certificate) []byte {
	var text []byte
	for _, c := range certificates {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return text
}

func (h *hierarchy) check(text []byte, names ...string) (issuance.Delivered, error) {
	return issuance.CheckChain(text, issuance.Expectation{Key: h.leafKey.Public(), Names: names, Now: time.Now()})
}

// TestCheckChain_ReducedToOnePath: report P27 (c), (d). What CAs put around and between the certificates is left out, and what
// is kept is the certificate and its issuers, each once and in order.
func TestCheckChain_ReducedToOnePath(t *testing.T) {
	t.Parallel()
	h := newHierarchy(t, nil)
	whole := []*x509.Certificate{h.leaf, h.ye1, h.rootYE, h.x2}
	bag := "Bag Attributes\n    friendlyName: server\nsubject=CN = example.com\n\nissuer=CN = YE1\n"
	for name, test := range map[string]struct {
		text []byte
		want []*x509.Certificate
	}{
		"as it is":                 {pemOf(whole...), whole},
		"text before":              {append([]byte(bag), pemOf(whole...)...), whole},
		"text between and after":   {slices.Concat(pemOf(h.leaf), []byte(bag), pemOf(h.ye1), []byte("# the end\n")), whole[:2]},
		"BOM and CRLF":             {append([]byte("\ufeff\r\n"), bytes.ReplaceAll(pemOf(whole...), []byte("\n"), []byte("\r\n"))...), whole},
		"intermediate twice":       {pemOf(h.leaf, h.ye1, h.ye1, h.rootYE, h.x2), whole},
		"everything twice":         {pemOf(append(whole[:4:4], whole...)...), whole},
		"certificate twice":        {pemOf(h.leaf, h.leaf, h.ye1), whole[:2]},
		"root at its end":          {pemOf(h.leaf, h.ye1, h.rootYE, h.x2, h.x1), whole},
		"another root at its end":  {pemOf(h.leaf, h.ye1, h.selfYE), whole[:2]},
		"root in the middle":       {pemOf(h.leaf, h.x1, h.ye1, h.x2, h.rootYE), whole},
		"issuers in another order": {pemOf(h.leaf, h.x2, h.rootYE, h.ye1), whole},
		"cross-signed and itself":  {pemOf(h.leaf, h.ye1, h.rootYE, h.selfYE, h.x2), whole},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := h.check(test.text, "example.com", "*.example.com")
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Chain, pemOf(test.want...)) || !got.Leaf.Equal(h.leaf) || len(got.Notes) > 0 {
				t.Errorf("%d bytes in place of %d, notes %q", len(got.Chain), len(pemOf(test.want...)), got.Notes)
			}
		})
	}
	for name, text := range map[string][]byte{
		"a link is missing":        pemOf(h.leaf, h.rootYE, h.x2),
		"a link in the middle":     pemOf(h.leaf, h.ye1, h.x2, h.x1),
		"a root of somebody else":  pemOf(h.leaf, h.ye1, h.unrelated),
		"the issuer first":         pemOf(h.ye1, h.leaf),
		"cut off":                  pemOf(whole...)[:len(pemOf(whole...))-40],
		"another block":            append(pemOf(whole...), []byte("-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n")...),
		"text alone":               []byte(bag),
		"a page of somebody's":     []byte("<html><body>Please log in</body></html>"),
		"no line before the first": append([]byte("certificate: "), pemOf(whole...)...),
	} {
		if got, err := h.check(text, "example.com", "*.example.com"); fault.CodeOf(err) != issuance.CodeCertificate {
			t.Errorf("%s: %v, %v", name, got.Notes, err)
		}
	}
}

// TestCheckChain_Names: reports P22 and P23. Names are a set without case; www. before an asked name is taken with a warning;
// every other name more or less is refused, and what was issued comes with the refusal.
func TestCheckChain_Names(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		asked, got []string
		added      string // of the warning
		refused    string // part of the error; "" if it is taken
	}{
		"twice":                      {[]string{"example.com"}, []string{"example.com", "example.com"}, "", ""},
		"twice among others":         {[]string{"b.example", "a.example"}, []string{"a.example", "b.example", "a.example"}, "", ""},
		"upper case":                 {[]string{"example.com", "*.example.com"}, []string{"*.EXAMPLE.com", "Example.Com"}, "", ""},
		"both":                       {[]string{"example.com"}, []string{"example.com", "EXAMPLE.COM"}, "", ""},
		"www. added":                 {[]string{"example.com"}, []string{"example.com", "www.example.com"}, "www.example.com", ""},
		"www. added, upper case":     {[]string{"example.com"}, []string{"example.com", "WWW.Example.com"}, "www.example.com", ""},
		"www. added to one of two":   {[]string{"a.example", "b.example"}, []string{"a.example", "b.example", "www.b.example"}, "www.b.example", ""},
		"www. asked for":             {[]string{"example.com", "www.example.com"}, []string{"example.com", "www.example.com"}, "", ""},
		"apex of a wildcard":         {[]string{"*.example.com"}, []string{"*.example.com", "example.com"}, "", "example.com was not asked for"},
		"apex of www.":               {[]string{"www.example.com"}, []string{"www.example.com", "example.com"}, "", "example.com was not asked for"},
		"www. of the wildcard":       {[]string{"*.example.com"}, []string{"*.example.com", "www.*.example.com"}, "", "was not asked for"},
		"www. of another":            {[]string{"example.com"}, []string{"example.com", "www.example.net"}, "", "www.example.net was not asked for"},
		"www.www.":                   {[]string{"example.com"}, []string{"example.com", "www.www.example.com"}, "", "www.www.example.com was not asked for"},
		"other":                      {[]string{"example.com"}, []string{"example.com", "mail.example.com"}, "", "mail.example.com was not asked for"},
		"missing":                    {[]string{"example.com", "a.example"}, []string{"example.com"}, "", "a.example is missing"},
		"missing and www. added":     {[]string{"example.com", "a.example"}, []string{"example.com", "www.a.example"}, "", "a.example is missing"},
		"wildcard instead of a name": {[]string{"www.example.com"}, []string{"*.example.com"}, "", "www.example.com is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHierarchy(t, func(c *x509.Certificate) { c.DNSNames = test.got })
			text := pemOf(h.leaf, h.ye1)
			got, err := h.check(text, test.asked...)
			if fit := issuance.NamesFit(test.got, test.asked); fit != (test.refused == "") {
				t.Errorf("they fit: %v", fit)
			}
			if test.refused != "" {
				refused, ok := errors.AsType[*issuance.RefusedCertificate](err)
				if !ok || !bytes.Equal(refused.Chain, text) || !strings.Contains(err.Error(), test.refused) || fault.CodeOf(err) != issuance.CodeCertificate {
					t.Errorf("error %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			said := ""
			for _, note := range got.Notes {
				said += note.Error()
			}
			if (test.added == "") != (said == "") || !strings.Contains(said, test.added) {
				t.Errorf("the warning is %q", said)
			}
		})
	}
	h := newHierarchy(t, func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(192, 0, 2, 1)} })
	if _, err := h.check(pemOf(h.leaf, h.ye1), "example.com", "*.example.com"); err == nil {
		t.Error("an address is taken")
	}
}

// TestCheckChain_Alone: mismatch M26. A private CA whose root signs its certificates sends one alone: the file of --ca-bundle
// has its issuer, or it is taken where nothing needs one.
func TestCheckChain_Alone(t *testing.T) {
	t.Parallel()
	h := newHierarchy(t, nil)
	roots := x509.NewCertPool()
	roots.AddCert(h.x1)
	e := issuance.Expectation{Key: h.leafKey.Public(), Names: []string{"example.com", "*.example.com"}, Now: time.Now(), Roots: roots}
	if _, err := issuance.CheckChain(pemOf(h.leaf), e); err == nil || !strings.Contains(err.Error(), "--ca-bundle") {
		t.Errorf("without its issuer: %v", err)
	}
	e.Alone = true
	got, err := issuance.CheckChain(pemOf(h.leaf), e)
	if err != nil || !bytes.Equal(got.Chain, pemOf(h.leaf)) || len(got.Notes) != 1 {
		t.Errorf("where none is needed: %v, notes %q", err, got.Notes)
	}
	e.Alone = false
	roots.AddCert(h.ye1)
	got, err = issuance.CheckChain(pemOf(h.leaf, h.leaf), e)
	if err != nil || !bytes.Equal(got.Chain, pemOf(h.leaf, h.ye1)) || len(got.Notes) != 1 {
		t.Errorf("with its issuer in the file: %v, notes %q", err, got.Notes)
	}
}

// TestPreferredChain: mismatch M13. Let's Encrypt's other chains are the beginning of its default one, so it is the issuer above
// the last certificate that says where a chain ends; the default one is looked at first.
func TestPreferredChain(t *testing.T) {
	t.Parallel()
	for want, length := range map[string]int{"ISRG Root X1": 4, "ISRG Root X2": 3, "Root YE": 2, "": 4, "YE1": 4, "Nobody's Root": 4} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			w := newScripted(t, acmetest.Options{})
			h := newHierarchy(t, nil)
			r := request(t, "example.com", "*.example.com")
			r.Key, r.PreferredChain = h.leafKey, want
			asked := 0
			w.ca.On(acmetest.Certificate, func(q *acmetest.Request) *acmetest.Reply {
				reply := q.Next()
				all := []*x509.Certificate{h.leaf, h.ye1, h.rootYE, h.x2}
				if q.Count == 1 {
					for _, other := range []string{"1", "2"} {
						reply.Header.Add("Link", "<"+q.Path+"/"+other+`>;rel="alternate"`)
					}
				} else {
					asked++
					all = all[:len(all)-asked]
				}
				reply.Status, reply.Body = 200, pemOf(all...)
				reply.Header.Set("Content-Type", "application/pem-certificate-chain")
				return reply
			})
			result, err := w.issuer.Obtain(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			if n := bytes.Count(result.Chain, []byte("BEGIN CERTIFICATE")); n != length {
				t.Errorf("%d certificates, want %d", n, length)
			}
			if want == "ISRG Root X1" && asked > 0 {
				t.Errorf("%d other chains were fetched although the default one is it", asked)
			}
		})
	}
}
