package deploy_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"github.com/pavlo-v-chernykh/keystore-go/v4"
	"software.sslmate.com/src/go-pkcs12"

	"wildcard/internal/deploy"
	"wildcard/internal/fault"
	"wildcard/internal/lineage"
)

// keyTypes are the kinds of keys that certificates here have.
func keyTypes() map[string]func() (crypto.Signer, error) {
	return map[string]func() (crypto.Signer, error){
		"ecdsa-p256": func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) },
		"ecdsa-p384": func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P384(), rand.Reader) },
		"rsa-2048":   func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 2048) },
		"rsa-4096":   func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 4096) },
	}
}

// setOf is a certificate for a key, its issuer, and that one's.
func setOf(t testing.TB, key crypto.Signer) lineage.Set {
	t.Helper()
	var text bytes.Buffer
	form := func(n int64, ca bool) *x509.Certificate {
		return &x509.Certificate{SerialNumber: big.NewInt(n), NotBefore: time.Unix(1_700_000_000, 0), NotAfter: time.Unix(4_000_000_000, 0), IsCA: ca, BasicConstraintsValid: ca}
	}
	issuer, by := form(1, true), crypto.Signer(nil)
	issuer.Subject.CommonName = "root"
	var chain [][]byte
	for i, name := range []string{"root", "intermediate", ""} {
		next := form(int64(i+1), i < 2)
		next.Subject.CommonName = name
		signer := key
		if i < 2 {
			var err error
			if signer, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
				t.Fatal(err)
			}
		} else {
			next.DNSNames = []string{"*.example.com", "example.com"}
		}
		if by == nil {
			by = signer
		}
		der, err := x509.CreateCertificate(rand.Reader, next, issuer, signer.Public(), by)
		if err != nil {
			t.Fatal(err)
		}
		chain = append([][]byte{der}, chain...)
		if issuer, err = x509.ParseCertificate(der); err != nil {
			t.Fatal(err)
		}
		by = signer
	}
	for _, der := range chain {
		text.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	set, err := lineage.NewSet(text.Bytes(), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestKeyStores_KindsOfKeys has each kind of key in each key store, with the whole chain, and opened by no other password.
func TestKeyStores_KindsOfKeys(t *testing.T) {
	t.Parallel()
	const password = "secret 1"
	for name, newKey := range keyTypes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key, err := newKey()
			if err != nil {
				t.Fatal(err)
			}
			set := setOf(t, key)
			oid := map[bool][]byte{
				false: {0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2a},       // aes256-CBC-PAD (RFC 8018, B.2.5)
				true:  {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x01, 0x03}, // pbeWithSHAAnd3-KeyTripleDES-CBC (RFC 7292, C)
			}
			for _, legacy := range []bool{false, true} {
				text, err := deploy.PKCS12(set, password, legacy)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Contains(text, oid[legacy]) || bytes.Contains(text, oid[!legacy]) {
					t.Errorf("legacy %t: encrypted otherwise", legacy)
				}
				got, leaf, chain, err := pkcs12.DecodeChain(text, password)
				if err != nil || len(chain) != 2 || leaf.DNSNames[0] != "*.example.com" || !key.(interface{ Equal(crypto.PrivateKey) bool }).Equal(got) {
					t.Errorf("%v %v %v", leaf, chain, err)
				}
				if _, _, _, err := pkcs12.DecodeChain(text, password+"1"); err == nil {
					t.Error("another password opens it")
				}
			}
			text, err := deploy.JKS(set, password, time.Unix(1_800_000_000, 0))
			if err != nil {
				t.Fatal(err)
			}
			store := keystore.New()
			if err := store.Load(bytes.NewReader(text), []byte(password)); err != nil {
				t.Fatal(err)
			}
			if entry, err := store.GetPrivateKeyEntry("1", []byte(password)); err != nil || len(entry.CertificateChain) != 3 || len(store.Aliases()) != 1 {
				t.Errorf("%v %v", store.Aliases(), err)
			}
			if err := keystore.New().Load(bytes.NewReader(text), []byte("other secret")); err == nil {
				t.Error("another password opens it")
			}
		})
	}
}

// TestKeyStores_NoSet makes nothing of what is no set.
func TestKeyStores_NoSet(t *testing.T) {
	t.Parallel()
	key, _ := keyTypes()["ecdsa-p256"]()
	other, _ := keyTypes()["ecdsa-p256"]()
	set := setOf(t, key)
	for _, broken := range []lineage.Set{{}, {Key: set.Key}, {Cert: set.Cert, Chain: set.Chain}, {Cert: set.Cert, Chain: set.Chain, Key: setOf(t, other).Key}} {
		_, err := deploy.PKCS12(broken, "secret 1", false)
		_, errJKS := deploy.JKS(broken, "secret 1", time.Now())
		if fault.CodeOf(err) != deploy.CodeKeyStore || fault.CodeOf(errJKS) != deploy.CodeKeyStore {
			t.Errorf("%v, %v", err, errJKS)
		}
	}
}

func TestCheckPassword(t *testing.T) {
	t.Parallel()
	for password, good := range map[string]bool{"changeit": true, "sixsix": true, "with space": true, `"'$\`: false, `"'$\&;`: true, "five5": false, "": false, "pässwort": false, "tab\there": false, "パスワード": false} {
		if err := deploy.CheckPassword(password); (err == nil) != good || err != nil && (fault.CodeOf(err) != deploy.CodePassword || fault.ClassOf(err) != fault.Misconfigured) {
			t.Errorf("%q: %v", password, err)
		}
	}
}
