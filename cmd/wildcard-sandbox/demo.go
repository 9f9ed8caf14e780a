package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"wildcard/internal/messages"
)

// demo is the command "demo": a wildcard certificate from nothing, each step said and the end proved. The folder is kept,
// since it is what a person wants to look at.
func (p *program) demo(c *cli.Context) error {
	o, err := parseOptions(c)
	if err != nil {
		return err
	}
	if c.Args().Present() || len(p.command) > 0 {
		return usage("demo takes no names: it shows *.%s", o.zones[0].name)
	}
	o.keep = true
	o.programs = []string{"wildcard"} // the others would only be waited for
	if !c.IsSet("zone") {
		o.zones = o.zones[:1] // one account; the name servers of another generation would only be in the picture's way
	}
	s, err := p.open(o, nil)
	if err != nil {
		return err
	}
	err = p.show(s)
	p.close(s)
	return err
}

func (p *program) show(s *sandbox) error {
	base := s.zones[0].name
	p.step("1. A simulated ConoHa, DNS and CA, on 127.0.0.1 and in one directory; nothing leaves this machine.")
	p.detail("the CA             %s (Pebble, of Let's Encrypt's makers)", s.ca.DirectoryURL())
	p.detail("ConoHa's DNS       holds the zone %s; its name servers publish a record with a delay", base)
	p.detail("credentials        %s", filepath.Join(s.folder.letsencrypt(), "conoha", ".env"))

	p.command = []string{"wildcard", "issue", "--agree-tos", "*." + base, base}
	if p.lang != "" {
		p.command = append(p.command, "--lang", p.lang)
	}
	p.step("%s", "2. $ wildcard issue --agree-tos '*."+base+"' "+base)
	file, err := findProgram(p.command[0], s.environment.searchPath(p.environ))
	if err != nil {
		return fmt.Errorf("%w: run the demo within the checkout, or beside the program", err)
	}
	status, err := p.runCommand(file, s.environment.apply(p.environ))
	switch {
	case err != nil:
		return err
	case status != 0:
		return exitStatus(status)
	}

	p.step("3. Does it hold? A TLS server with these files, and a client that trusts only this CA:")
	live := filepath.Join(s.folder.letsencrypt(), "live", base)
	for _, name := range []string{"anything." + base, base} {
		var issuer string
		if err := untilSignal(p.signals, func(ctx context.Context) error {
			var err error
			issuer, err = handshake(ctx, live, s.folder.issuer(), name)
			return err
		}); err != nil {
			return err
		}
		p.detail("https://%-22s verified, issued by %s", name, issuer)
	}
	if left := s.leftovers(); len(left) > 0 {
		return fmt.Errorf("records are left in DNS: %s", strings.Join(left, ", "))
	}
	p.detail("TXT records                    nothing is left in the zone")

	p.step("4. The files, where certbot would have them:")
	if err := p.showFiles(live); err != nil {
		return err
	}
	p.step("5. On a server with your own zone at ConoHa, with credentials in /etc/letsencrypt/conoha/.env:")
	p.detail("%s", "# wildcard issue --agree-tos --email you@example.com '*.example.com' example.com")
	p.step("")
	return nil
}

func (p *program) step(format messages.Text, args ...any) {
	fmt.Fprintln(p.out, "\n"+p.language.Sprintf(format, args...))
}

func (p *program) detail(format messages.Text, args ...any) {
	fmt.Fprintln(p.out, "   "+p.language.Sprintf(format, args...))
}

func (p *program) showFiles(live string) error {
	for _, name := range []string{"privkey.pem", "fullchain.pem", "cert.pem", "chain.pem"} {
		path := filepath.Join(live, name)
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		p.detail("%s  %s", info.Mode().Perm()|info.Mode()&fs.ModeType, path)
	}
	return nil
}

// handshake serves TLS with the files of a lineage, connects as a client for name that trusts only the root in a file, and
// returns who issued the certificate.
func handshake(ctx context.Context, live, root, name string) (issuer string, err error) {
	pair, err := tls.LoadX509KeyPair(filepath.Join(live, "fullchain.pem"), filepath.Join(live, "privkey.pem"))
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(root)
	if err != nil {
		return "", err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return "", fmt.Errorf("%s: no certificate in it", root)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}})
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	served := make(chan error, 1)
	go func() {
		conn, err := listener.Accept()
		if err == nil {
			err = errors.Join(conn.(*tls.Conn).HandshakeContext(ctx), conn.Close())
		}
		served <- err
	}()
	dialer := tls.Dialer{NetDialer: &net.Dialer{}, Config: &tls.Config{RootCAs: roots, ServerName: name}}
	conn, err := dialer.DialContext(ctx, "tcp", listener.Addr().String())
	if err == nil {
		issuer = conn.(*tls.Conn).ConnectionState().PeerCertificates[0].Issuer.CommonName
		err = conn.Close()
	}
	err = errors.Join(err, listener.Close())
	if serveErr := <-served; err == nil && serveErr != nil {
		err = serveErr
	}
	return issuer, err
}
