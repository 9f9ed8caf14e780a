package certificates_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"wildcard/internal/certificates"
	"wildcard/internal/messages"
	"wildcard/internal/testkit/clienttree"
)

// authority is a CA with a root and two intermediates, for certificates in other clients' trees.
type authority struct {
	t    *testing.T
	keys []crypto.Signer
	all  []*x509.Certificate // root first
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t}
	for n := range 3 {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		template := &x509.Certificate{SerialNumber: big.NewInt(int64(n + 1)), Subject: pkix.Name{CommonName: fmt.Sprint("CA ", n)}, IsCA: true,
			BasicConstraintsValid: true, NotBefore: clienttree.Now(), NotAfter: clienttree.Now().AddDate(9, 0, 0)}
		a.keys = append(a.keys, key)
		parent, signer := template, crypto.Signer(key)
		if n > 0 {
			parent, signer = a.all[n-1], a.keys[n-1]
		}
		a.all = append(a.all, a.sign(template, parent, key.Public(), signer))
	}
	return a
}

func (a *authority) sign(template, parent *x509.Certificate, key crypto.PublicKey, by crypto.Signer) *x509.Certificate {
	a.t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key, by)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert
}

// leaf is a certificate of the last intermediate.
func (a *authority) leaf(key crypto.Signer, change func(*x509.Certificate)) *x509.Certificate {
	a.t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(99), DNSNames: []string{"*.example.com", "example.com"}, NotBefore: clienttree.Now(),
		NotAfter: clienttree.Now().Add(90 * 24 * time.Hour)}
	if change != nil {
		change(template)
	}
	return a.sign(template, a.all[2], key.Public(), a.keys[2])
}

func pemText(certs ...*x509.Certificate) (text string) {
	for _, cert := range certs {
		text += string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}))
	}
	return text
}

func pkcs8(t *testing.T, key crypto.Signer) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// legoTree is a folder of lego's with these files of certificates.
func legoTree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for _, folder := range []string{"certificates", "accounts"} {
		if err := os.Mkdir(filepath.Join(dir, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, "certificates", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestImport_Keys takes every kind of key, and says what renewals get where such keys are not made here.
func TestImport_Keys(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ec := func(curve elliptic.Curve) *ecdsa.PrivateKey {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	odd, err := rsa.GenerateKey(rand.Reader, 2304)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p384, p256 := ec(elliptic.P384()), ec(elliptic.P256())
	sec1, err := x509.MarshalECPrivateKey(p256)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		key  crypto.Signer
		text string // "" is PKCS #8
		kind string
		said bool
	}{
		"Ed25519":                 {ed, "", "ecdsa secp256r1", true},
		"Ed25519, as Caddy's":     {ed, strings.ReplaceAll(pkcs8(t, ed), "PRIVATE", "ED25519 PRIVATE"), "ecdsa secp256r1", true},
		"P-521":                   {ec(elliptic.P521()), "", "ecdsa secp384r1", true},
		"P-384":                   {p384, "", "ecdsa secp384r1", false},
		"P-256, SEC 1":            {p256, "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" + string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1})), "ecdsa secp256r1", false},
		"RSA 2048, PKCS #1":       {plain, string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(plain)})), "rsa 2048", false},
		"RSA 2304":                {odd, "", "rsa 3072", true},
		"behind its certificates": {p256, pemText(a.all[2]) + pkcs8(t, p256), "ecdsa secp256r1", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.text == "" {
				test.text = pkcs8(t, test.key)
			}
			tree := legoTree(t, map[string]string{"x.crt": pemText(a.leaf(test.key, nil), a.all[2], a.all[1]), "x.key": test.text})
			m, _ := importer(t, t.TempDir(), false)
			got, err := m.Import(t.Context(), certificates.ImportRequest{Client: "lego", Path: tree, Servers: []string{"https://ca.example/dir"}})
			if err != nil || got.Certificates[0].Err != nil {
				t.Fatal(err, got.Certificates[0].Err)
			}
			l, err := m.Store.Lineage("example.com")
			if err != nil || l.Damage != nil {
				t.Fatal(err, l.Damage)
			}
			p := l.Conf.Params()
			kind := p.KeyType + " " + p.Curve
			if p.RSABits > 0 {
				kind = fmt.Sprint(p.KeyType, " ", p.RSABits)
			}
			said := slices.ContainsFunc(got.Certificates[0].Notes, func(n messages.Message) bool { return strings.Contains(n.String(), "such keys are not made here") })
			if kind != test.kind || said != test.said {
				t.Errorf("renewals get %s, said %v", kind, said)
			}
			if set, err := l.Set(); err != nil || !bytes.Contains(set.Key, []byte("BEGIN PRIVATE KEY")) {
				t.Errorf("no PKCS #8: %v", err)
			}
		})
	}
}

// TestImport_Chains finds each certificate's chain, whatever the order and wherever in the client's files, and refuses what none can be found
// for, or what no DNS record proves.
func TestImport_Chains(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	key := a.keys[0] // of the root: it is a key as any other
	leaf := a.leaf(key, nil)
	for name, test := range map[string]struct {
		files map[string]string
		chain int    // certificates in it
		said  string // of one that is refused
	}{
		"in order":              {map[string]string{"x.crt": pemText(leaf, a.all[2], a.all[1])}, 2, ""},
		"with its root":         {map[string]string{"x.crt": pemText(leaf, a.all[2], a.all[1], a.all[0])}, 3, ""},
		"out of order":          {map[string]string{"x.crt": pemText(a.all[1], leaf, a.all[0], a.all[2])}, 3, ""},
		"others between":        {map[string]string{"x.crt": pemText(leaf, a.leaf(a.keys[1], nil), a.all[2])}, 1, ""},
		"in a file of its own":  {map[string]string{"x.crt": pemText(leaf), "x.issuer.crt": pemText(a.all[2], a.all[1])}, 2, ""},
		"of another one":        {map[string]string{"x.crt": pemText(leaf), "y.crt": pemText(a.all[2]), "y.key": ""}, 1, ""},
		"nowhere":               {map[string]string{"x.crt": pemText(leaf, a.all[1])}, 0, "its chain is not complete"},
		"no certificate":        {map[string]string{"x.crt": "\n"}, 0, "there is no certificate in it"},
		"an address":            {map[string]string{"x.crt": pemText(a.leaf(key, func(c *x509.Certificate) { c.IPAddresses = []net.IP{{192, 0, 2, 1}} }), a.all[2])}, 0, "192.0.2.1, which no DNS record can prove"},
		"a common name alone":   {map[string]string{"x.crt": pemText(a.leaf(key, func(c *x509.Certificate) { c.DNSNames, c.Subject.CommonName = nil, "example.com" }), a.all[2])}, 0, "other names than those of hosts"},
		"a name for no host":    {map[string]string{"x.crt": pemText(a.leaf(key, func(c *x509.Certificate) { c.EmailAddresses = []string{"a@example.com"} }), a.all[2])}, 0, "other names than those of hosts"},
		"another's certificate": {map[string]string{"x.crt": pemText(a.leaf(a.keys[1], nil), a.all[2])}, 0, "its key is not that of the certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.files["x.key"] = pkcs8(t, key)
			m, _ := importer(t, t.TempDir(), false)
			got, err := m.Import(t.Context(), certificates.ImportRequest{Client: "lego", Path: legoTree(t, test.files), Servers: []string{"https://ca.example/dir"}})
			if err != nil {
				t.Fatal(err)
			}
			c := got.Certificates[0]
			if test.said != "" {
				if c.Err == nil || !strings.Contains(c.Err.Error(), test.said) || c.Outcome != certificates.ImportNot {
					t.Errorf("%s: %v", c.Outcome, c.Err)
				}
				return
			}
			l, err := m.Store.Lineage("example.com")
			if err != nil || l.Damage != nil {
				t.Fatal(err, c.Err)
			}
			if set, err := l.Set(); err != nil || bytes.Count(set.Chain, []byte("BEGIN CERTIFICATE")) != test.chain {
				t.Errorf("%v, chain\n%s", err, set.Chain)
			}
		})
	}
}

// TestImport_OtherCAs says what a person should know of a certificate's CA; of Caddy's certificates for one name that of a CA for tries is left.
func TestImport_OtherCAs(t *testing.T) {
	t.Parallel()
	for server, said := range map[string]string{
		"https://acme-staging-v02.api.letsencrypt.org/directory": "a CA for tries",
		"https://api.buypass.com/acme/directory":                 "2025",
	} {
		root := clienttree.Lay(t, "acme.sh")
		path := filepath.Join(root, "home/admin/.acme.sh/example.com_ecc/example.com.conf")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, bytes.ReplaceAll(text, []byte("https://localhost:14000/dir"), []byte(server)), 0o600); err != nil {
			t.Fatal(err)
		}
		m, _ := importer(t, root, true)
		got, err := m.Import(t.Context(), certificates.ImportRequest{Client: "acme.sh", DryRun: true})
		if err != nil {
			t.Fatal(err)
		}
		var notes string
		for _, c := range got.Certificates {
			if c.Server == server {
				notes += fmt.Sprint(c.Notes, c.Outcome)
			}
		}
		if !strings.Contains(notes, said) || !strings.Contains(notes, "no account came with it") {
			t.Errorf("%s: %s", server, notes)
		}
	}
	root := clienttree.Lay(t, "caddy")
	base := filepath.Join(root, "var/lib/caddy/.local/share/caddy/certificates")
	from, to := filepath.Join(base, "localhost-14000-dir/example.com"), filepath.Join(base, "acme-staging/example.com")
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	about := `{"sans":["example.com"],"issuer_data":{"ca":"https://acme-staging-v02.api.letsencrypt.org/directory"}}`
	if err := os.WriteFile(filepath.Join(to, "example.com.json"), []byte(about), 0o600); err != nil {
		t.Fatal(err)
	}
	m, _ := importer(t, root, true)
	got, err := m.Import(t.Context(), certificates.ImportRequest{Client: "caddy", DryRun: true})
	if err != nil || len(got.Certificates) != 4 {
		t.Fatalf("%d certificates, %v", len(got.Certificates), err)
	}
	for _, c := range got.Certificates {
		if slices.Equal(c.Names, []string{"example.com"}) && (c.Server != "https://localhost:14000/dir" || !slices.Contains(c.Lost, filepath.Join(to, "example.com.crt"))) {
			t.Errorf("%+v", c)
		}
	}
}
