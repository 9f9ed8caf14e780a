// Package httpclient is HTTP as it is spoken to DNS services with secrets in hand, the same for all of them:
//
//   - few connections, made by the proxy of the environment, TLS 1.2 at least;
//   - no exchange without an end, no body without a limit (decompressed, and of what is in it), and no list without one in all ([Listing]);
//   - no redirect is followed, which would carry a token or a password to another host;
//   - no secret in what is shown of a reply ([Mask]);
//   - 408, 429, 5xx and lost replies are worth a repetition, [Tries] in all, each after a longer pause and as late as Retry-After
//     says. Only the service's package knows what may be repeated without harm.
package httpclient

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"wildcard/providers"
)

// Client makes the requests of one account. [New] has the usual values.
type Client struct {
	Service   string            // name, with which lines of the log begin
	Agent     string            // the header User-Agent; "" leaves it to the library
	Transport http.RoundTripper // of [NewTransport]
	MaxBody   int64             // of a reply, in bytes
	Timeout   time.Duration     // of one exchange, the body of the reply included
	Pause     time.Duration     // before the first repetition; doubles with each
	MaxPause  time.Duration     // the most that a Retry-After is heeded
	Mask      *Mask             // what must not be shown
	Log       *slog.Logger      // gets a line for each exchange at debug level
}

// New returns the client of an account whose exchanges take at most timeout. A nil log is silent.
func New(service, agent string, timeout time.Duration, dial Dial, log *slog.Logger) *Client {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Client{
		Service: service, Agent: agent, Transport: NewTransport(timeout, dial), MaxBody: 4 << 20, // a list of some ten thousand zones
		Timeout: timeout, Pause: 500 * time.Millisecond, MaxPause: time.Minute, Mask: &Mask{}, Log: log,
	}
}

// Reply is what came back.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte
	Cut    error // why Body is not whole, if it is not
}

// Do makes one request, with payload as JSON unless that is nil. Whatever the status, a reply is no error. Errors are those of
// [LostError].
func (c *Client) Do(ctx context.Context, method, url string, header http.Header, payload any) (Reply, error) {
	var body []byte
	if payload != nil {
		var err error
		if body, err = json.Marshal(payload); err != nil {
			return Reply{}, providers.Errorf(providers.CodeService, providers.Internal, "%w", err)
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return Reply{}, providers.Errorf(providers.CodeService, providers.Internal, "%w", err)
	}
	for name, values := range header {
		request.Header[name] = values
	}
	if payload != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	e := c.Exchange()
	client := e.HTTPClient()
	response, err := client.Do(request)
	if err == nil {
		return e.Reply, response.Body.Close()
	}
	err = e.NoReply(ctx, err)
	if e.Status == 0 || ctx.Err() != nil {
		return Reply{}, err
	}
	e.Cut = err
	return e.Reply, nil
}

// Close ends connections that are not in use. The client can still be used.
func (c *Client) Close() error {
	if transport, ok := c.Transport.(*http.Transport); ok {
		transport.CloseIdleConnections()
	}
	return nil
}

// RefusedError is a reply with a status that is no success.
type RefusedError struct {
	Status     int
	Text       string        // what the service said, masked and short
	RetryAfter time.Duration // 0 if it did not say
}

func (e *RefusedError) Error() string {
	if e.Text == "" {
		return strconv.Itoa(e.Status) + " " + http.StatusText(e.Status)
	}
	return strconv.Itoa(e.Status) + " " + e.Text
}

// Refusal makes an error of a reply that is no success: a [RefusedError] with the code and class of its status. A quota that is used
// up (413) is Misconfigured: trying again does not help, deleting something does.
func (c *Client) Refusal(r Reply) error {
	err := &RefusedError{Status: r.Status, RetryAfter: retryAfter(r.Header)}
	if r.Cut == nil {
		err.Text = c.Mask.Shown(ErrorText(r.Body))
	}
	code, class := providers.CodeService, providers.Failed
	switch {
	case r.Status >= 300 && r.Status < 400:
		err.Text = "redirect, which is not followed"
	case r.Status == http.StatusUnauthorized, r.Status == http.StatusForbidden:
		code, class = providers.CodeCredentials, providers.Refused
	case r.Status == http.StatusRequestEntityTooLarge:
		class = providers.Misconfigured
	case Transient(r.Status):
		code, class = providers.CodeUnavailable, providers.Temporary
	}
	return providers.Errorf(code, class, "%w", err)
}

// Foreign returns what the service said.
func (e *RefusedError) Foreign() string { return e.Text }

// StatusOf returns the status that err is about, or 0.
func StatusOf(err error) int {
	if e, ok := errors.AsType[*RefusedError](err); ok {
		return e.Status
	}
	return 0
}

// Transient reports whether the same request may succeed after a reply with this status.
func Transient(status int) bool {
	return status == http.StatusRequestTimeout || status == http.StatusTooManyRequests || status >= 500
}

// Unavailable says of err that the service could not be reached, or not in time.
func Unavailable(err error) error {
	return providers.Errorf(providers.CodeUnavailable, providers.Temporary, "%w", err)
}
