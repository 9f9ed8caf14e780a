package propagation

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/miekg/dns"

	"wildcard/internal/system/netaddr"
	"wildcard/providers"
)

// Resolver finds name servers and asks them. It holds settings only: it may be copied, and used by several goroutines.
type Resolver struct {
	// Servers are the resolvers for look-ups, in order of preference: ip:port, or https:// URLs (RFC 8484), which come
	// after all others. [ParseServers] and [SystemServers] make such lists.
	Servers []string
	// NameServers, as ip:port, are asked in place of the delegated name servers of every zone. With them no look-ups are
	// made at all.
	NameServers []string
	// Port is the port of delegated name servers; 0 means 53.
	Port int
	// Timeout is how long one resolver is given for one answer; 0 means 2 s. Name servers get half of it over UDP and then
	// the whole of it over TCP; resolvers over HTTPS, which have more to do, three times as much.
	Timeout time.Duration
	// LookupLimit is the longest that finding the name servers of one name, and asking them for one CNAME, may each take;
	// 0 means 20 s.
	LookupLimit time.Duration
	// Found keeps the delegations that are found, for the other calls with it; nil keeps them for one call.
	Found *Found
	// MayAsk says which addresses of delegated name servers are asked, and at which a https:// resolver may be. Nil means those of the
	// Internet, and all where a resolver is on a private network itself: then a delegation may well lead there. What is in NameServers is
	// asked in any case.
	MayAsk func(netip.Addr) bool
	// RootCAs verify the certificates of https:// resolvers; nil means the system's.
	RootCAs *x509.CertPool
	// Log gets one line per look-up, at debug level; nil is silent.
	Log *slog.Logger

	empty   []netip.AddrPort                                       // for tests: where no name server is, in place of [emptyAddresses]
	control func(network, address string, c syscall.RawConn) error // for tests of sockets that cannot be connected
}

func (r *Resolver) timeout() time.Duration { return orDefault(r.Timeout, 2*time.Second) }

func (r *Resolver) lookupLimit() time.Duration { return orDefault(r.LookupLimit, 20*time.Second) }

// direct is how name servers are asked.
func (r *Resolver) direct() exchange {
	return exchange{udp: r.timeout() / 2, tcp: r.timeout(), tcpWhenSilent: true, control: r.control}
}

func orDefault(d, otherwise time.Duration) time.Duration {
	if d <= 0 {
		return otherwise
	}
	return d
}

func orSilent(log *slog.Logger) *slog.Logger {
	if log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return log
}

// session is the look-ups of one call of this package: each question is asked once, and never one about a challenge.
type session struct {
	settings    *Resolver
	log         *slog.Logger
	resolvers   []netip.AddrPort
	urls        []string
	nameServers []Address
	http        *http.Client
	found       *Found
	preferred   atomic.Int64 // index of the resolver that answered last: a dead first one costs its time-out only once
	mayAskAt    func(netip.Addr) bool
	asked       atomic.Int64 // questions, of which there may be mostQuestions for each name looked for
	names       int64

	mu      sync.Mutex
	shunned []string // challenge names
	memory  map[question]func() (*dns.Msg, error)
	said    map[question]string // which resolver answered, and what, in words
}

// open reads the settings. The session must be closed.
func (r *Resolver) open() (*session, error) {
	settings := *r
	if settings.Port == 0 {
		settings.Port = dnsPort
	}
	if settings.Port < 0 || settings.Port > 65535 {
		return nil, badServer("propagation: %d is not a port", settings.Port)
	}
	s := &session{settings: &settings, log: orSilent(r.Log), memory: map[question]func() (*dns.Msg, error){},
		said: map[question]string{}, found: r.Found}
	if s.found == nil {
		s.found = new(Found)
	}
	for _, server := range r.NameServers {
		addr, err := parseAddress(server)
		if err != nil {
			return nil, err
		}
		s.nameServers = append(s.nameServers, Address{Host: addr.String(), Addr: addr})
	}
	for _, server := range r.Servers {
		text, err := parseServer(server)
		if err != nil {
			return nil, err
		}
		if isURL(text) {
			s.urls = append(s.urls, text)
		} else {
			s.resolvers = append(s.resolvers, netip.MustParseAddrPort(text))
		}
	}
	if len(s.nameServers)+len(s.resolvers)+len(s.urls) == 0 {
		return nil, badServer("propagation: no DNS resolver is configured")
	}
	s.http = newHTTPClient(r.RootCAs, r.MayAsk)
	s.mayAskAt = r.MayAsk
	if s.mayAskAt == nil {
		s.mayAskAt = netaddr.Public
		if slices.ContainsFunc(s.resolvers, func(a netip.AddrPort) bool { return !netaddr.Public(a.Addr()) }) ||
			slices.ContainsFunc(s.urls, privateURL) {
			s.mayAskAt = func(netip.Addr) bool { return true }
		}
	}
	return s, nil
}

// privateURL reports whether a resolver over HTTPS is named by an address that is not of the Internet, or by localhost.
func privateURL(text string) bool {
	u, err := url.Parse(text)
	if err != nil {
		return false
	}
	addr, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && !netaddr.Public(addr)
}

// mostQuestions is how many questions finding the name servers of one name may take. A name behind three CNAMEs, each in a zone of its
// own with thirteen name servers, needs half of it; delegations that strangers make to keep us asking end here.
const mostQuestions = 500

// mayGoOn counts a question, and reports whether it may be asked.
func mayGoOn(s *session) bool { return s.asked.Add(1) <= mostQuestions*max(1, s.names) }

var errTooMany = errors.New("more than 500 questions would be needed: its delegations, or those of a CNAME, lead on and on")

func (s *session) close() { s.http.CloseIdleConnections() }

// shun keeps fqdn and everything below it from ever being asked of a resolver.
func (s *session) shun(fqdn string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shunned = append(s.shunned, fqdn)
}

// mayAsk reports whether a resolver may be asked about name. A resolver that is asked for a challenge too early remembers
// "no such name" for as long as the zone's SOA says, up to an hour at ConoHa, and denies everything below (RFC 8020).
func (s *session) mayAsk(name string) bool {
	if providers.OfChallenges(name) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, challenge := range s.shunned {
		if providers.InZone(name, challenge) {
			return false
		}
	}
	return true
}

// lookUp asks the resolvers, one after the other and twice round, until one says NOERROR or NXDOMAIN. A question asked
// before is not asked again.
func (s *session) lookUp(ctx context.Context, q question) (*dns.Msg, error) {
	if !s.mayAsk(q.name) {
		return nil, fmt.Errorf("%s is the name of a challenge, which resolvers are not asked for", q.name)
	}
	s.mu.Lock()
	answer, asked := s.memory[q]
	if !asked {
		answer = sync.OnceValues(func() (*dns.Msg, error) { return s.recurse(ctx, q) })
		s.memory[q] = answer
	}
	s.mu.Unlock()
	return answer()
}

func (s *session) recurse(ctx context.Context, q question) (*dns.Msg, error) {
	const rounds = 2
	count := len(s.resolvers) + len(s.urls)
	complaints := make([]string, count)
	refused := false
	for round := range rounds {
		for i := range count {
			i = (i + int(s.preferred.Load())) % count
			name, ask := s.resolver(i)
			if !mayGoOn(s) {
				return nil, errTooMany
			}
			msg, err := ask(ctx, q)
			switch {
			case ctx.Err() != nil:
				return nil, context.Cause(ctx)
			case err != nil:
				complaints[i] = name + ": " + err.Error()
			case msg.Rcode != dns.RcodeSuccess && msg.Rcode != dns.RcodeNameError:
				refused = true
				complaints[i] = name + ": " + rcode(msg.Rcode)
			default:
				s.preferred.Store(int64(i))
				s.note(q, name, msg)
				s.log.Debug("looked up", "name", q.name, "type", dns.TypeToString[q.qtype], "resolver", name,
					"rcode", rcode(msg.Rcode), "records", len(msg.Answer))
				return msg, nil
			}
			s.log.Debug("look-up failed", "name", q.name, "type", dns.TypeToString[q.qtype], "round", round+1, "error",
				complaints[i])
		}
	}
	if refused {
		return nil, &refusedError{listed(complaints, 4)}
	}
	return nil, errors.New(listed(complaints, 4))
}

// note keeps what a resolver said.
func (s *session) note(q question, resolver string, msg *dns.Msg) {
	what := rcode(msg.Rcode)
	if msg.Rcode == dns.RcodeSuccess {
		what = fmt.Sprintf("%d %s records", len(msg.Answer), dns.TypeToString[q.qtype])
		if len(msg.Answer) == 0 {
			what = "no " + dns.TypeToString[q.qtype] + " record"
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said[q] = "the resolver " + resolver + " says " + what + " for " + q.name
}

// refusedError says that resolvers could be asked, but gave neither a yes nor a no: SERVFAIL, most often.
type refusedError struct{ text string }

func (e *refusedError) Error() string { return e.text }

func isRefused(err error) bool {
	_, refused := errors.AsType[*refusedError](err)
	return refused
}

// resolver returns the i-th resolver: those on port 53, which know more of the local network, come before those on HTTPS.
func (s *session) resolver(i int) (name string, ask func(context.Context, question) (*dns.Msg, error)) {
	if i >= len(s.resolvers) {
		url := s.urls[i-len(s.resolvers)]
		return url, func(ctx context.Context, q question) (*dns.Msg, error) { return s.askHTTPS(ctx, url, q) }
	}
	addr := s.resolvers[i]
	x := exchange{recursion: true, udp: s.settings.timeout(), tcp: s.settings.timeout()}
	return addr.String(), func(ctx context.Context, q question) (*dns.Msg, error) { return x.ask(ctx, addr, q) }
}

// listed puts at most most of items on one line.
func listed(items []string, most int) string {
	if len(items) <= most {
		return strings.Join(items, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(items[:most], ", "), len(items)-most)
}
