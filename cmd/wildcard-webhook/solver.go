package main

import (
	"context"
	"errors"
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

	"wildcard/internal/dns01/memory"
	"wildcard/internal/dns01/propagation"
	"wildcard/internal/fault"
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

// Present makes the challenge's value one of those of its TXT record set, and returns when all name servers have it.
func (s *Solver) Present(request *v1alpha1.ChallengeRequest) error {
	return s.answer(request, func(ctx context.Context, t target) error {
		r := s.reservation(t)
		s.ended.begin(t.remembered())
		r.Add(ctx, t.remembered())
		if _, err := t.account.Present(ctx, t.challenge); err != nil {
			return err
		}
		report, err := t.wait(ctx, s.log)
		if err != nil {
			return err
		}
		if err := s.forget(ctx, t, report); err != nil {
			return err
		}
		r.Look(ctx) // as soon as this is answered
		return nil
	})
}

// CleanUp removes the challenge's value from its TXT record set. What is gone already is a success.
func (s *Solver) CleanUp(request *v1alpha1.ChallengeRequest) error {
	return s.answer(request, func(ctx context.Context, t target) error {
		if s.ended.first(t.remembered(), time.Now()) {
			s.memory.LookedAt(ctx, self(), t.ca(), t.remembered(), false)
		}
		return t.account.CleanUp(ctx, t.challenge, "")
	})
}

// answer works on a request, within [answerLimit].
func (s *Solver) answer(request *v1alpha1.ChallengeRequest, work func(ctx context.Context, t target) error) error {
	s.mu.Lock()
	client, stopped := s.client, s.stopped
	s.mu.Unlock()
	if client == nil {
		return errors.New("webhook: it has not started yet")
	}
	ctx, cancel := context.WithTimeout(stopped, answerLimit)
	defer cancel()
	began := time.Now()
	err := s.solve(ctx, client, request, work)
	log := s.log.With("action", string(request.Action), "fqdn", request.ResolvedFQDN, "namespace", request.ResourceNamespace, "solver", s.name, "took", time.Since(began).Round(time.Millisecond))
	if err != nil {
		log.Error("challenge", "error", err, "code", fault.CodeOf(err))
		return errors.New(steady(err.Error()))
	}
	log.Info("challenge")
	return nil
}

func (s *Solver) solve(ctx context.Context, client kubernetes.Interface, request *v1alpha1.ChallengeRequest, work func(ctx context.Context, t target) error) error {
	if request.Type != "dns-01" && request.Type != "DNS-01" && request.Type != "" {
		return fault.Errorf(fault.CodeBadChallenge, fault.Usage, "webhook: challenges of type %s are not for DNS", fault.Excerpt(request.Type))
	}
	config, err := parseConfig(s.name, request.Config, s.environ)
	if err != nil {
		return err
	}
	secret, err := s.secret(ctx, client, config, request.ResourceNamespace)
	if err != nil {
		return err
	}
	if err := refuseFiles(config, secret); err != nil {
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
	route, err := providers.Router{Accounts: all}.Route(ctx, challenge.FQDN)
	if err != nil {
		return err
	}
	challenge.Zone = route.Zone
	return work(ctx, target{challenge: challenge, account: route.Account, zone: route.Zone, config: config})
}

// secret reads the Secret with the credentials.
func (s *Solver) secret(ctx context.Context, client kubernetes.Interface, c parsed, namespace string) (*core.Secret, error) {
	if c.SecretRef.Name == "" {
		return nil, nil //nolint:nilnil // the provider says what it lacks
	}
	secret, err := client.CoreV1().Secrets(namespace).Get(ctx, c.SecretRef.Name, meta.GetOptions{})
	if err != nil {
		return nil, fault.Errorf(fault.CodeMissing, fault.Misconfigured, "webhook: secret %s/%s: %w", namespace, c.SecretRef.Name, err)
	}
	return secret, nil
}

// target is where a challenge's record belongs.
type target struct {
	challenge providers.Challenge
	account   providers.Account
	zone      string
	config    parsed
}

// wait waits until the record is published.
func (t target) wait(ctx context.Context, log *slog.Logger) (propagation.Report, error) {
	resolvers := t.config.resolvers
	if len(resolvers) == 0 {
		var err error
		if resolvers, err = propagation.SystemServers("/etc/resolv.conf"); err != nil && len(t.config.nameServers) == 0 {
			return propagation.Report{}, err
		}
	}
	wait := propagation.Wait{
		Resolver: &propagation.Resolver{Servers: resolvers, NameServers: t.config.nameServers, Log: log},
		Limit:    timeLeft(ctx), Log: log,
	}
	report, err := wait.Run(ctx, []propagation.Record{{Zone: t.zone, FQDN: t.challenge.FQDN, Value: t.challenge.Value}})
	if code := fault.CodeOf(err); code == fault.CodeNotPublished || errors.Is(err, context.DeadlineExceeded) {
		return report, fault.Errorf(fault.CodeNotPublished, fault.Temporary,
			"webhook: TXT %s: not published yet; the record is there, and is looked for again", t.challenge.FQDN)
	}
	return report, err
}

// changing is what differs from one failure to the next of the same kind: durations, times, ports and identifiers of requests.
var changing = regexp.MustCompile(`\b\d+(\.\d+)?(ns|µs|ms|s)\b|\b\d{4}-\d\d-\d\d[T ][0-9:.]+( ?UTC|Z)?|(127\.0\.0\.1|\[::1\]):\d+->|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|req-[0-9a-f-]+`)

// steady makes an error's text the same at every try: cert-manager keeps it in the Challenge's status, and what changes there
// makes it try again at once.
func steady(text string) string { return changing.ReplaceAllString(text, "…") }
