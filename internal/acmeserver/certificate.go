package acmeserver

import (
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"strconv"
	"strings"
)

// certificate hands a certificate out (RFC 8555 §7.4.2), under /N with another chain.
func (s *Server) certificate(c *call) (*reply, *Problem) {
	id, number, other := strings.Cut(c.rest, "/")
	o, problem := s.orderOf(c, id)
	if problem != nil {
		return nil, problem
	}
	if o.Status != statusValid {
		return nil, notFound()
	}
	if len(c.payload) > 0 {
		return nil, malformed("a certificate is read by POST-as-GET, whose payload is empty")
	}
	chain, which := o.Chain, 0
	if other {
		n, err := strconv.Atoi(number)
		if err != nil || n < 1 || n > len(o.Alternates) || strconv.Itoa(n) != number {
			return nil, notFound()
		}
		chain, which = o.Alternates[n-1], n
	}
	answer := &reply{status: http.StatusOK, kind: "application/pem-certificate-chain", body: chain}
	for n := range len(o.Alternates) + 1 {
		url := s.url(pathCertificate, o.ID)
		if n > 0 {
			url = s.url(pathCertificate, o.ID, strconv.Itoa(n))
		}
		if n != which {
			answer.links = append(answer.links, "<"+url+`>;rel="alternate"`)
		}
	}
	return answer, nil
}

// leafOf is the first certificate of a chain; nil if it cannot be read.
func leafOf(chain []byte) *x509.Certificate {
	block, _ := pem.Decode(chain)
	if block == nil {
		return nil
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil
	}
	return leaf
}
