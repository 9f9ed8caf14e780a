package acmeserver

import (
	"context"
	"log/slog"
	"strings"
)

// agent is the client program, as far as it is worth a line.
func (c *call) agent() string {
	agent := strings.ToValidUTF8(c.request.UserAgent(), "?")
	if len(agent) > 120 {
		agent = strings.ToValidUTF8(agent[:120], "") + "…"
	}
	return agent
}

// audit tells of decisions, a line for each. None has a key, a CSR or a token in it.
type audit struct{ log *slog.Logger }

func (a audit) account(c *call, event string) {
	a.log.Info(event, "client", c.client, "account", c.account.ID, "address", c.address.String(), "agent", c.agent())
}

func (a audit) order(event string, o *Order, more ...any) {
	attrs := []any{"client", o.Client, "account", o.Account, "order", o.ID, "names", o.Names}
	a.log.Info(event, append(attrs, more...)...)
}

func (a audit) refusal(c *call, p *Problem) {
	attrs := []slog.Attr{
		slog.String("problem", p.kind()), slog.String("detail", p.Detail), slog.String("resource", c.path),
		slog.String("address", c.address.String()), slog.String("agent", c.agent()),
	}
	if c.client != "" {
		attrs = append(attrs, slog.String("client", c.client))
	}
	a.log.LogAttrs(context.Background(), slog.LevelWarn, "refused", attrs...)
}
