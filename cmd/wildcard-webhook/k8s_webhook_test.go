//go:build k8s

package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	apps "k8s.io/api/apps/v1"
)

const (
	group     = "acme.wildcard.example" // of the manifests
	manifests = deploy + "manifests/wildcard-webhook.yaml"
)

// deployed is our program, installed by the manifests. As the cluster has no node to run it on, it runs beside the cluster: with
// the arguments and variables of the Deployment, the certificate of its volume, and the rights of its ServiceAccount.
type deployed struct {
	t       *testing.T
	cluster *cluster
	program string
	environ []string
	args    []string
	port    string
	*process
}

// installWebhook applies the manifests and starts the webhook.
func installWebhook(t *testing.T, c *cluster, cm *certManager) *deployed {
	t.Helper()
	w := &deployed{t: t, cluster: c, port: freePort(t), program: build(t)}
	c.run("apply", "--server-side", "--field-manager=operator", "-f", manifests)
	// Requests for the Service go to this machine instead.
	c.run("patch", "service", "wildcard-webhook", "--namespace", "cert-manager", "--type=json", "--patch",
		`[{"op":"replace","path":"/spec/type","value":"ExternalName"},{"op":"add","path":"/spec/externalName","value":"localhost"},{"op":"remove","path":"/spec/clusterIP"},{"op":"remove","path":"/spec/clusterIPs"}]`)
	c.run("patch", "apiservice", "v1alpha1."+group, "--type=merge", "--patch", `{"spec":{"service":{"port":`+w.port+`}}}`)

	deployment, err := cm.kube.AppsV1().Deployments("cert-manager").Get(t.Context(), "wildcard-webhook", meta.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w.read(deployment)
	until(t, "the webhook's own certificate", func() (bool, string) {
		secret, err := cm.kube.CoreV1().Secrets("cert-manager").Get(t.Context(), "wildcard-webhook-tls", meta.GetOptions{})
		if err != nil || len(secret.Data["tls.crt"]) == 0 {
			return false, fmt.Sprint(err)
		}
		for name, data := range secret.Data {
			c.write(name, string(data))
		}
		return true, ""
	})
	kubeconfig := c.account("cert-manager", "wildcard-webhook")
	for _, flag := range []string{"kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig"} {
		w.args = append(w.args, "--"+flag+"="+kubeconfig)
	}
	w.args = append(w.args, "--bind-address=127.0.0.1", "--secure-port="+w.port)
	w.start()
	return w
}

// read takes from the Deployment how its pods run the program.
func (w *deployed) read(deployment *apps.Deployment) {
	container := deployment.Spec.Template.Spec.Containers[0]
	for _, arg := range container.Args {
		w.args = append(w.args, strings.ReplaceAll(arg, container.VolumeMounts[0].MountPath+"/", w.cluster.dir+"/"))
	}
	w.environ = append(w.environ, offline()...) // the chart's allowedEndpoints
	for _, variable := range container.Env {
		w.environ = append(w.environ, variable.Name+"="+variable.Value)
	}
}

// start starts the webhook, or starts it again, and waits until the API server has found it.
func (w *deployed) start() {
	w.t.Helper()
	w.process = start(w.t, w.environ, w.program, w.args...)
	until(w.t, "the webhook", func() (bool, string) {
		if w.over() {
			w.t.Fatalf("the webhook has ended:\n%s", w.said(w.t))
		}
		var list meta.APIResourceList
		out, err := w.cluster.try("", "get", "--raw", "/apis/"+group+"/v1alpha1")
		if err == nil {
			err = json.Unmarshal([]byte(out), &list)
		}
		return err == nil && len(list.APIResources) > 1, fmt.Sprint(err, "\n", string(w.said(w.t)))
	})
}

// build builds the webhook as it is shipped.
func build(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "wildcard-webhook")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// secretManifest is a Secret with those of environ's variables that are a provider's.
func secretManifest(namespace, name string, environ []string) string {
	data := map[string]string{}
	for _, entry := range environ {
		variable, text, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(variable, "CONOHA") || strings.HasPrefix(variable, "RFC2136_") {
			data[variable] = text
		}
	}
	text, _ := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]string{"namespace": namespace, "name": name}, "stringData": data})
	return string(text)
}

// issuerManifest is a ClusterIssuer for conoha like that of packaging/kubernetes/example, but for a CA that remembers nothing: it asks
// the name servers themselves.
func issuerManifest(name, directory string, root []byte, secret, nameServers string) string {
	return fmt.Sprintf(`
apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata: {name: %[1]s}
spec:
  acme:
    server: %[2]s
    caBundle: %[3]s
    email: you@example.com
    privateKeySecretRef: {name: %[1]s-account}
    solvers:
      - waitInsteadOfSelfCheck: 1s
        dns01:
          cnameStrategy: Follow
          webhook:
            groupName: %[4]s
            solverName: conoha
            config: {secretRef: {name: %[5]s}, nameServers: %[6]q, caCache: 0}
`, name, directory, base64.StdEncoding.EncodeToString(root), group, secret, nameServers)
}
