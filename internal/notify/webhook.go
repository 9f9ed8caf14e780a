package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"

	"wildcard/internal/settings"
	"wildcard/providers/httpclient"
)

// mostReply is what is read of a reply, so that the connection can be closed in peace.
const mostReply = 64 << 10

// webhook posts the message.
type webhook struct {
	url  settings.Secret
	host string
}

func newWebhook(spec string) (Channel, error) {
	u, err := url.Parse(spec)
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "":
		return nil, invalid("a webhook's URL cannot be used as it is (it is not shown, since it may hold a token)")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return nil, invalid("the webhook at %q wants https, as all that are not on this machine", u.Hostname())
	}
	return webhook{settings.NewSecret(spec), u.Scheme + "://" + u.Host}, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func (w webhook) String() string { return w.host + "/…" }

func (w webhook) Send(ctx context.Context, m Message) error {
	text, err := m.json()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, hookLimit, errors.New("no answer in time"))
	defer cancel()
	transport := httpclient.NewTransport(hookLimit)
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: httpclient.Capped{RoundTripper: transport, Most: mostReply}, CheckRedirect: httpclient.Stay}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url.Reveal(), bytes.NewReader(text))
	if err != nil {
		return errors.New("its URL cannot be used")
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", m.Program)
	response, err := client.Do(request)
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err // without the URL
		}
		return err
	}
	defer response.Body.Close()
	switch {
	case response.StatusCode >= 300 && response.StatusCode < 400:
		return fmt.Errorf("it answers %d, and redirects are not followed: use the address it leads to", response.StatusCode)
	case response.StatusCode >= 300:
		return fmt.Errorf("it answers %d %s", response.StatusCode, http.StatusText(response.StatusCode))
	}
	return nil
}
