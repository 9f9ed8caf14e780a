package lineage

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/md5"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"

	"wildcard/internal/fault"
)

// jwk is a private key as josepy, certbot's library, writes it (RFC 7518 §6.2.2, §6.3.2). Numbers are base64url without padding:
// those of an elliptic curve as wide as its field, those of RSA without leading zeros.
type jwk struct {
	Type  string `json:"kty"`
	Curve string `json:"crv,omitempty"`
	X     string `json:"x,omitempty"`
	Y     string `json:"y,omitempty"`
	N     string `json:"n,omitempty"`
	E     string `json:"e,omitempty"`
	D     string `json:"d,omitempty"`
	P     string `json:"p,omitempty"`
	Q     string `json:"q,omitempty"`
	DP    string `json:"dp,omitempty"`
	DQ    string `json:"dq,omitempty"`
	QI    string `json:"qi,omitempty"`
}

var curves = map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}

func encodeKey(key crypto.Signer) ([]byte, error) {
	b64 := base64.RawURLEncoding.EncodeToString
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		point, err := key.PublicKey.Bytes() // 4, X, Y
		if err != nil {
			return nil, err
		}
		d, err := key.Bytes()
		if err != nil {
			return nil, err
		}
		name := key.Curve.Params().Name
		if curves[name] == nil {
			return nil, fmt.Errorf("no JWK for curve %s", name)
		}
		half := (len(point) - 1) / 2
		return json.Marshal(jwk{Type: "EC", Curve: name, X: b64(point[1 : 1+half]), Y: b64(point[1+half:]), D: b64(d)})
	case *rsa.PrivateKey:
		if len(key.Primes) != 2 {
			return nil, errors.New("an RSA key has two primes in a JWK")
		}
		key.Precompute()
		return json.Marshal(jwk{Type: "RSA", N: b64(key.N.Bytes()), E: b64(big.NewInt(int64(key.E)).Bytes()),
			D: b64(key.D.Bytes()),
			P: b64(key.Primes[0].Bytes()), Q: b64(key.Primes[1].Bytes()),
			DP: b64(key.Precomputed.Dp.Bytes()), DQ: b64(key.Precomputed.Dq.Bytes()), QI: b64(key.Precomputed.Qinv.Bytes())})
	default:
		return nil, fmt.Errorf("no JWK for a %T", key)
	}
}

// ParseJWK reads a private key in the form of certbot's private_key.json, RSA or EC. Errors are CodeAccount, and quote nothing
// of the text.
func ParseJWK(text []byte) (crypto.Signer, error) {
	key, err := decodeKey(text)
	if err != nil {
		return nil, fault.Errorf(CodeAccount, fault.Misconfigured, "%w", err)
	}
	return key, nil
}

// decodeKey reads a private key. Its errors quote nothing of the text.
func decodeKey(text []byte) (crypto.Signer, error) {
	var k jwk
	if json.Unmarshal(text, &k) != nil {
		return nil, errors.New("not a JWK")
	}
	var bad error
	bytes := func(s string) []byte {
		b, err := base64.RawURLEncoding.DecodeString(s)
		if err != nil || len(b) == 0 {
			bad = errors.New("a number of the JWK is missing or not base64url")
		}
		return b
	}
	number := func(s string) *big.Int { return new(big.Int).SetBytes(bytes(s)) }
	switch curve := curves[k.Curve]; {
	case k.Type == "EC" && curve != nil:
		d, x, y := bytes(k.D), bytes(k.X), bytes(k.Y)
		if bad != nil {
			return nil, bad
		}
		key, err := ecdsa.ParseRawPrivateKey(curve, d)
		if err != nil {
			return nil, errors.New("the JWK's d is no key of its curve")
		}
		point, err := key.PublicKey.Bytes()
		if err != nil || string(point[1:]) != string(x)+string(y) {
			return nil, errors.New("the JWK's x and y do not belong to its d")
		}
		return key, nil
	case k.Type == "RSA":
		e := number(k.E)
		key := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: number(k.N), E: int(e.Int64())}, D: number(k.D),
			Primes: []*big.Int{number(k.P), number(k.Q)}}
		if bad != nil {
			return nil, bad
		}
		if !e.IsInt64() || key.Validate() != nil {
			return nil, errors.New("the JWK is no valid RSA key")
		}
		key.Precompute()
		return key, nil
	default:
		return nil, errors.New("the JWK is neither RSA nor EC with P-256, P-384 or P-521")
	}
}

// AccountID is [Account.ID] of a key; an error if certbot has no form for such keys.
func AccountID(key crypto.Signer) (string, error) {
	if _, err := encodeKey(key); err != nil {
		return "", fault.Errorf(CodeAccount, fault.Misconfigured, "%w", err)
	}
	return accountID(key)
}

// accountID is the name that certbot gives to an account: the MD5, in hex, of its public key as PEM (account.py, Account).
func accountID(key crypto.Signer) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return "", err
	}
	sum := md5.Sum(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	return hex.EncodeToString(sum[:]), nil
}
