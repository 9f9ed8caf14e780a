//go:build k8s

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	cmapi "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
)

const deploy = "../../packaging/kubernetes/"

// helm is Helm, for a cluster like ours.
func helm(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command(os.Getenv("TEST_ASSET_HELM"), append(args, "--kube-version", "1.37.2")...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("helm %s: %v\n%s%s", strings.Join(args, " "), err, out, stderr.Bytes())
	}
	return string(out)
}

// The chart is a good one, and the plain manifests are what it makes today.
func TestChart(t *testing.T) {
	t.Log(helm(t, "lint", "--strict", deploy+"chart"))
	want, err := exec.Command("k8s/render", "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(manifests)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the chart makes: run cmd/wildcard-webhook/k8s/render", manifests)
	}
}

// Values that would open more than they say are refused, with the reason.
func TestChart_BadValues(t *testing.T) {
	for values, want := range map[string]string{
		"secrets: [{namespace: default, names: []}]":                       "names of namespace default is empty",
		"secrets: [{namespace: default}]":                                  "names of namespace default is empty",
		"secrets: [{namespace: default, names: null}]":                     "names of namespace default is empty",
		`secrets: [{namespace: default, names: [a, ""]}]`:                  "an empty name",
		"secrets: [{names: [a]}]":                                          "needs a namespace",
		`groupName: ""`:                                                    "groupName is needed",
		"secrets: [{namespace: a, names: [x]}, {namespace: b, names: []}]": "names of namespace b is empty",
		`secrets: [{namespace: a, names: ["*"]}]`:                          "an empty name or a star",
		`allowedEndpoints: ["https://x.example/v3"]`:                       "allowedEndpoints",
		`allowedEndpoints: ["0.0.0.0/0"]`:                                  "allowedEndpoints",
		`allowedEndpoints: "10.0.0.0/8"`:                                   "allowedEndpoints",
	} {
		path := filepath.Join(t.TempDir(), "values.yaml")
		if err := os.WriteFile(path, []byte(values), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(os.Getenv("TEST_ASSET_HELM"), "template", "x", deploy+"chart", "--kube-version", "1.37.2", "--values", path).CombinedOutput()
		if err == nil || !strings.Contains(string(out), want) {
			t.Errorf("%s: %v, %.300s", values, err, out)
		}
	}
}

// everything is a use of each value of the chart.
const everything = `
groupName: acme.example.org
secrets: [{namespace: default, names: [a, b]}, {namespace: cert-manager, names: [conoha]}]
image: {repository: registry.example/webhook, digest: "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}
imagePullSecrets: [{name: registry}]
replicas: 2
allowedEndpoints: [keystone.internal.example, 10.1.2.0/24]
env: [{name: HTTPS_PROXY, value: "http://proxy.example:3128"}]
networkPolicy: {enabled: true, tcpPorts: [3128]}
nodeSelector: {kubernetes.io/arch: arm64}
tolerations: [{key: a, operator: Exists}]
affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: a, operator: Exists}]}]}}}
`

// The API server takes all we ship, without a word of warning, and no more than that.
func accepted(t *testing.T, w *issuing) {
	dry := func(file string) (string, error) {
		return w.cluster.try("", "apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "--warnings-as-errors", "-o", "json", "-f", file)
	}
	values := filepath.Join(t.TempDir(), "values.yaml")
	if err := os.WriteFile(values, []byte(everything), 0o600); err != nil {
		t.Fatal(err)
	}
	rendered := filepath.Join(t.TempDir(), "rendered.yaml")
	text := helm(t, "template", "second", deploy+"chart", "--namespace", "default", "--values", values)
	if err := os.WriteFile(rendered, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{manifests, rendered, deploy + "example/certificate.yaml"} {
		if _, err := dry(file); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
	wrong := filepath.Join(t.TempDir(), "wrong.yaml")
	if err := os.WriteFile(wrong, []byte(strings.ReplaceAll(text, "replicas:", "replica:")), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := dry(wrong); err == nil || !strings.Contains(err.Error(), "replica") {
		t.Errorf("a typing error is not found: %v", err)
	}

	// The solver understands the example's Issuer.
	out, err := dry(deploy + "example/issuer.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var issuer cmapi.ClusterIssuer
	if err := json.Unmarshal([]byte(out), &issuer); err != nil {
		t.Fatal(err)
	}
	solver := issuer.Spec.ACME.Solvers[0].DNS01.Webhook
	config, err := parseConfig(solver.SolverName, solver.Config, nil)
	if err != nil || solver.GroupName != group || config.SecretRef.Name != "conoha" {
		t.Errorf("%+v: %v", solver, err)
	}
}
