package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/cert-manager/cert-manager/pkg/acme/webhook"
	"github.com/cert-manager/cert-manager/pkg/acme/webhook/apis/acme/v1alpha1"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"wildcard/internal/dns01"
	"wildcard/internal/dns01/memory"
	"wildcard/internal/dns01/propagation"
	"wildcard/internal/fault"
	"wildcard/internal/system/environ"
	"wildcard/providers"
)

// answerLimit is how long one call of cert-manager's is worked on. API servers give up on a request after a minute.
const answerLimit = 45 * time.Second

// Solver is a webhook solver for one kind of provider.
type Solver struct {
	name     string
	accounts *accounts
	memory   *memory.Memory
	ended    ended
	environ  []string
	calls    *calls // of all solvers
	log      *slog.Logger

	mu      sync.Mutex
	client  kubernetes.Interface
	stopped context.Context // ends with the server
}

var _ webhook.Solver = (*Solver)(nil)

// Name is the solverName of Issuers.
func (s *Solver) Name() string { return s.name }

// Initialize takes the connection to the API server, when the webhook's server has started.
func (s *Solver) Initialize(config *rest.Config, stop <-chan struct{}) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-stop
		cancel()
	}()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.client, s.stopped = client, ctx
	return nil
}

// Present makes the challenge's value one of those of its TXT record set, and returns when the CA may look.
func (s *Solver) Present(request *v1alpha1.ChallengeRequest) error {
	return s.answer(request, func(ctx context.Context, t target) error {
		s.ended.begin(t.remembered())
		resolver, err := t.config.resolver(s.accounts.endpoints, s.log)
		if err != nil {
			return err
		}
		solver := s.solver(ctx, t, resolver)
		place, err := solver.PlaceAt(ctx, t.challenge.FQDN)
		if err != nil {
			return err
		}
		record, err := solver.Present(ctx, t.owner(), place, t.challenge)
		if err != nil {
			return err
		}
		_, err = solver.Wait(ctx, []*dns01.Record{record})
		if code := fault.CodeOf(err); code == fault.CodeNotPublished || errors.Is(err, context.DeadlineExceeded) {
			return fault.Errorf(fault.CodeNotPublished, fault.Temporary,
				"webhook: TXT %s: not published yet; the record is there, and is looked for again", t.challenge.FQDN)
		}
		return err
	})
}

// CleanUp removes the challenge's value from its TXT record set. What is not there any more is a success.
func (s *Solver) CleanUp(request *v1alpha1.ChallengeRequest) error {
	return s.answer(request, func(ctx context.Context, t target) error {
		solver := s.solver(ctx, t, nil)
		if s.ended.first(t.remembered(), time.Now()) {
			solver.LookedAt(ctx, t.owner(), t.challenge, false)
		}
		route, err := t.router.Route(ctx, t.challenge.FQDN)
		if err != nil {
			return err
		}
		return solver.CleanUp(ctx, solver.At(route, t.challenge))
	})
}

// solver makes, awaits and deletes a request's record.
func (s *Solver) solver(ctx context.Context, t target, resolver *propagation.Resolver) *dns01.Solver {
	var told time.Time
	return &dns01.Solver{
		Router: t.router, Resolver: resolver,
		CheckDelegation: dns01.ChecksDelegation(t.config.nameServers, t.config.resolvers),
		Memory:          s.memory, CA: memory.CA{Keep: t.config.caCache}, // cert-manager does not tell which it is
		Within:       func() time.Duration { return min(timeLeft(ctx), mostHeld) },
		WaitLimit:    max(timeLeft(ctx), 1),
		CleanUpLimit: answerLimit, Log: s.log,
		Observe: func(e dns01.Event) {
			if e.Step == dns01.Memory && e.State == dns01.Progress && time.Since(told) >= 10*time.Second {
				told = time.Now()
				s.log.Info("waiting until the CA's resolvers have forgotten what stood there before", "fqdn", e.Pause.Record.FQDN,
					"left", e.Left.Round(time.Second), "another challenge's record", e.Pause.Others)
			}
		},
	}
}

// answer works on a request, within [answerLimit].
func (s *Solver) answer(request *v1alpha1.ChallengeRequest, work func(ctx context.Context, t target) error) error {
	s.mu.Lock()
	client, stopped := s.client, s.stopped
	s.mu.Unlock()
	if client == nil {
		return errors.New("webhook: it has not started yet")
	}
	if !s.calls.begin(request.ResourceNamespace) {
		return fmt.Errorf("webhook: %d calls for the namespace %s are being worked on; this one comes later", mostCalls,
			request.ResourceNamespace)
	}
	defer s.calls.end(request.ResourceNamespace)
	ctx, cancel := context.WithTimeout(stopped, answerLimit)
	defer cancel()
	began := time.Now()
	err := s.solve(ctx, client, request, work)
	log := s.log.With("action", string(request.Action), "fqdn", request.ResolvedFQDN, "namespace",
		request.ResourceNamespace, "solver", s.name, "took", time.Since(began).Round(time.Millisecond))
	if err != nil {
		log.Error("challenge", "error", err, "code", fault.CodeOf(err))
		return errors.New(status(err))
	}
	log.Info("challenge")
	return nil
}

func (s *Solver) solve(ctx context.Context, client kubernetes.Interface, request *v1alpha1.ChallengeRequest,
	work func(ctx context.Context, t target) error) error {
	if request.Type != "dns-01" && request.Type != "DNS-01" && request.Type != "" {
		return fault.Errorf(fault.CodeBadChallenge, fault.Usage, "webhook: challenges of type %s are not for DNS",
			fault.Excerpt(request.Type))
	}
	config, err := parseConfig(s.name, request.Config, s.environ)
	if err != nil {
		return err
	}
	secret, err := s.secret(ctx, client, config, request.ResourceNamespace)
	if err != nil {
		return err
	}
	if err := s.refuse(config, secret); err != nil {
		return err
	}
	all, done, err := s.accounts.use(config, request.ResourceNamespace, secret)
	if err != nil {
		return err
	}
	defer done()
	challenge := providers.Challenge{
		Domain: strings.TrimPrefix(request.DNSName, "*."),
		FQDN:   providers.CanonicalName(request.ResolvedFQDN),
		Value:  request.Key,
	}
	if err := work(ctx, target{challenge, providers.Router{Accounts: all}, config}); err != nil {
		return &askedError{err}
	}
	return nil
}

// refuse refuses what an Issuer and its Secret may not say.
func (s *Solver) refuse(c parsed, secret *core.Secret) error {
	if err := refuseFiles(c, secret); err != nil {
		return err
	}
	kind, allowed := s.accounts.registry[s.name], s.accounts.endpoints
	if err := refuseSettings(c, kind); err != nil {
		return err
	}
	all := variables(c, secret)
	if err := allowed.refuse(kind, func(name string) string { return environ.Get(all, name) }); err != nil {
		return err
	}
	if err := allowed.servers("resolvers", c.resolvers); err != nil {
		return err
	}
	return allowed.servers("nameServers", c.nameServers)
}

// askedError is a failure in which DNS services, name servers or programs may have had a word.
type askedError struct{ error }

func (e *askedError) Unwrap() error { return e.error }

// status is an error's text for the Challenge's status, which everybody reads who may read Challenges: without the words of peers, who
// may be whatever answers at an address that an Issuer's author has chosen. They are in the log.
func status(err error) string {
	if _, asked := errors.AsType[*askedError](err); asked {
		return steady(fault.WithoutForeign(err))
	}
	return steady(err.Error())
}

// secret reads the Secret with the credentials.
func (s *Solver) secret(ctx context.Context, client kubernetes.Interface, c parsed,
	namespace string) (*core.Secret, error) {
	if c.SecretRef.Name == "" {
		return nil, nil //nolint:nilnil // the provider says what it lacks
	}
	secret, err := client.CoreV1().Secrets(namespace).Get(ctx, c.SecretRef.Name, meta.GetOptions{})
	if err != nil {
		return nil, fault.Errorf(fault.CodeMissing, fault.Misconfigured, "webhook: secret %s/%s: %w", namespace,
			c.SecretRef.Name, err)
	}
	return secret, nil
}

// target is a challenge, and who may write its record.
type target struct {
	challenge providers.Challenge
	router    providers.Router
	config    parsed
}

// owner is whose record it is: a challenge's part of what the CA looks at lasts from its first Present to its CleanUp.
func (t target) owner() dns01.Owner { return dns01.Owner{Process: self(), Round: t.challenge.Value} }

// resolver is how the DNS is asked for an Issuer.
func (c parsed) resolver(allowed *endpoints, log *slog.Logger) (*propagation.Resolver, error) {
	r, err := propagation.NewResolver(c.resolvers, c.nameServers, log)
	if err == nil {
		r.MayAsk = allowed.address
	}
	return r, err
}

// changing is what differs from one failure to the next of the same kind: durations, times, ports and identifiers of requests.
var changing = regexp.MustCompile(`\b\d+(\.\d+)?(ns|µs|ms|s)\b|\b\d{4}-\d\d-\d\d[T ][0-9:.]+( ?UTC|Z)?|(127\.0\.0\.1|\[::1\]):\d+->|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|req-[0-9a-f-]+`)

// steady makes an error's text the same at every try: cert-manager keeps it in the Challenge's status, and what changes there
// makes it try again at once.
func steady(text string) string { return changing.ReplaceAllString(text, "…") }
