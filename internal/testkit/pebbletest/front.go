package pebbletest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/letsencrypt/pebble/v2/core"
	"github.com/letsencrypt/pebble/v2/db"
)

// Where Pebble's resources are (its package wfe keeps these to itself).
const (
	orderPath         = "/my-order/"
	finalizePath      = "/finalize-order/"
	authorizationPath = "/authZ/"
	challengePath     = "/chalZ/"
	certificatePath   = "/certZ/"
)

// issuing is how long the reply to finalize waits for the certificate; Pebble takes milliseconds. After that the order is
// shown as Pebble shows it.
const issuing = 10 * time.Second

// front stands before Pebble's ACME handler and answers as Boulder does where Pebble differs: see the package comment.
type front struct {
	pebble       http.Handler
	store        *db.MemoryStore
	asynchronous bool // finalize is answered before the certificate is there
}

func (f front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	reply := &reply{header: w.Header(), status: http.StatusOK}
	f.pebble.ServeHTTP(reply, r)
	switch path := r.URL.Path; {
	case reply.status == http.StatusNotFound && reply.body.Len() == 0:
		reply.notFound()
	case reply.status != http.StatusOK:
	case strings.HasPrefix(path, authorizationPath), strings.HasPrefix(path, challengePath):
		reply.change(untilDone)
	case strings.HasPrefix(path, finalizePath):
		id := strings.TrimPrefix(path, finalizePath)
		reply.header.Set("Location", "https://"+r.Host+orderPath+id)
		if f.asynchronous {
			break
		}
		if certificate := f.issued(r, id); certificate != nil {
			reply.change(func(order map[string]any) {
				order["status"] = "valid"
				order["certificate"] = "https://" + r.Host + certificatePath + certificate.ID
			})
		}
	}
	reply.send(w)
}

// untilDone shows a challenge, or the challenges of an authorization, as they were before they were answered, until the CA has
// come to its end.
func untilDone(object map[string]any) {
	if object["status"] == "processing" {
		object["status"] = "pending"
		delete(object, "validated")
	}
	challenges, _ := object["challenges"].([]any)
	for _, challenge := range challenges {
		if challenge, is := challenge.(map[string]any); is {
			untilDone(challenge)
		}
	}
}

// issued waits for the certificate of an order that is being finalized. It is nil if there is none in time.
func (f front) issued(r *http.Request, id string) *core.Certificate {
	order := f.store.GetOrderByID(id)
	if order == nil {
		return nil
	}
	late := time.NewTimer(issuing)
	defer late.Stop()
	look := time.NewTicker(2 * time.Millisecond)
	defer look.Stop()
	for {
		order.RLock()
		certificate := order.CertificateObject
		order.RUnlock()
		if certificate != nil {
			// Pebble's last step: from here on the certificate can be replaced (RFC 9773 §5).
			if _, err := f.store.GetOrderByIssuedSerial(certificate.ID); err == nil {
				return certificate
			}
		}
		select {
		case <-look.C:
		case <-late.C:
			return nil
		case <-r.Context().Done():
			return nil
		}
	}
}

// reply is an answer of Pebble that is not sent yet. Pebble's are small and complete when its handler returns.
type reply struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *reply) Header() http.Header            { return r.header }
func (r *reply) WriteHeader(status int)         { r.status = status }
func (r *reply) Write(text []byte) (int, error) { return r.body.Write(text) }

// change edits the reply's JSON object. What is none stays as it is.
func (r *reply) change(edit func(object map[string]any)) {
	var object map[string]any
	if err := json.Unmarshal(r.body.Bytes(), &object); err != nil {
		return
	}
	edit(object)
	r.write(object)
}

// notFound gives the problem document that Boulder sends with 404 and Pebble does not.
func (r *reply) notFound() {
	r.header.Set("Content-Type", "application/problem+json")
	r.write(map[string]any{
		"type": "urn:ietf:params:acme:error:malformed", "detail": "No such resource", "status": http.StatusNotFound,
	})
}

func (r *reply) write(object map[string]any) {
	r.body.Reset()
	text := json.NewEncoder(&r.body)
	text.SetEscapeHTML(false)
	text.SetIndent("", "  ")
	text.Encode(object) // cannot fail: it came out of JSON, into a buffer
}

// send passes the reply on. Boulder's types name no charset.
func (r *reply) send(w http.ResponseWriter) {
	if kind, _, parameters := strings.Cut(r.header.Get("Content-Type"), "; charset=utf-8"); parameters {
		r.header.Set("Content-Type", kind)
	}
	w.WriteHeader(r.status)
	w.Write(r.body.Bytes())
}
