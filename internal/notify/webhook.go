package notify

import (
	"context"
	"encoding/json"
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
	client := httpclient.New("notify", m.Program, hookLimit, nil, nil)
	client.MaxBody = mostReply
	defer client.Close()
	reply, err := client.Do(ctx, http.MethodPost, w.url.Reveal(), nil, json.RawMessage(text))
	switch {
	case err != nil:
		return err
	case reply.Status >= 300 && reply.Status < 400:
		return fmt.Errorf("it answers %d, and redirects are not followed: use the address it leads to", reply.Status)
	case reply.Status >= 300:
		return fmt.Errorf("it answers %d %s", reply.Status, http.StatusText(reply.Status))
	}
	return nil
}
