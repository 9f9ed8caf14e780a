package boulder

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"time"
)

// logNames are the logs for certificate transparency, each of an operator of its own.
func logNames() []string { return []string{"Log A", "Log B"} }

// prepareLogs writes the configuration of the program that is both logs, and the list of them (the form is Google's, version 3).
func (c *CA) prepareLogs() error {
	var personalities, operators []object
	for i, name := range logNames() {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return err
		}
		private, err := x509.MarshalECPrivateKey(key)
		if err != nil {
			return err
		}
		public, err := x509.MarshalPKIXPublicKey(key.Public())
		if err != nil {
			return err
		}
		id := sha256.Sum256(public)
		personalities = append(personalities, object{"Addr": at(c.ip, portLogA+i),
			"PrivKey": base64.StdEncoding.EncodeToString(private)})
		operators = append(operators, object{
			"name": "Operator of " + name, "email": []string{}, "logs": []object{{
				"description": name, "log_id": base64.StdEncoding.EncodeToString(id[:]),
				"key": base64.StdEncoding.EncodeToString(public),
				"url": "http://" + at(c.ip, portProxyA+i), "mmd": 86400,
				"temporal_interval": object{"start_inclusive": "2000-01-01T00:00:00Z", "end_exclusive": "2100-01-01T00:00:00Z"},
				"state":             object{"usable": object{"timestamp": "2000-01-01T00:00:00Z"}},
			}},
		})
	}
	for path, value := range map[string]any{
		c.file("ctlog.json"): object{"Personalities": personalities},
		c.file("logs.json"):  object{"version": "1.0", "log_list_timestamp": "2026-01-01T00:00:00Z", "operators": operators},
	} {
		text, err := json.MarshalIndent(value, "", "\t")
		if err != nil {
			return err
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// logProxy passes submissions on to log i, late where the zone of the certificate has late logs.
func (c *CA) logProxy(i int) http.Handler {
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: at(c.ip, portLogA+i)})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		select {
		case <-time.After(c.zones.lateLogs(submitted(body))):
			proxy.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	})
}

// submitted are the names of the certificate that is sent to a log (RFC 6962 §4.1, §4.2).
func submitted(body []byte) []string {
	var request struct{ Chain [][]byte }
	if err := json.Unmarshal(body, &request); err != nil || len(request.Chain) == 0 {
		return nil
	}
	cert, err := x509.ParseCertificate(request.Chain[0])
	if err != nil {
		return nil
	}
	return cert.DNSNames
}
