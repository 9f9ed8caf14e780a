package issuance

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/go-acme/lego/v4/acme"
	"github.com/go-acme/lego/v4/acme/api"

	"wildcard/internal/fault"
	"wildcard/internal/persist"
	"wildcard/internal/system/wait"
)

// Options say which CA, and how to speak to it.
type Options struct {
	Server    string           // URL of the directory, https
	UserAgent string           // "wildcard/VERSION"
	RootCAs   *x509.CertPool   // roots for the CA's own TLS; nil is the system's
	Log       *slog.Logger     // every request at debug level; nil is silent
	Now       func() time.Time // nil is time.Now
	// Sleep waits, or returns the cause of the context's end; nil is by the machine's clock. Tests whose clock goes on by
	// itself replace it together with Now: every wait between requests, of an Issuer too, is made with it.
	Sleep          func(context.Context, time.Duration) error
	RequestTimeout time.Duration // for one reply, body and all; 0 is 30 s
	Facts          *CAFacts      // what is known of the CA; nil is what [KnownCA] has
}

// Directory is what a CA says about itself (RFC 8555 §7.1.1).
type Directory struct {
	TermsOfService          string
	Website                 string
	CAAIdentities           []string
	ExternalAccountRequired bool
	Profiles                map[string]string // name to description
	RenewalInfo             string            // URL; "" if the CA has no renewal information
}

// CA is one ACME server. Any number of goroutines may use it.
type CA struct {
	server    *url.URL
	facts     CAFacts
	document  []byte
	directory acme.Directory
	base      *http.Transport
	agent     string
	timeout   time.Duration
	now       func() time.Time
	sleep     func(context.Context, time.Duration) error
	log       *slog.Logger
	skew      time.Duration
	nonces    *nonces
	slots     chan struct{} // one for each request under way
	asking    *pace         // for nonces
	looking   *pace         // at what is pending
}

// Dial reads the CA's directory and checks that it is one: CodeDirectory if what answers is something else, such as a
// hotel's log-in page, or if parts are missing. A CA that ended is not asked: CodeEnded.
func Dial(ctx context.Context, o Options) (*CA, error) {
	server, err := url.Parse(o.Server)
	if err != nil || server.Scheme != "https" || server.Host == "" || server.User != nil || server.Fragment != "" {
		return nil, fault.Errorf(fault.CodeUsage, fault.Usage, "server %s: must be the https:// URL of an ACME directory", fault.Excerpt(o.Server))
	}
	ca := &CA{server: server, base: newBase(o.RootCAs), agent: o.UserAgent, timeout: o.RequestTimeout, now: o.Now,
		sleep: o.Sleep, log: o.Log}
	if ca.timeout == 0 {
		ca.timeout = 30 * time.Second
	}
	if ca.now == nil {
		ca.now = time.Now
	}
	if ca.log == nil {
		ca.log = slog.New(slog.DiscardHandler)
	}
	if ca.sleep == nil {
		ca.sleep = wait.For
	}
	ca.nonces = &nonces{now: ca.now}
	ca.slots = make(chan struct{}, requestsAtOnce)
	ca.asking = &pace{now: ca.now, sleep: ca.sleep, most: noncesInTime, span: nonceSpan}
	ca.looking = &pace{now: ca.now, sleep: ca.sleep, most: looksInTime, span: lookSpan}
	facts, known := KnownCA(o.Server)
	if o.Facts != nil {
		facts, known = *o.Facts, true
	}
	ca.facts = facts
	if err := ca.facts.MayAsk(o.Server); err != nil {
		return nil, err
	}
	if err := ca.readDirectory(ctx); err != nil {
		return ca, err
	}
	if !known {
		ca.facts = ca.facts.recognized(ca.Directory())
	}
	return ca, nil
}

// Close drops the connections.
func (ca *CA) Close() { ca.base.CloseIdleConnections() }

// Server is the URL of the directory.
func (ca *CA) Server() string { return ca.server.String() }

// Facts is what is known of the CA beside its directory.
func (ca *CA) Facts() CAFacts { return ca.facts }

// Directory is what the CA says about itself, its texts made fit for a terminal.
func (ca *CA) Directory() Directory {
	m := ca.directory.Meta
	d := Directory{
		TermsOfService:          printable(m.TermsOfService, 200),
		Website:                 printable(m.Website, 200),
		ExternalAccountRequired: m.ExternalAccountRequired,
		Profiles:                map[string]string{},
		RenewalInfo:             ca.directory.RenewalInfo,
	}
	for _, identity := range m.CaaIdentities {
		d.CAAIdentities = append(d.CAAIdentities, printable(identity, 255))
	}
	for name, about := range m.Profiles {
		d.Profiles[printable(name, 200)] = printable(about, 400)
	}
	return d
}

// PersistTerms are how the CA takes the records of dns-persist-01, as its directory tells: in shape -02 with both members of "meta", else
// in -01, where it goes by the names that CAA records have for it. It says nothing of whether the CA offers it.
func (ca *CA) PersistTerms() persist.CA {
	var d struct {
		Meta struct {
			Prefix  text  `json:"accountHashPrefix"`
			Issuers texts `json:"issuerDomainNames"`
		} `json:"meta"`
	}
	_ = json.Unmarshal(ca.document, &d) // which was read once already
	if d.Meta.Prefix != "" && len(d.Meta.Issuers) > 0 {
		return persist.CA{Issuers: (terms{Hashed: d.Meta.Issuers}).issuers(persist.Hashed), Prefix: string(d.Meta.Prefix)}
	}
	return persist.CA{Issuers: normal(ca.CAAIdentities())}
}

// CAAIdentities are how the CA is called in CAA records: as its directory has it (RFC 8555 §7.1.1, caaIdentities), else as is known
// of it; none where neither is there.
func (ca *CA) CAAIdentities() []string {
	if names := ca.Directory().CAAIdentities; len(names) > 0 {
		return names
	}
	return ca.facts.CAA
}

// Skew is the CA's clock minus ours, as the Date of its directory showed it, to the second; 0 if it sent none.
func (ca *CA) Skew() time.Duration { return ca.skew }

// clock is the time by the CA's clock where ours is clearly wrong, else by ours.
func (ca *CA) clock() time.Time {
	if ca.skew.Abs() > 5*time.Minute {
		return ca.now().Add(ca.skew)
	}
	return ca.now()
}

func (ca *CA) readDirectory(ctx context.Context) error {
	t := ca.transport(ctx)
	s := &session{ca: ca, ctx: ctx, transport: t}
	var body []byte
	err := s.attempt("directory "+ca.server.String(), always, func() error {
		response, err := t.client().Get(ca.server.String()) //nolint:noctx // the transport has the context
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if date, err := http.ParseTime(response.Header.Get("Date")); err == nil {
			ca.skew = date.Sub(ca.now()).Round(time.Second)
		}
		body, err = io.ReadAll(response.Body)
		return err
	})
	switch code := fault.CodeOf(err); {
	case code == CodeReply:
		return fault.Errorf(CodeDirectory, fault.Failed, "%w (this is not an ACME directory)", err)
	case err != nil:
		return err
	}
	if err := json.Unmarshal(body, &ca.directory); err != nil {
		return fault.Errorf(CodeDirectory, fault.Failed, "acme: directory %s: not an ACME directory: %s", ca.server,
			printable(string(body), 120))
	}
	d := ca.directory
	for _, entry := range []struct{ name, url string }{
		{"newNonce", d.NewNonceURL}, {"newAccount", d.NewAccountURL}, {"newOrder", d.NewOrderURL},
	} {
		if entry.url == "" {
			return fault.Errorf(CodeDirectory, fault.Failed, "acme: directory %s: %s is missing: not an ACME directory",
				ca.server, entry.name)
		}
	}
	for _, entry := range []string{d.NewNonceURL, d.NewAccountURL, d.NewOrderURL, d.RevokeCertURL} {
		if entry == "" {
			continue
		}
		u, err := url.Parse(entry)
		if err == nil {
			err = t.check(u)
		}
		if err != nil {
			return fault.Errorf(CodeDirectory, fault.Failed, "acme: directory %s: %w", ca.server, err)
		}
	}
	if u, err := url.Parse(d.RenewalInfo); err != nil || d.RenewalInfo != "" && u.Scheme != "https" {
		return fault.Errorf(CodeDirectory, fault.Failed, "acme: directory %s: renewalInfo is no https:// URL", ca.server)
	}
	ca.document = body
	return nil
}

func (ca *CA) transport(ctx context.Context) *transport {
	return &transport{
		ctx: ctx, base: ca.base, directory: ca.server, document: ca.document, newNonce: ca.directory.NewNonceURL,
		nonces: ca.nonces, agent: ca.agent, timeout: ca.timeout, now: ca.now, log: ca.log, last: map[string]reply{},
		slots: ca.slots, asking: ca.asking,
	}
}

// session is what one run does at the CA with one key, until its context ends.
type session struct {
	ca        *CA
	ctx       context.Context //nolint:containedctx // see transport
	transport *transport
	core      *api.Core
	account   Account
	rest      func() time.Duration // what the session may still take; nil is without end
}

// session opens one. kid is the account's URL; "" until it is known.
func (ca *CA) session(ctx context.Context, key crypto.Signer, kid string) (*session, error) {
	s := &session{ca: ca, ctx: ctx, transport: ca.transport(ctx), account: Account{URI: kid, Key: key}}
	err := guard(func() (err error) {
		s.core, err = api.New(s.transport.client(), ca.agent, ca.server.String(), kid, key)
		return err
	})
	if err != nil {
		return nil, explain("session", err)
	}
	return s, nil
}

// newAccountKey makes the key of a new account: EC P-256, which every CA takes (ES256, RFC 8555 §6.2).
func newAccountKey() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }
