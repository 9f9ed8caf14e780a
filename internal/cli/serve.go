package cli

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/urfave/cli/v2"

	"wildcard/internal/acmeserver"
	"wildcard/internal/certificates"
	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/lineage"
	"wildcard/internal/system/wait"
)

func serveCommand(p *program) *cli.Command {
	return &cli.Command{
		Name:      "serve",
		Usage:     "give other machines of yours public certificates, by ACME",
		UsageText: "wildcard serve --name NAME [options]",
		Description: `Runs until it is stopped. A machine asks with any ACME client and the key that
"wildcard client add" prints. It holds no DNS password; its own key never leaves it.

  wildcard client add web1 web1.example.com '*.web1.example.com'
  wildcard serve --name acme.example.com --agree-tos --email you@example.com`,
		Flags: slices.Concat([]cli.Flag{
			&cli.StringFlag{Name: "name", Usage: "`NAME` under which machines reach the server; its own certificate is for it"},
			&cli.StringFlag{Name: "listen", Value: ":443", Usage: "`ADDRESS:PORT` to listen at"},
			&cli.StringFlag{Name: "status", Usage: "`ADDRESS:PORT` of this machine (127.0.0.1:PORT), where /healthz and /metrics are"},
			&cli.StringFlag{Name: "tls-lineage", Usage: "`NAME` of the certificate to show; another program renews it (default: one is obtained)"},
		}, caFlags(), registrationFlags(), dnsFlags(), withoutJSON(commonFlags())),
		Action: p.action(runServe),
	}
}

// withoutJSON leaves out what means nothing to a command without an answer.
func withoutJSON(flags []cli.Flag) []cli.Flag {
	return slices.DeleteFunc(flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), "json") })
}

// service is one call of "serve".
type service struct {
	machine  *machine
	name     string
	upstream *acmeserver.Managed
	own      *acmeserver.Own
	server   *acmeserver.Server
	log      *slog.Logger
	quiet    atomic.Bool // what goes on at the CA is not shown any more
}

func runServe(p *program, c *cli.Context) error {
	if c.Args().Present() {
		return usage("serve takes no names but --name: wildcard client add says what each machine may have")
	}
	names, err := issuance.ParseNames([]string{c.String("name")})
	if err != nil || issuance.Base(names[0]) != names[0] {
		return usage("serve wants --name NAME, a name under which machines reach it, such as acme.example.com")
	}
	var request certificates.Request
	if err := p.fill(c, &request); err != nil {
		return err
	}
	status, err := statusAddress(c.String("status"))
	if err != nil {
		return err
	}
	m, err := p.machine(c)
	if err != nil {
		return err
	}
	defer m.close()
	s := &service{machine: m, name: names[0], log: m.log}
	if !c.Bool("verbose") && !c.Bool("vv") { // what fails is said all the same
		s.log = slog.New(slog.NewTextHandler(p.lines, &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	s.upstream = &acmeserver.Managed{Open: s.open, Request: request, Log: s.log, Now: p.now}
	defer s.upstream.Close()
	s.own = &acmeserver.Own{Upstream: s.upstream, Lineage: s.name, Names: names, Log: s.log, Sleep: p.sleep}
	if s.own.Sleep == nil {
		s.own.Sleep = wait.For
	}
	if c.IsSet("tls-lineage") {
		s.own.Names = nil
		if s.own.Lineage, err = lineage.ParseName(c.String("tls-lineage")); err != nil {
			return err
		}
	}
	return s.run(c.Context, c.String("listen"), status)
}

// statusAddress checks that what is for this machine stays on it.
func statusAddress(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	host, _, err := net.SplitHostPort(text)
	if err != nil {
		return "", usage("--status %s: want ADDRESS:PORT", fault.Excerpt(text))
	}
	if address := net.ParseIP(host); address == nil || !address.IsLoopback() {
		return "", usage("--status %s: want an address of this machine alone, such as 127.0.0.1:8480", fault.Excerpt(text))
	}
	return text, nil
}

// open opens a manager for a round of work.
func (s *service) open() (*certificates.Manager, error) {
	o := s.machine.options
	o.Events = func(e certificates.Event) {
		if !s.quiet.Load() {
			s.machine.event(e)
		}
	}
	return certificates.Open(o)
}

// run obtains the server's own certificate, listens, and serves until ctx ends.
func (s *service) run(ctx context.Context, listen, status string) error {
	release, err := acmeserver.Claim(ctx, s.machine.dirs)
	if err != nil {
		return err
	}
	defer release()
	var sockets net.ListenConfig
	listener, err := sockets.Listen(ctx, "tcp", listen)
	if err != nil {
		return fault.Errorf(acmeserver.CodeListen, fault.Misconfigured, "serve: %w", err)
	}
	defer listener.Close()
	var aside net.Listener
	if status != "" {
		if aside, err = sockets.Listen(ctx, "tcp", status); err != nil {
			return fault.Errorf(acmeserver.CodeListen, fault.Misconfigured, "serve: %w", err)
		}
		defer aside.Close()
	}
	origin := "https://" + s.name
	if port := listener.Addr().(*net.TCPAddr).Port; port != 443 {
		origin += ":" + strconv.Itoa(port)
	}
	state, err := acmeserver.OpenState(s.machine.dirs)
	if err != nil {
		return err
	}
	if err := s.upstream.Look(ctx); err != nil {
		s.machine.display.Notice("%v", err)
	}
	if err := s.own.Begin(ctx); err != nil {
		return err
	}
	if s.server, err = acmeserver.New(acmeserver.Options{
		Origin: origin, State: state, Clients: acmeserver.NewClients(s.machine.dirs, state), Upstream: s.upstream,
		CA:    s.upstream.Request.Server.Value,
		Audit: slog.New(slog.NewJSONHandler(s.machine.stdout, nil)), Log: s.log, Now: s.machine.now, Sleep: s.own.Sleep,
	}); err != nil {
		return err
	}
	if err := acmeserver.Announce(state, origin); err != nil {
		return err
	}
	s.machine.display.Notice("serving at %s/directory", origin)
	s.quiet.Store(true)
	return s.serve(ctx, listener, aside)
}

// serve has all parts go on until ctx ends, or one of them fails.
func (s *service) serve(ctx context.Context, listener, aside net.Listener) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var parts sync.WaitGroup
	parts.Go(func() { s.server.Run(ctx) })
	parts.Go(func() { s.own.Keep(ctx) })
	parts.Go(func() { s.upstream.KeepLooking(ctx, s.own.Sleep) })
	var asideErr error
	if aside != nil {
		parts.Go(func() {
			if asideErr = acmeserver.Serve(ctx, aside, acmeserver.Status(s.server), nil); asideErr != nil {
				stop(asideErr)
			}
		})
	}
	err := acmeserver.Serve(ctx, listener, s.server, s.own.Config())
	stop(err)
	parts.Wait()
	return errors.Join(err, asideErr)
}

// words is a list as people read it.
func words(list []string) string { return strings.Join(list, " ") }
