//go:build k8s

package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	cmacme "github.com/cert-manager/cert-manager/pkg/apis/acme/v1"
	cmapi "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	cmmeta "github.com/cert-manager/cert-manager/pkg/apis/meta/v1"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"wildcard/conoha/conohatest"
	"wildcard/internal/testkit/pebbletest"
)

// issuing is all that it takes to get a certificate: a cluster with cert-manager and our webhook, ConoHa with an account of
// each generation, and a CA. A ClusterIssuer is there for each account: v2 and v3.
type issuing struct {
	t       *testing.T
	cluster *cluster
	cm      *certManager
	webhook *deployed
	conoha  *conohatest.Service
	ca      *pebbletest.CA
	tenants map[int]string // by generation
}

func newIssuing(t *testing.T) *issuing {
	t.Helper()
	w := &issuing{t: t, tenants: map[int]string{}}
	var err error
	if w.conoha, err = conohatest.Start(conohatest.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.conoha.Close() })
	if w.ca, err = pebbletest.Start(pebbletest.Options{Resolver: w.conoha.ValidationResolver(), Strict: true}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.ca.Close)
	w.cluster = startCluster(t)
	w.cluster.installCRDs()
	w.cm = startCertManager(t, w.cluster, w.conoha.ValidationResolver())
	w.webhook = installWebhook(t, w.cluster, w.cm)

	w.cluster.run("patch", "role", "wildcard-webhook:secrets", "--namespace", "cert-manager", "--type=json", "--patch",
		`[{"op":"add","path":"/rules/0/resourceNames/-","value":"conoha-v3"}]`)
	for version, secret := range map[int]string{2: "conoha", 3: "conoha-v3"} {
		account := w.conoha.AddAccount(conohatest.Account{Version: version})
		w.tenants[version] = account.Tenant
		w.cluster.apply(secretManifest("cert-manager", secret, w.conoha.Environ(account)))
		w.cluster.apply(issuerManifest(fmt.Sprintf("v%d", version), w.ca.DirectoryURL(), w.ca.RootPEM(), secret, strings.Join(w.conoha.NameServers(version), ",")))
	}
	return w
}

// zone registers a zone with the account of a generation.
func (w *issuing) zone(version int, name string) { w.conoha.AddZone(w.tenants[version], name) }

// ask makes a Certificate of the namespace default.
func (w *issuing) ask(name string, version int, names ...string) {
	w.t.Helper()
	_, err := w.cm.CertmanagerV1().Certificates("default").Create(w.t.Context(), &cmapi.Certificate{
		ObjectMeta: meta.ObjectMeta{Name: name},
		Spec: cmapi.CertificateSpec{
			SecretName: name, DNSNames: names,
			PrivateKey: &cmapi.CertificatePrivateKey{Algorithm: cmapi.ECDSAKeyAlgorithm, Size: 256},
			IssuerRef:  cmmeta.IssuerReference{Name: fmt.Sprintf("v%d", version), Kind: "ClusterIssuer"},
		},
	}, meta.CreateOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
}

// ready waits until Certificates are ready, and checks what is in their Secrets.
func (w *issuing) ready(names ...string) {
	w.t.Helper()
	for _, name := range names {
		var certificate *cmapi.Certificate
		until(w.t, "Certificate "+name, func() (bool, string) {
			var err error
			if certificate, err = w.cm.CertmanagerV1().Certificates("default").Get(w.t.Context(), name, meta.GetOptions{}); err != nil {
				return false, err.Error()
			}
			ready := slices.ContainsFunc(certificate.Status.Conditions, func(c cmapi.CertificateCondition) bool {
				return c.Type == cmapi.CertificateConditionReady && c.Status == cmmeta.ConditionTrue
			})
			if !ready {
				time.Sleep(time.Second)
			}
			return ready, fmt.Sprint(certificate.Status.Conditions, w.orders(), w.challenges())
		})
		secret, err := w.cm.kube.CoreV1().Secrets("default").Get(w.t.Context(), certificate.Spec.SecretName, meta.GetOptions{})
		if err != nil {
			w.t.Fatal(err)
		}
		w.verify(secret, certificate.Spec.DNSNames)
	}
}

// verify checks that a Secret's certificate is for the names, that the CA has issued it, and that the key is its own.
func (w *issuing) verify(secret *core.Secret, names []string) {
	w.t.Helper()
	pair, err := tls.X509KeyPair(secret.Data["tls.crt"], secret.Data["tls.key"])
	if err != nil {
		w.t.Fatalf("%s: %v", secret.Name, err)
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	roots.AppendCertsFromPEM(w.ca.IssuerPEM())
	for _, der := range pair.Certificate[1:] {
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			w.t.Fatal(err)
		}
		between.AddCert(certificate)
	}
	if got := slices.Sorted(slices.Values(pair.Leaf.DNSNames)); !slices.Equal(got, slices.Sorted(slices.Values(names))) {
		w.t.Errorf("%s: is for %q, not %q", secret.Name, got, names)
	}
	for _, name := range names {
		if _, err := pair.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, Intermediates: between}); err != nil {
			w.t.Errorf("%s: %v", secret.Name, err)
		}
	}
}

// clean waits until cert-manager has done with all challenges, and checks that a zone has no TXT record of them.
func (w *issuing) clean(zones ...string) {
	w.t.Helper()
	until(w.t, "the end of all challenges", func() (bool, string) {
		left := w.challenges()
		return left == "", left
	})
	for _, zone := range zones {
		if left := w.texts(zone); len(left) > 0 {
			w.t.Errorf("left in %s: %q", zone, left)
		}
	}
}

// challenges says what is with the challenges that are not over: those with a finalizer.
func (w *issuing) challenges() string {
	list, err := w.cm.AcmeV1().Challenges("").List(w.t.Context(), meta.ListOptions{})
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, c := range list.Items {
		if len(c.Finalizers) > 0 {
			fmt.Fprintf(&b, "%s: %s, presented %v: %s\n", c.Name, c.Status.State, c.Status.Presented, c.Status.Reason)
		}
	}
	return b.String()
}

// orders says what is with the orders that have no certificate.
func (w *issuing) orders() string {
	list, err := w.cm.AcmeV1().Orders("").List(w.t.Context(), meta.ListOptions{})
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, o := range list.Items {
		if o.Status.State != cmacme.Valid {
			fmt.Fprintf(&b, "%s: %s: %s\n", o.Name, o.Status.State, o.Status.Reason)
		}
	}
	return b.String()
}

// authorizations is how many authorizations the orders have whose names begin with prefix.
func (w *issuing) authorizations(prefix string) (n int) {
	w.t.Helper()
	list, err := w.cm.AcmeV1().Orders("default").List(w.t.Context(), meta.ListOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, o := range list.Items {
		if strings.HasPrefix(o.Name, prefix) {
			n += len(o.Status.Authorizations)
		}
	}
	return n
}

// texts are the values of all TXT records in a zone.
func (w *issuing) texts(zone string) (values []string) {
	for _, r := range w.conoha.Records(zone) {
		if r.Type == "TXT" {
			values = append(values, r.Data)
		}
	}
	return values
}
