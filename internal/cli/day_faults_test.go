package cli

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"wildcard/conoha/conohatest"
	"wildcard/internal/testkit/acmetest"
)

// failure is something that goes wrong at an hour of a [clockwork] at which a certificate is due: strike runs what the timer runs.
type failure struct {
	what   string
	strike func(*clockwork)
}

// conohaDown leaves entries in the journal: it is not known whether ConoHa has made the records. The next run looks after them,
// since the process has ended, as those of the timer do.
func (d *clockwork) conohaDown() {
	defer d.conoha.Fault(conohatest.Fault{Times: -1, Status: http.StatusServiceUnavailable, HTML: true}).Remove()
	down := d.measure()
	_, got := down.run(d.errand())
	d.judge(got.exits(75))
	down.end()
}

func (d *clockwork) caDown() {
	d.ca.On(acmetest.Directory, acmetest.Is(func() *acmetest.Reply {
		return acmetest.Text(http.StatusServiceUnavailable, "text/html", "<h1>maintenance</h1>").With("Retry-After", "1800")
	}))
	defer d.ca.On(acmetest.Directory, nil)
	d.timer().exits(75)
}

// killed has a process of its own killed, and what it left removed by the run that systemd starts in its place.
func (d *clockwork) killed() {
	victim := d.measure()
	d.ca.On(acmetest.Challenge, acmetest.Once(func(r *acmetest.Request) *acmetest.Reply {
		victim.kill()
		return r.Next()
	}))
	defer d.ca.On(acmetest.Challenge, nil)
	victim.begin(d.errand())
	victim.dies()
	if len(d.texts("")) == 0 {
		d.t.Error("the run that was killed has left no record")
	}
	d.timer().exits(0)
}

func (d *clockwork) unpublished() {
	d.conoha.SetPublicationDelay(time.Hour)
	d.timer("CONOHA_PROPAGATION_TIMEOUT=2").exits(75)
	d.conoha.SetPublicationDelay(0, 50*time.Millisecond)
}

func (d *clockwork) spoiled() {
	d.ca.On(acmetest.Finalize, func(r *acmetest.Request) *acmetest.Reply {
		d.ca.Change(r.OrderID, func(o *acmetest.OrderState) { o.Status = "invalid" })
		return d.ca.Nonce(acmetest.Problem(http.StatusBadRequest, "badCSR", "not today"))
	})
	defer d.ca.On(acmetest.Finalize, nil)
	d.timer().exits(1)
}

// broken is a file with which the deploy hook fails.
func (d *clockwork) broken() string { return filepath.Join(d.dir, "broken") }

func (d *clockwork) hookFails() {
	if err := os.WriteFile(d.broken(), nil, 0o600); err != nil {
		d.t.Fatal(err)
	}
	d.timer().exits(1)
	if err := os.Remove(d.broken()); err != nil {
		d.t.Fatal(err)
	}
}

// suggest is renewal information that goes by the certificate that it is asked for: half of its life is enough, and a little more,
// as it was issued a moment after it began.
func (d *clockwork) suggest(r *acmetest.Request) *acmetest.Reply {
	_, serial, _ := strings.Cut(r.Path[strings.LastIndex(r.Path, "/")+1:], ".")
	want, err := base64.RawURLEncoding.DecodeString(serial)
	if err != nil {
		return acmetest.Problem(http.StatusBadRequest, "malformed", err.Error())
	}
	for _, o := range d.ca.Orders() {
		var block *pem.Block
		d.ca.Change(o.ID, func(o *acmetest.OrderState) { block, _ = pem.Decode(o.Chain) })
		if block == nil {
			continue
		}
		leaf, err := x509.ParseCertificate(block.Bytes)
		if err != nil || leaf.SerialNumber.Cmp(new(big.Int).SetBytes(want)) != 0 {
			continue
		}
		at := leaf.NotBefore.Add(leaf.NotAfter.Sub(leaf.NotBefore)/2 + 5*time.Minute).UTC()
		return acmetest.JSON(http.StatusOK, map[string]any{"suggestedWindow": map[string]any{
			"start": at.Format(time.RFC3339), "end": at.Add(time.Minute).Format(time.RFC3339),
		}}).With("Retry-After", "21600")
	}
	return acmetest.Problem(http.StatusNotFound, "malformed", "no certificate has this number")
}
