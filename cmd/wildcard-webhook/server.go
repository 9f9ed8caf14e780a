package main

import (
	"context"
	"errors"
	"path"

	"github.com/cert-manager/cert-manager/pkg/acme/webhook"
	"github.com/cert-manager/cert-manager/pkg/acme/webhook/apiserver"
	"github.com/cert-manager/cert-manager/pkg/acme/webhook/cmd/server"
	"github.com/cert-manager/cert-manager/pkg/logs"
	restful "github.com/emicklei/go-restful/v3"
	"github.com/spf13/pflag"
	"k8s.io/apiserver/pkg/endpoints/openapi"
)

// serve answers for the solvers in an API group until ctx ends. The arguments are those of any API server, such as
// --secure-port. [pflag.ErrHelp] means that the user has only asked for them, and was told.
func serve(ctx context.Context, group string, args []string, solvers []webhook.Solver) error {
	config, err := configure(group, args, solvers)
	if err != nil {
		return err
	}
	s, err := newServer(config)
	if err != nil {
		return err
	}
	return s.GenericAPIServer.PrepareRun().RunWithContext(ctx)
}

// newServer is what cmd.RunWebhookServer of cert-manager has within, which can serve only one solver: with two it ends, as two
// operations in the description of its API have one name.
func newServer(config *apiserver.Config) (*apiserver.ChallengeServer, error) {
	complete := config.Complete()
	// What is deprecated is what Kubernetes itself sets; beside it, its successor would not be looked at.
	complete.GenericConfig.OpenAPIConfig.GetOperationIDAndTags = operation   //nolint:staticcheck // see above
	complete.GenericConfig.OpenAPIV3Config.GetOperationIDAndTags = operation //nolint:staticcheck // see above
	return complete.New()
}

// configure reads the arguments.
func configure(group string, args []string, solvers []webhook.Solver) (*apiserver.Config, error) {
	o := server.NewWebhookServerOptions(group, solvers...)
	flags := pflag.NewFlagSet("wildcard-webhook", pflag.ContinueOnError)
	logs.AddFlags(o.Logging, flags)
	o.RecommendedOptions.AddFlags(flags)
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, errors.New("there are no arguments but options")
	}
	if err := o.Validate(nil); err != nil {
		return nil, err
	}
	return o.Config()
}

// operation names an operation as Kubernetes does, with the solver's name at its end.
func operation(r *restful.Route) (string, []string, error) {
	id, tags, err := openapi.GetOperationIDAndTags(r)
	return id + openapi.ToValidOperationID(path.Base(r.Path), true), tags, err
}
