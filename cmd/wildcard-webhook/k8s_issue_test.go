//go:build k8s

package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// From Certificate to Secret in a real cluster, by the manifests we ship.
func TestCluster(t *testing.T) {
	w := newIssuing(t)
	step := func(name string, run func(t *testing.T, w *issuing)) {
		if !t.Run(name, func(t *testing.T) {
			here := *w
			here.t = t
			run(t, &here)
		}) {
			t.FailNow() // what comes after builds on it
		}
	}
	step("rights", rights)
	step("manifests", accepted)
	step("example", example)
	step("killed while it presents", killedInPresent)
	step("killed before it cleans up", killedBeforeCleanUp)
	step("killed, and the Certificate deleted", killedAndDeleted)
	step("a hundred certificates", hundred)
	if log := w.webhook.said(t); bytes.Contains(log, []byte("forbidden")) || bytes.Contains(log, []byte("panic")) {
		t.Errorf("the webhook lacks a right:\n%s", log)
	}
}

// The webhook reads its Secrets and no others; only cert-manager may have challenges solved; probes need no name.
func rights(t *testing.T, w *issuing) {
	const own, cm = "system:serviceaccount:cert-manager:wildcard-webhook", "system:serviceaccount:cert-manager:cert-manager"
	for who, can := range map[string]string{
		own + " get secrets/conoha":                                    "yes",
		own + " get secrets/letsencrypt-account":                       "no",
		own + " list secrets":                                          "no",
		own + " update secrets/conoha":                                 "no",
		own + " create conoha." + group:                                "no",
		cm + " create conoha." + group:                                 "yes",
		cm + " get conoha." + group:                                    "no",
		"system:serviceaccount:default:default create conoha." + group: "no",
	} {
		words := strings.Fields(who)
		out, _ := w.cluster.try("", "auth", "can-i", words[1], words[2], "--namespace", "cert-manager", "--as", words[0])
		if strings.TrimSpace(out) != can {
			t.Errorf("can %s: %s, want %s", who, out, can)
		}
	}
	// The certificate is for the Service's name.
	for _, path := range []string{"/livez", "/readyz"} {
		if ok, why := healthy("https://localhost:"+w.webhook.port+path, w.cluster.file("ca.crt"), "wildcard-webhook.cert-manager.svc"); !ok {
			t.Errorf("%s: %s", path, why)
		}
	}
}

// The example's names, with either generation.
func example(t *testing.T, w *issuing) {
	w.conoha.SetPublicationDelay(500*time.Millisecond, 2*time.Second)
	defer w.conoha.SetPublicationDelay(0)
	w.zone(2, "example.com")
	w.zone(3, "example.net")
	began := time.Now()
	w.ask("example-com", 2, "example.com", "*.example.com")
	w.ask("example-net", 3, "example.net", "*.example.net")
	w.ready("example-com", "example-net")
	t.Logf("two certificates for a domain and its subdomains were ready after %v", time.Since(began).Round(time.Second/10))
	w.clean("example.com", "example.net")
}

// The record is made, the webhook waits for its publication and is killed.
func killedInPresent(t *testing.T, w *issuing) {
	w.zone(2, "one.example")
	w.conoha.SetPublicationDelay(24 * time.Hour)
	w.ask("one", 2, "one.example", "*.one.example")
	until(t, "a record", func() (bool, string) { return len(w.texts("one.example")) > 0, w.challenges() })
	w.webhook.kill()
	w.conoha.SetPublicationDelay(0)
	w.webhook.start()
	w.ready("one")
	w.clean("one.example")
}

// The challenge is presented, and the webhook is not there when it is to be cleaned up.
func killedBeforeCleanUp(t *testing.T, w *issuing) {
	w.zone(3, "two.example")
	w.ask("two", 3, "two.example", "*.two.example")
	until(t, "a presented challenge", func() (bool, string) {
		list, err := w.cm.AcmeV1().Challenges("default").List(t.Context(), meta.ListOptions{})
		if err != nil {
			return false, err.Error()
		}
		for _, c := range list.Items {
			if c.Status.Presented && len(c.Finalizers) > 0 {
				return true, ""
			}
		}
		return false, fmt.Sprint(len(list.Items), " challenges")
	})
	w.webhook.kill()
	if len(w.texts("two.example")) == 0 {
		t.Fatal("no record was left: nothing is tested")
	}
	w.webhook.start()
	w.ready("two")
	w.clean("two.example")
}

// The certificate is not wanted any more when the webhook starts again.
func killedAndDeleted(t *testing.T, w *issuing) {
	w.zone(2, "three.example")
	w.conoha.SetPublicationDelay(24 * time.Hour)
	defer w.conoha.SetPublicationDelay(0)
	w.ask("three", 2, "three.example")
	until(t, "a record", func() (bool, string) { return len(w.texts("three.example")) > 0, w.challenges() })
	w.webhook.kill()
	// There is no garbage collector, which would delete the challenge with its Certificate.
	w.cluster.run("delete", "certificates,certificaterequests,orders,challenges", "--all", "--namespace", "default", "--wait=false")
	w.webhook.start()
	w.clean("three.example")
}

// A hundred Certificates in ten zones of two accounts at once.
func hundred(t *testing.T, w *issuing) {
	w.conoha.SetPublicationDelay(500*time.Millisecond, time.Second)
	var names, zones []string
	for z := range 10 {
		zones = append(zones, fmt.Sprintf("zone%d.example", z))
		w.zone(2+z%2, zones[z])
	}
	w.conoha.ResetLog()
	began := time.Now()
	for n := range 100 {
		z := n % 10
		names = append(names, fmt.Sprintf("hundred-%d", n))
		w.ask(names[n], 2+z%2, fmt.Sprintf("n%d.%s", n, zones[z]), fmt.Sprintf("*.n%d.%s", n, zones[z]))
	}
	w.ready(names...)
	took := time.Since(began)
	w.clean(zones...)
	calls := w.conoha.Calls()
	sum := calls.Logins + calls.ZoneLists + calls.RecordLists + calls.Gets + calls.Creates + calls.Deletes + calls.Other
	t.Logf("100 certificates of 2 names: ready after %v; %.2f calls of ConoHa each: %+v; peak memory of the webhook %s; orders without a certificate: %q", took.Round(time.Second), float64(sum)/100, calls, w.webhook.peak(t), w.orders())
	// On a busy machine cert-manager may order once more for a Certificate; there is no garbage collector, so each order is still there.
	challenges := w.authorizations("hundred-")
	if calls.Creates < 200 || calls.Creates > challenges || calls.Deletes != calls.Creates || calls.Logins > 2 {
		t.Errorf("%d challenges, for which ConoHa was asked for more than is needed: %+v", challenges, calls)
	}
}
