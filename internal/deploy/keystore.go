package deploy

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"slices"
	"time"

	"github.com/pavlo-v-chernykh/keystore-go/v4"
	"software.sslmate.com/src/go-pkcs12"

	"wildcard/internal/fault"
	"wildcard/internal/lineage"
	"wildcard/internal/messages"
)

// This file makes the bytes of key stores; which files a certificate is written into is decided in internal/certificates/outputs.go.

// Codes of key stores.
const (
	CodeKeyStore = "deploy.key-store" // a key store cannot be made of the certificate, or does not hold what was put into it
	CodePassword = "deploy.password"  // the password of a key store cannot be used
)

// alias is the name of the entry in Java's eyes: of PKCS #12 without names it makes numbers, and in its own form it is the same here.
const alias = "1"

// leastPassword is what keytool wants of a password.
const leastPassword = 6

// CheckPassword refuses what programs cannot open a key store with.
func CheckPassword(password string) error {
	switch {
	case len(password) < leastPassword:
		return passwordError(messages.New("it is shorter than %d characters, which keytool does not take", leastPassword))
	case slices.ContainsFunc([]byte(password), func(b byte) bool { return b < ' ' || b > '~' }):
		return passwordError(messages.New("it has other characters than those of ASCII, which programs read differently"))
	}
	return nil
}

func passwordError(why messages.Message) error {
	return fault.Errorf(CodePassword, fault.Misconfigured, "key store password: %w", why)
}

// content is a set as key stores have it.
type content struct {
	key   crypto.PrivateKey
	leaf  *x509.Certificate
	chain []*x509.Certificate
}

func contentOf(set lineage.Set) (c content, err error) {
	pair, err := tls.X509KeyPair(set.Fullchain(), set.Key)
	if err != nil {
		return c, keyStoreError(err)
	}
	c.key, c.leaf = pair.PrivateKey, pair.Leaf
	for _, der := range pair.Certificate[1:] {
		issuer, err := x509.ParseCertificate(der)
		if err != nil {
			return c, keyStoreError(err)
		}
		c.chain = append(c.chain, issuer)
	}
	return c, nil
}

func keyStoreError(err error) error {
	return fault.Errorf(CodeKeyStore, fault.Failed, "key store: %w", err)
}

// same reports whether what was read is what was written.
func (c content) same(key any, leaf *x509.Certificate, chain []*x509.Certificate) error {
	own, ok := c.key.(interface{ Equal(crypto.PrivateKey) bool })
	if !ok || !own.Equal(key) || !c.leaf.Equal(leaf) || !slices.EqualFunc(c.chain, chain, (*x509.Certificate).Equal) {
		return keyStoreError(errors.New("it does not hold what was put into it"))
	}
	return nil
}

// PKCS12 is a set as PKCS #12 (RFC 7292): AES-256 and SHA-256, as OpenSSL 3 and Java since 8u301 have it, or for older ones and
// Windows before 2019 3DES and SHA-1. It was read back. The MAC of RFC 9579 is left out: neither OpenSSL 3.0 nor Java 17 knows it.
func PKCS12(set lineage.Set, password string, legacy bool) ([]byte, error) {
	c, err := contentOf(set)
	if err != nil {
		return nil, err
	}
	encoder := pkcs12.Modern2023
	if legacy {
		encoder = pkcs12.LegacyDES
	}
	text, err := encoder.Encode(c.key, c.leaf, c.chain, password)
	if err != nil {
		return nil, keyStoreError(err)
	}
	key, leaf, chain, err := pkcs12.DecodeChain(text, password)
	if err != nil {
		return nil, keyStoreError(err)
	}
	return text, c.same(key, leaf, chain)
}

// JKS is a set as a key store of Java's own form, with one entry, whose password is that of the store. It was read back.
func JKS(set lineage.Set, password string, now time.Time) ([]byte, error) {
	c, err := contentOf(set)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(c.key)
	if err != nil {
		return nil, keyStoreError(err)
	}
	entry := keystore.PrivateKeyEntry{CreationTime: now, PrivateKey: der}
	for _, one := range append([]*x509.Certificate{c.leaf}, c.chain...) {
		entry.CertificateChain = append(entry.CertificateChain, keystore.Certificate{Type: "X509", Content: one.Raw})
	}
	store := keystore.New()
	var text bytes.Buffer
	err = store.SetPrivateKeyEntry(alias, entry, []byte(password))
	if err == nil {
		err = store.Store(&text, []byte(password))
	}
	if err != nil {
		return nil, keyStoreError(err)
	}
	return text.Bytes(), c.readJKS(text.Bytes(), password)
}

// readJKS reads a key store back.
func (c content) readJKS(text []byte, password string) error {
	store := keystore.New()
	if err := store.Load(bytes.NewReader(text), []byte(password)); err != nil {
		return keyStoreError(err)
	}
	entry, err := store.GetPrivateKeyEntry(alias, []byte(password))
	if err != nil {
		return keyStoreError(err)
	}
	key, err := x509.ParsePKCS8PrivateKey(entry.PrivateKey)
	if err != nil {
		return keyStoreError(err)
	}
	var all []*x509.Certificate
	for _, one := range entry.CertificateChain {
		parsed, err := x509.ParseCertificate(one.Content)
		if err != nil {
			return keyStoreError(err)
		}
		all = append(all, parsed)
	}
	if len(all) == 0 {
		return keyStoreError(errors.New("no certificate"))
	}
	return c.same(key, all[0], all[1:])
}
