package issuance

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"wildcard/internal/fault"
)

const (
	renewalInfoLimit = 10 * time.Second
	minRenewalInfo   = time.Minute   // RFC 9773 §4.3.2 leaves the bounds to us
	askAgain         = 6 * time.Hour // RFC 9773 §4.3.3: without a usable Retry-After
)

// Window is when a CA suggests to renew a certificate (RFC 9773 §4.2).
type Window struct {
	Start, End  time.Time
	Explanation string        // URL of a page for people; ""
	RetryAfter  time.Duration // when to ask again: 1 min to 24 h
}

// Pick chooses an instant in the window, all equally likely, so that not all come at once (RFC 9773 §4.2).
func (w Window) Pick() time.Time {
	return w.Start.Add(time.Duration(rand.Int64N(int64(w.End.Sub(w.Start))))).Truncate(time.Second)
}

// RenewalInfo asks when a certificate should be renewed (RFC 9773 §4.1). The error is CodeRenewalInfo if the answer, of
// whatever kind, gives no window that makes sense for this certificate: then it says nothing, least of all "now". It takes
// 10 s at most, and asks once.
func (ca *CA) RenewalInfo(ctx context.Context, leaf *x509.Certificate) (Window, error) {
	id := CertificateID(leaf)
	if ca.directory.RenewalInfo == "" || id == "" {
		return Window{}, fault.Errorf(CodeRenewalInfo, fault.Failed,
			"acme: renewal information: %s has none for this certificate", ca.server.Host)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, min(renewalInfoLimit, ca.timeout), errTimeout)
	defer cancel()
	bad := func(err error) (Window, error) {
		return Window{RetryAfter: askAgain},
			fault.Errorf(CodeRenewalInfo, fault.Temporary, "acme: renewal information: %w", err)
	}
	t := ca.transport(ctx)
	if elsewhere, err := url.Parse(ca.directory.RenewalInfo); err == nil {
		t.directory = elsewhere // which may be on a host of its own (RFC 9773 §4.1); nothing secret goes there
	}
	u := ca.directory.RenewalInfo + "/" + id
	response, err := t.client().Get(u) //nolint:noctx // the transport has the context
	if err != nil {
		return bad(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return bad(&replyError{"status " + strconv.Itoa(response.StatusCode)})
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return bad(err)
	}
	var info struct {
		SuggestedWindow struct {
			Start time.Time `json:"start"`
			End   time.Time `json:"end"`
		} `json:"suggestedWindow"`
		ExplanationURL string `json:"explanationURL"`
	}
	if err := json.Unmarshal(body, &info); err != nil {
		return bad(&replyError{"not renewal information: " + printable(string(body), 80)})
	}
	w := Window{Start: info.SuggestedWindow.Start, End: info.SuggestedWindow.End,
		Explanation: printable(info.ExplanationURL, 200), RetryAfter: askAgain}
	if after := t.seen(u).retryAfter; after > 0 {
		w.RetryAfter = max(after, minRenewalInfo)
	}
	if !w.sane(leaf) {
		from, to := w.Start.UTC().Format(time.RFC3339), w.End.UTC().Format(time.RFC3339)
		return bad(&replyError{"a window from " + from + " to " + to + " makes no sense"})
	}
	return w, nil
}

// sane reports whether a window can be meant: it has a length, not more than the certificate's own life, and begins before
// the certificate ends. A window in the past is sane: that is how a CA says "now".
func (w Window) sane(leaf *x509.Certificate) bool {
	life := leaf.NotAfter.Sub(leaf.NotBefore)
	return w.Start.Year() > 1970 && w.Start.Before(w.End) && w.End.Sub(w.Start) <= life && w.Start.Before(leaf.NotAfter)
}

// CertificateID is a certificate's name in renewal information (RFC 9773 §4.1): the key identifier of its issuer and its
// serial number; "" if it does not name its issuer's key.
func CertificateID(leaf *x509.Certificate) string {
	serial := leaf.SerialNumber.Bytes()
	if len(leaf.AuthorityKeyId) == 0 || len(serial) == 0 {
		return ""
	}
	if serial[0]&0x80 != 0 {
		serial = append([]byte{0}, serial...) // as in DER, where it would be negative without
	}
	return base64.RawURLEncoding.EncodeToString(leaf.AuthorityKeyId) + "." + base64.RawURLEncoding.EncodeToString(serial)
}
