package rfc2136

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"time"

	"github.com/miekg/dns"

	"wildcard/providers"
)

// fudge is how far apart the clocks may be (RFC 8945 §10), in seconds.
const fudge = 300

// errUnsigned says that a message carries no signature. It may still be one of the refusals that cannot be signed.
var errUnsigned = errors.New("it is not signed")

// sign packs m with a signature made at the given time, and returns the signature, which the reply's covers too.
func (k key) sign(m *dns.Msg, at time.Time) (packet []byte, mac string, err error) {
	m.SetTsig(k.name, k.algorithm, fudge, at.Unix())
	return dns.TsigGenerate(m, k.secret.Reveal(), "", false)
}

// verify checks the signature of a reply (RFC 8945 §5.3) and returns the record it stands in. The DNS library's own check
// passes over replies that have none, cannot check those that say NOTAUTH, the one reply that tells of clocks that differ,
// and stops at the first TSIG record whatever follows it.
func (k key) verify(packet []byte, requestMAC string, now time.Time) (*dns.TSIG, error) {
	at, t, err := lastTSIG(packet)
	if err != nil {
		return nil, err
	}
	if t.MACSize == 0 {
		return t, errUnsigned
	}
	if providers.CanonicalName(t.Hdr.Name) != k.name || providers.CanonicalName(t.Algorithm) != k.algorithm {
		return nil, errors.New("it is signed with another key")
	}
	sum, err := k.sum(packet[:at], t, requestMAC)
	if err != nil {
		return nil, err
	}
	mac, err := hex.DecodeString(t.MAC)
	if err != nil || !hmac.Equal(mac, sum) {
		return nil, errors.New("its signature is wrong")
	}
	// Only after the signature: a time without a signature means nothing.
	if apart := now.Sub(unix(t.TimeSigned)).Abs(); apart > time.Duration(t.Fudge)*time.Second {
		return nil, fmt.Errorf("it was signed %v away from our time", apart.Round(time.Second))
	}
	return t, nil
}

// lastTSIG returns the TSIG record that ends a message and where it begins.
func lastTSIG(packet []byte) (at int, t *dns.TSIG, err error) {
	const header = 12
	if len(packet) < header {
		return 0, nil, errors.New("it is too short")
	}
	off := header
	for range binary.BigEndian.Uint16(packet[4:]) {
		if _, off, err = dns.UnpackDomainName(packet, off); err != nil {
			return 0, nil, err
		}
		off += 4 // type and class
	}
	var rr dns.RR
	for section := 6; section <= 10; section += 2 {
		for range binary.BigEndian.Uint16(packet[section:]) {
			at = off
			if rr, off, err = dns.UnpackRR(packet, off); err != nil {
				return 0, nil, err
			}
		}
	}
	t, ok := rr.(*dns.TSIG)
	if !ok || binary.BigEndian.Uint16(packet[10:]) == 0 {
		return 0, nil, errUnsigned
	}
	if off != len(packet) || t.Hdr.Class != dns.ClassANY || t.Hdr.Ttl != 0 {
		return 0, nil, errors.New("its signature is malformed")
	}
	return at, t, nil
}

// sum is the signature that a reply without its TSIG record t must have (RFC 8945 §4.3).
func (k key) sum(packet []byte, t *dns.TSIG, requestMAC string) ([]byte, error) {
	secret, err := base64.StdEncoding.DecodeString(k.secret.Reveal())
	if err != nil {
		return nil, errors.New("the key's secret is not base64")
	}
	request, err := hex.DecodeString(requestMAC)
	if err != nil {
		return nil, err
	}
	other, err := hex.DecodeString(t.OtherData)
	if err != nil {
		return nil, err
	}
	var name, algorithm [256]byte
	nameEnd, err := dns.PackDomainName(k.name, name[:], 0, nil, false)
	if err != nil {
		return nil, err
	}
	algorithmEnd, err := dns.PackDomainName(k.algorithm, algorithm[:], 0, nil, false)
	if err != nil {
		return nil, err
	}
	h := hmac.New(k.hash(), secret)
	b := binary.BigEndian.AppendUint16(nil, uint16(len(request)))
	b = append(b, request...)
	b = binary.BigEndian.AppendUint16(b, t.OrigId)
	b = append(b, packet[2:10]...)
	b = binary.BigEndian.AppendUint16(b, binary.BigEndian.Uint16(packet[10:])-1)
	b = append(b, packet[12:]...)
	b = append(b, name[:nameEnd]...)
	b = binary.BigEndian.AppendUint16(b, dns.ClassANY)
	b = binary.BigEndian.AppendUint32(b, 0) // TTL
	b = append(b, algorithm[:algorithmEnd]...)
	b = binary.BigEndian.AppendUint16(b, uint16(t.TimeSigned>>32))
	b = binary.BigEndian.AppendUint32(b, uint32(t.TimeSigned))
	b = binary.BigEndian.AppendUint16(b, t.Fudge)
	b = binary.BigEndian.AppendUint16(b, t.Error)
	b = binary.BigEndian.AppendUint16(b, uint16(len(other)))
	b = append(b, other...)
	h.Write(b)
	return h.Sum(nil), nil
}

func (k key) hash() func() hash.Hash {
	switch k.algorithm {
	case dns.HmacSHA1:
		return sha1.New
	case dns.HmacSHA224:
		return sha256.New224
	case dns.HmacSHA384:
		return sha512.New384
	case dns.HmacSHA512:
		return sha512.New
	default:
		return sha256.New
	}
}

// serverTime is the server's clock as a reply of BADTIME tells it (RFC 8945 §5.2.3).
func serverTime(t *dns.TSIG) (time.Time, bool) {
	b, err := hex.DecodeString(t.OtherData)
	if err != nil || len(b) != 6 {
		return time.Time{}, false
	}
	return unix(uint64(binary.BigEndian.Uint16(b))<<32 | uint64(binary.BigEndian.Uint32(b[2:]))), true
}

// unix is a time of 48 bits.
func unix(seconds uint64) time.Time { return time.Unix(int64(seconds&(1<<48-1)), 0).UTC() }
