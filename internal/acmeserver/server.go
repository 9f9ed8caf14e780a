package acmeserver

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"wildcard/internal/state"
	"wildcard/internal/system/wait"
)

// Options is what a Server is made of.
type Options struct {
	Origin   string // "https://acme.example.com", with the port if it is another than 443
	State    *state.State
	Clients  *Clients
	Upstream Upstream
	CA       string       // what Upstream is: certificates of another CA are neither given again nor passed on to it
	Audit    *slog.Logger // a line for each decision; nil is silent
	Log      *slog.Logger // nil is silent
	AtOnce   int          // certificates under way at the CA; 0 is 32
	// Hold is how long finalize waits for the certificate before it answers; 0 is 5 s. Clients wait for a reply for 30 s and more.
	Hold time.Duration

	Now   func() time.Time                           // nil is [time.Now]
	Sleep func(context.Context, time.Duration) error // between tries; nil is a timer
}

// Server is an ACME server. It is an [http.Handler].
type Server struct {
	options  Options
	store    *store
	clients  *Clients
	nonces   *nonces
	refused  *allowances
	metrics  *metrics
	queue    *queue
	limits   *limits
	refusals refusals
	renewal  *renewalCache
	audit    audit

	accountKeys sync.Mutex // one account gets a key at a time
	work        *work
}

// New opens the server's state. [Server.Run] has to go on for as long as requests come.
func New(o Options) (*Server, error) {
	if o.Audit == nil {
		o.Audit = slog.New(slog.DiscardHandler)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Sleep == nil {
		o.Sleep = wait.For
	}
	if o.AtOnce == 0 {
		o.AtOnce = 32
	}
	if o.Hold == 0 {
		o.Hold = 5 * time.Second
	}
	st, err := openStore(o.State)
	if err != nil {
		return nil, err
	}
	said, err := openLimits(o.State)
	if err != nil {
		return nil, err
	}
	s := &Server{
		options: o, store: st, clients: o.Clients, nonces: newNonces(), refused: newAllowances(),
		metrics: newMetrics(), audit: audit{o.Audit}, queue: newQueue(o.AtOnce), limits: said,
		renewal: &renewalCache{known: map[string]*suggestion{}},
	}
	s.work = newWork(s)
	return s, nil
}

func (s *Server) now() time.Time { return s.options.Now() }

// url is the URL of a resource.
func (s *Server) url(path string, parts ...string) string {
	return s.options.Origin + path + strings.Join(parts, "/")
}

// call is one request.
type call struct {
	request *http.Request
	address netip.Addr
	path    string // of the resource
	rest    string // of the path, behind the resource's
	message *message
	key     *jose.JSONWebKey // that signed
	account *Account         // nil if the key signed for itself
	client  string           // its name, once it is known
	policy  Client           // of account
	payload []byte
}

// reply is an answer that is no refusal.
type reply struct {
	status     int
	kind       string // content type
	body       []byte
	location   string
	links      []string
	retryAfter time.Duration
}

func document(status int, of any) *reply {
	body, err := json.Marshal(of)
	if err != nil { // of what is ours
		body = []byte("{}")
	}
	return &reply{status: status, kind: "application/json", body: body}
}

// signer says whose signature a resource wants (RFC 8555 §6.2).
type signer int

const (
	unsigned signer = iota // it is no POST
	byKey                  // jwk
	byKid                  // kid
	byEither               // revokeCert
)

// resource is what answers at a path.
type resource struct {
	signer  signer
	methods string
	answer  func(*call) (*reply, *Problem)
}

// resources are those whose path is fixed, and, with a slash at the end, those that are named behind it.
func (s *Server) resources() map[string]resource {
	return map[string]resource{
		pathDirectory:         {unsigned, "GET HEAD", s.directory},
		pathNewNonce:          {unsigned, "GET HEAD", s.newNonce},
		pathRenewalInfo + "/": {unsigned, "GET HEAD", s.renewalInfo},
		pathNewAccount:        {byKey, "POST", s.newAccount},
		pathNewOrder:          {byKid, "POST", s.newOrder},
		pathRevoke:            {byEither, "POST", s.revoke},
		pathKeyChange:         {byKid, "POST", s.keyChange},
		pathAccount:           {byKid, "POST", s.accountResource},
		pathOrder:             {byKid, "POST", s.orderResource},
		pathFinalize:          {byKid, "POST", s.finalize},
		pathAuthorization:     {byKid, "POST", s.authorization},
		pathChallenge:         {byKid, "POST", s.challenge},
		pathCertificate:       {byKid, "POST", s.certificate},
	}
}

// find finds the resource of a path.
func (s *Server) find(path string) (own string, r resource, ok bool) {
	all := s.resources()
	if r, ok := all[path]; ok && !strings.HasSuffix(path, "/") {
		return path, r, true
	}
	for own, r := range all {
		if strings.HasSuffix(own, "/") && strings.HasPrefix(path, own) {
			return own, r, true
		}
	}
	return "", resource{}, false
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{request: r, address: addressOf(r.RemoteAddr)}
	answer, problem := s.answer(c)
	if c.path != pathDirectory {
		w.Header().Set("Link", "<"+s.url(pathDirectory)+`>;rel="index"`)
	}
	w.Header().Set("Cache-Control", "no-store")
	if r.Method == http.MethodPost || c.path == pathNewNonce {
		w.Header().Set("Replay-Nonce", s.nonces.fresh(s.now()))
	}
	s.metrics.answered(c.path, problem)
	if problem != nil {
		s.refusedNow(c, problem)
		problem.send(w)
		return
	}
	for _, link := range answer.links {
		w.Header().Add("Link", link)
	}
	if answer.location != "" {
		w.Header().Set("Location", answer.location)
	}
	if answer.kind != "" {
		w.Header().Set("Content-Type", answer.kind)
	}
	if answer.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(answer.retryAfter.Seconds())))
	}
	if answer.body != nil {
		w.Header().Set("Content-Length", strconv.Itoa(len(answer.body)))
	}
	w.WriteHeader(answer.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(answer.body) // who does not read it asks again
	}
}

// refusedNow counts a refusal and tells of it. A nonce that is too old is no fault.
func (s *Server) refusedNow(c *call, problem *Problem) {
	if kind := problem.kind(); kind == "badNonce" || problem.Status >= 500 {
		return
	}
	if s.refused.spend(c.address, s.now()) {
		s.audit.refusal(c, problem)
		s.refusals.add(refusal{s.now(), c.client, c.address.String(), c.agent(), problem.kind() + ": " + problem.Detail})
	}
}

// addressOf is the address of a connection's other end.
func addressOf(remote string) netip.Addr {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap()
}

// answer finds the resource, lets it see what was signed, and has it answer.
func (s *Server) answer(c *call) (*reply, *Problem) {
	r := c.request
	if wait := s.refused.wait(c.address, s.now()); wait > 0 {
		return nil, refuse(http.StatusTooManyRequests, "rateLimited",
			"too many requests from this address were refused").after(wait)
	}
	own, found, ok := s.find(r.URL.Path)
	if !ok {
		return nil, notFound()
	}
	c.path, c.rest = own, strings.TrimPrefix(r.URL.Path, own)
	if !strings.Contains(" "+found.methods+" ", " "+r.Method+" ") {
		return nil, refuse(http.StatusMethodNotAllowed, "malformed", "this URL takes %s", found.methods)
	}
	if found.signer != unsigned {
		if problem := s.authenticate(c, found.signer); problem != nil {
			return nil, problem
		}
	}
	return found.answer(c)
}

// authenticate verifies a POST (RFC 8555 §6.2 to §6.5), and that the account may do something.
func (s *Server) authenticate(c *call, by signer) *Problem {
	r := c.request
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/jose+json" {
		return refuse(http.StatusUnsupportedMediaType, "malformed", "the content type must be application/jose+json")
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, mostBody))
	if err != nil {
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			return refuse(http.StatusRequestEntityTooLarge, "malformed", "the body is longer than %d bytes", mostBody)
		}
		return malformed("the body cannot be read")
	}
	m, problem := parseJWS(body, signatures())
	if problem != nil {
		return problem
	}
	c.message = m
	if m.url != s.url(r.URL.Path) || r.URL.RawQuery != "" {
		return unauthorized("the JWS is for another URL than %s", s.url(c.path))
	}
	if problem := s.signerOf(c, by); problem != nil {
		return problem
	}
	if c.payload, problem = m.verify(c.key); problem != nil {
		return problem
	}
	if !s.nonces.redeem(m.header.Nonce, s.now()) {
		return refuse(http.StatusBadRequest, "badNonce", "the nonce is not one of this server, or was used already")
	}
	if c.account != nil {
		c.policy, problem = s.standing(c.account, c)
		return problem
	}
	return nil
}

// signerOf finds the key that must have signed: the one in the JWS, or that of an account.
func (s *Server) signerOf(c *call, by signer) *Problem {
	header := c.message.header
	hasKey, hasKid := header.JSONWebKey != nil, header.KeyID != ""
	switch {
	case hasKey == hasKid:
		return malformed("the JWS must have either jwk or kid")
	case hasKey && by == byKid:
		return malformed("the JWS must have kid here, not jwk")
	case hasKid && by == byKey:
		return malformed("the JWS must have jwk here, not kid")
	case hasKey:
		if thumbprint(header.JSONWebKey) == "" {
			return refuse(http.StatusBadRequest, "badPublicKey",
				"the key must be RSA with 2048 to 4096 bits, or EC P-256, P-384 or P-521")
		}
		c.key = header.JSONWebKey
		return nil
	}
	id, ok := strings.CutPrefix(header.KeyID, s.url(pathAccount))
	account := s.store.account(id)
	if !ok || account == nil {
		return refuse(http.StatusBadRequest, "accountDoesNotExist", "there is no account with this kid")
	}
	if c.key = account.jwk(); c.key == nil {
		return internal(errors.New("the key of the account cannot be read"))
	}
	c.account = account
	return nil
}
