//go:build k8s

package main

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	certmanager "github.com/cert-manager/cert-manager/pkg/client/clientset/versioned"
	cmscheme "github.com/cert-manager/cert-manager/pkg/client/clientset/versioned/scheme"
	"github.com/cert-manager/cert-manager/pkg/controller"
	_ "github.com/cert-manager/cert-manager/pkg/controller/acmechallenges"
	_ "github.com/cert-manager/cert-manager/pkg/controller/acmeorders"
	"github.com/cert-manager/cert-manager/pkg/controller/cainjector"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/acme"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/approver"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/ca"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/selfsigned"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/issuing"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/keymanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/readiness"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/requestmanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/revisionmanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/trigger"
	_ "github.com/cert-manager/cert-manager/pkg/controller/clusterissuers"
	_ "github.com/cert-manager/cert-manager/pkg/controller/issuers"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/acme"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/ca"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/selfsigned"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	kubescheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	aggregator "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	ctrlconfig "sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

// The settings that cert-manager's controller has by default (internal/apis/config/controller/v1alpha1/defaults.go).
const (
	concurrentWorkers       = 5
	maxConcurrentChallenges = 60
)

// rightsOfCertManager are what the controllers need of a cluster. They give nothing in the webhook's API group: that is for
// the chart to do.
const rightsOfCertManager = `
apiVersion: v1
kind: ServiceAccount
metadata: {name: cert-manager, namespace: cert-manager}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: cert-manager}
rules:
  - {apiGroups: [networking.k8s.io], resources: [ingresses], verbs: [list, watch]}
  - {apiGroups: ["", cert-manager.io, acme.cert-manager.io, apiregistration.k8s.io], resources: ["*"], verbs: ["*"]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: cert-manager}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cert-manager}
subjects: [{kind: ServiceAccount, name: cert-manager, namespace: cert-manager}]
`

// certManager is a running cert-manager: its controllers and the injector of CAs, without its admission webhook.
type certManager struct {
	*certmanager.Clientset
	kube *kubernetes.Clientset
}

// installCRDs installs cert-manager's resources.
func (c *cluster) installCRDs() {
	c.t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/cert-manager/cert-manager").Output()
	if err != nil {
		c.t.Fatal(err)
	}
	c.run("apply", "--server-side", "-f", filepath.Join(strings.TrimSpace(string(out)), "deploy", "crds"))
	c.run("wait", "--for=condition=Established", "--timeout=5m", "crd", "--all")
	c.apply("{apiVersion: v1, kind: Namespace, metadata: {name: cert-manager}}")
}

// startCertManager starts cert-manager with the rights of its ServiceAccount. It asks resolver for the zones of names.
func startCertManager(t *testing.T, c *cluster, resolver string) *certManager {
	t.Helper()
	c.apply(rightsOfCertManager)
	kubeconfig := c.account("cert-manager", "cert-manager")
	ctx, cancel := context.WithCancel(t.Context())
	ctrl.SetLogger(klog.NewKlogr())
	factory, err := controller.NewContextFactory(ctx, controller.ContextOptions{
		Kubeconfig:       kubeconfig,
		IssuerOptions:    controller.IssuerOptions{ClusterResourceNamespace: "cert-manager"},
		ACMEOptions:      controller.ACMEOptions{DNS01Nameservers: []string{resolver}, DNS01CheckRetryPeriod: 10 * time.Second},
		SchedulerOptions: controller.SchedulerOptions{MaxConcurrentChallenges: maxConcurrentChallenges},
		CertificateOptions: controller.CertificateOptions{
			// By default an hour, for which no test waits: an order may fail because the CA had no processor for some seconds.
			CertificateRequestMinimumBackoffDuration: time.Minute, CertificateRequestMaximumBackoffDuration: time.Minute,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	shared, err := factory.Build()
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	t.Cleanup(func() { cancel(); running.Wait() })
	for name, construct := range controller.Known() {
		run, err := construct(factory)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		running.Go(func() {
			if err := run.Run(concurrentWorkers, ctx); err != nil && ctx.Err() == nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	shared.SharedInformerFactory.Start(ctx.Done())
	shared.KubeSharedInformerFactory.Start(ctx.Done())
	shared.HTTP01ResourceMetadataInformersFactory.Start(ctx.Done())
	startInjector(ctx, t, kubeconfig, &running)

	admin, err := clientcmd.BuildConfigFromFlags("", c.admin)
	if err != nil {
		t.Fatal(err)
	}
	admin.QPS = -1
	return &certManager{Clientset: certmanager.NewForConfigOrDie(admin), kube: kubernetes.NewForConfigOrDie(admin)}
}

// startInjector starts what writes the CA of a Certificate into APIServices.
func startInjector(ctx context.Context, t *testing.T, kubeconfig string, running *sync.WaitGroup) {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	config.UserAgent = "cert-manager-cainjector/v1" // also what it signs its changes with
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{kubescheme.AddToScheme, cmscheme.AddToScheme, aggregator.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	again := true // there is one such controller for every cluster that this process starts
	manager, err := ctrl.NewManager(config, ctrl.Options{
		Scheme: scheme, Metrics: server.Options{BindAddress: "0"}, Controller: ctrlconfig.Controller{SkipNameValidation: &again},
	})
	if err != nil {
		t.Fatal(err)
	}
	err = cainjector.RegisterAllInjectors(ctx, manager, cainjector.SetupOptions{
		EnableCertificatesDataSource: true, EnabledReconcilersFor: map[string]bool{cainjector.APIServiceName: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	running.Go(func() {
		if err := manager.Start(ctx); err != nil && ctx.Err() == nil {
			t.Errorf("cainjector: %v", err)
		}
	})
}
