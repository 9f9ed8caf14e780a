// Wildcard-webhook is cert-manager's way to our DNS services: an ACME DNS-01 webhook (solver API acme.cert-manager.io,
// https://cert-manager.io/docs/configuration/acme/dns01/webhook/) with a solver for every provider of providers/builtin, by
// the provider's name. An Issuer names it like this:
//
//	solvers:
//	- dns01:
//	    webhook:
//	      groupName: acme.wildcard.example
//	      solverName: conoha
//	      config:
//	        secretRef: {name: conoha}  # its keys are the provider's own variables: CONOHA_TENANT_ID, …
//	  waitInsteadOfSelfCheck: 1s
//
// [Config] has all that may stand in config. Every Issuer may have its own Secret, so its own account, at once.
//
// # Decisions
//
// The zone is found as everywhere else in wildcard: from the account's own list or the spec's ZONE=, never from what
// cert-manager found by SOA (resolvedZone), which is not even looked at. resolvedFQDN is: it is the challenge's name, or where a
// CNAME leads, if the Issuer's cnameStrategy is Follow. A record is written only if the account lists a zone for it, and the DNS does
// not delegate that to others; deletion asks for the zone alone.
//
// Present returns when every name server publishes the record, like the wait of our other programs. So cert-manager's own
// self-check, which waits a fixed minute first, is of no use, and waitInsteadOfSelfCheck replaces it. What takes longer than
// [answerLimit] is an error, "not published yet"; cert-manager calls again, at growing intervals, and Present finds the record it
// has made. Since its text goes into the Challenge's status, where every change makes cert-manager try again at once, an error's
// text is the same each time.
//
// cert-manager does challenges of one name one after the other: example.com, clean-up, *.example.com. Let's Encrypt's resolvers keep
// what they saw for the first for its TTL, a minute at most, so the second is answered only when that is over, which the self-check's
// minute did by chance (package internal/dns01/memory): at most [mostHeld] within a call, else as an error, and at a later call. The CA counts as looking from a Present that succeeded until the CleanUp. Who
// looked when is kept in the process alone: the cluster gives a webhook no folder that outlives it, and there is one pod by
// default. A webhook that was started anew learns of a look from its CleanUp; with several pods each knows of its own part. What can
// come of that is a failed validation, after which cert-manager makes another order.
//
// There is no journal. cert-manager is one: before it calls Present it puts a finalizer on the Challenge, and when the Challenge
// is over, or deleted, it calls CleanUp until that succeeds, whether Present has ever answered or not
// (pkg/controller/acmechallenges/sync.go, Sync and finalize, v1.21). A webhook that is killed in between therefore leaves
// nothing: the next CleanUp comes without a handle and removes exactly the record of this name and value. Two challenges that share a name
// (example.com and *.example.com) have different values, so each removes its own.
//
// While Present waits it keeps one of cert-manager's workers busy, five of them unless its --concurrent-workers says otherwise: who
// has hundreds of certificates renewed at once lets it have more.
//
// An account stays open as long as its Secret stays what it is: a hundred certificates cost a login and a list of zones.
//
// The Secret is read from the namespace that cert-manager names: that of the Issuer, or the cluster resource namespace for a
// ClusterIssuer. Nothing else of the pod's environment is a credential, whatever allowAmbientCredentials says.
//
// A user who may make an Issuer and a Secret in a namespace gets nothing of the pod by it: variables that name files are refused,
// programs of exec: and certbot-hook: only run from where plugins lie, and our own connections and questions go to addresses of the
// Internet alone, unless ALLOWED_ENDPOINTS lists them. One who may make an Issuer, and not read its Secret, gets nothing of that: what says
// where the password goes comes from the Secret. What services say stands in the log, not in the Challenge's status. Of one namespace's
// calls [mostCalls] are worked on at once.
//
// lego: is refused: cert-manager tells the hash of the key authorization only. manual is refused, as no operator is there.
package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/cert-manager/cert-manager/pkg/acme/webhook"
	"github.com/spf13/pflag"
	"k8s.io/apiserver/pkg/server"

	"wildcard/internal/dns01/memory"
	"wildcard/internal/settings"
	"wildcard/providers/builtin"
)

// groupVariable is the environment variable with the API group that Issuers name as groupName.
const groupVariable = "GROUP_NAME"

func main() {
	settings.Harden()
	if err := settings.CheckProxies(os.Environ()); err != nil {
		fmt.Fprintf(os.Stderr, "wildcard-webhook: %v\n", err)
		os.Exit(78)
	}
	group := os.Getenv(groupVariable)
	if group == "" {
		fmt.Fprintf(os.Stderr, "wildcard-webhook: %s is not set: it is the groupName of the Issuers, such as acme.wildcard.example\n", groupVariable)
		os.Exit(78)
	}
	if _, err := parseEndpoints(os.Getenv(endpointsVariable)); err != nil {
		fmt.Fprintf(os.Stderr, "wildcard-webhook: %v\n", err)
		os.Exit(78)
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	err := serve(server.SetupSignalContext(), group, os.Args[1:], solvers(builtin.Registry(), os.Environ(), log))
	switch {
	case errors.Is(err, pflag.ErrHelp):
	case err != nil:
		fmt.Fprintf(os.Stderr, "wildcard-webhook: %v\n", err)
		os.Exit(1)
	}
}

// solvers are one for each kind of provider that can work without a person.
func solvers(registry builtin.Providers, environ []string, log *slog.Logger) []webhook.Solver {
	var all []webhook.Solver
	calls := new(calls)
	looks := memory.Open("", log) // one for all: Issuers with different services may have one record name
	for name := range registry {
		if name != "manual" {
			all = append(all, &Solver{name: name, accounts: newAccounts(registry, environ, log), memory: looks, environ: environ,
				calls: calls, log: log})
		}
	}
	return all
}
