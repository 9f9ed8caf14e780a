package certificates

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"slices"
	"strings"

	"wildcard/internal/issuance"
	"wildcard/internal/lineage"
	"wildcard/internal/state"
)

// key is a certificate's private key, with its PEM, in which it is kept and stored.
type key struct {
	crypto.Signer
	pem []byte
}

func newKey(t issuance.KeyType) (key, error) {
	signer, err := t.GenerateKey()
	if err != nil {
		return key{}, err
	}
	return keyOf(signer)
}

func keyOf(signer crypto.Signer) (key, error) {
	text, err := issuance.MarshalKey(signer)
	return key{signer, text}, err
}

// chooseKey takes the certificate's key: the earlier order's, the live one with --reuse-key, else a new one. A key that was
// revoked as compromised is not used again: CAs block it for good.
func (a *attempt) chooseKey(p state.Pending) (err error) {
	if len(p.Key) > 0 {
		signer, err := issuance.ParseKey(p.Key)
		if err == nil && typeOf(signer) == a.keyType && !(a.settings.NewKey && a.isLiveKey(signer)) {
			a.key = key{signer, p.Key}
			return nil
		}
	}
	switch {
	case a.settings.NewKey && a.params.ReuseKey:
		a.m.note("%s: the key of the live certificate was revoked as compromised, so a new one is made", a.name)
	case a.params.ReuseKey && a.live != nil && a.live.Damage == nil:
		set, err := a.live.Set()
		if err != nil {
			return err
		}
		signer, err := issuance.ParseKey(set.Key)
		if err != nil {
			return err
		}
		a.key, err = keyOf(signer)
		return err
	}
	a.key, err = newKey(a.keyType)
	return err
}

// setKeyType writes a kind of key in certbot's words.
func setKeyType(p *lineage.Params, t issuance.KeyType) {
	p.KeyType, p.Curve, p.RSABits = "rsa", "", 0
	switch t {
	case issuance.RSA2048:
		p.RSABits = 2048
	case issuance.RSA3072:
		p.RSABits = 3072
	case issuance.RSA4096:
		p.RSABits = 4096
	case issuance.ECDSA384:
		p.KeyType, p.Curve = "ecdsa", "secp384r1"
	default:
		p.KeyType, p.Curve = "ecdsa", "secp256r1"
	}
}

// KeyTypeOf reads a kind of key from certbot's words; what we do not make becomes the nearest that we do.
func KeyTypeOf(p lineage.Params) issuance.KeyType {
	switch {
	case p.KeyType == "ecdsa" && (p.Curve == "" || strings.EqualFold(p.Curve, "secp256r1")):
		return issuance.ECDSA256
	case p.KeyType == "ecdsa":
		return issuance.ECDSA384
	case p.RSABits > 3072:
		return issuance.RSA4096
	case p.RSABits > 2048:
		return issuance.RSA3072
	}
	return issuance.RSA2048
}

// nearestType is the kind of a key that is there, or the nearest that we make.
func nearestType(key crypto.Signer) (t issuance.KeyType, same bool) {
	switch k := key.(type) {
	case *ecdsa.PrivateKey:
		return typeOf(key), k.Params().BitSize == 256 || k.Params().BitSize == 384
	case *rsa.PrivateKey:
		bits := k.N.BitLen()
		return typeOf(key), bits == 2048 || bits == 3072 || bits == 4096
	}
	return issuance.ECDSA256, false
}

// typeOf is the kind of a key that is there.
func typeOf(key crypto.Signer) issuance.KeyType {
	switch k := key.(type) {
	case *ecdsa.PrivateKey:
		if k.Params().BitSize > 256 {
			return issuance.ECDSA384
		}
		return issuance.ECDSA256
	case *rsa.PrivateKey:
		switch {
		case k.N.BitLen() > 3072:
			return issuance.RSA4096
		case k.N.BitLen() > 2048:
			return issuance.RSA3072
		}
	}
	return issuance.RSA2048
}

// sameNames reports whether two lists have the same names, in any order.
func sameNames(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}
