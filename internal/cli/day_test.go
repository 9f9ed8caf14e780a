package cli

import (
	"bytes"
	"crypto/tls"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wildcard/internal/issuance"
	"wildcard/internal/testkit/acmetest"
)

const (
	shortLife  = 6 * time.Hour // of certificates, which are due when half of it is over
	mostDelay  = 20 * time.Minute
	mostGrowth = 512 << 10 // bytes that may be reachable at the end of the day and were not at its second hour
	mostKept   = 6         // certificates in the archive, the live one included
	ledgerRow  = 700       // bytes of the ledger for an attempt, which are forgotten after two days
)

// clockwork is a world in which time passes as we say: a timer runs "renew" each hour, in one process that is never started anew, so
// that whatever a run leaves in it adds up.
type clockwork struct {
	*world
	process  *measuredProcess
	names    []string
	live     map[string]map[string]bool // the certificates that were seen live, by lineage
	attempts int                        // that runs spoke of
}

// 24 hours with certificates that live for six, a timer that fires each hour, and much that goes wrong. At every minute there is a
// valid certificate; there is one order for each, and one more only where the CA spoiled one; and after 24 hours the process and
// its folders are as they were after two.
func TestDay(t *testing.T) {
	t.Parallel()
	d := newClockwork(t)
	faults := []failure{
		{"ConoHa is down for an hour", (*clockwork).conohaDown}, {"the CA is down for an hour", (*clockwork).caDown},
		{"a run is killed", (*clockwork).killed}, {"records are not published", (*clockwork).unpublished},
		{"the CA spoils an order", (*clockwork).spoiled}, {"a deploy hook fails", (*clockwork).hookFails},
	}
	var figuresAt [24]figures
	var filesAt [24]map[string]int64
	struck := 0 // the last hour at which something went wrong
	random := rand.New(rand.NewPCG(24, 60))
	morning := d.clock()
	for hour := range 24 {
		d.until(morning.Add(time.Duration(hour+1)*time.Hour + time.Duration(random.Int64N(int64(mostDelay)))))
		due, orders := d.due(), len(d.ca.Orders())
		said := "nothing is due"
		switch {
		case due == 0: // a deploy hook that has failed is run again
			if got := d.timer(); got.code != 0 || got.stderr != "" && !strings.Contains(got.stderr, "deploy hook") {
				t.Errorf("hour %d: exit status %d, and this is said although nothing is due: %s", hour, got.code, got.stderr)
			}
		case len(faults) > 0 && hour > struck+1: // half a life has room for one run that fails
			struck, said = hour, faults[0].what
			faults[0].strike(d)
			faults = faults[1:]
		default:
			said = "all is well"
			d.timer().exits(0)
		}
		if struck != hour {
			d.nothingLeft()
		}
		if n := len(d.ca.Orders()) - orders; n > due {
			t.Errorf("hour %d: %d orders for %d certificates that are due", hour, n, due)
		}
		figuresAt[hour], filesAt[hour] = d.process.atRest, d.files()
		t.Logf("%s: %d due, %s; %v", d.clock().Sub(morning).Round(time.Minute), due, said, figuresAt[hour])
	}
	if len(faults) > 0 {
		t.Errorf("there was no time for: %v", faults)
	}
	d.timer().exits(0)
	d.nothingLeft()
	d.ordered(morning)
	d.flat(figuresAt[1], figuresAt[23])
	d.noLarger(filesAt[11], filesAt[23])
}

func newClockwork(t *testing.T) *clockwork {
	t.Helper()
	d := &clockwork{
		world: newWorldOf(t, acmetest.Options{Validity: shortLife, Deviations: acmetest.Deviations{
			NoAuthorizationReuse: true, NoLimits: true, // as the lives are short
		}}), names: []string{"example.com", "example.net", "example.co.jp"},
		live: map[string]map[string]bool{},
	}
	d.ca.On(acmetest.RenewalInfo, d.suggest)
	d.conoha.SetPublicationDelay(0, 50*time.Millisecond)
	d.process = d.measure()
	hook := d.hook("deploy", `test ! -e `+d.broken()+` && cp "$RENEWED_LINEAGE/fullchain.pem" "`+d.dir+`/${RENEWED_LINEAGE##*/}.deployed"`)
	start := time.Now().Truncate(time.Minute)
	for i, name := range d.names { // so that they are due at different hours
		d.until(start.Add(time.Duration(i) * 70 * time.Minute))
		d.carryOut("issue", "--agree-tos", "--deploy-hook", hook, "*."+name, name).exits(0)
		d.live[name] = map[string]bool{}
	}
	d.look()
	return d
}

// timer is what systemd runs.
func (d *clockwork) timer(environ ...string) said {
	d.t.Helper()
	_, got := d.process.run(d.errand(environ...))
	d.judge(got)
	return got
}

func (d *clockwork) errand(environ ...string) errand {
	return errand{Now: d.clock(), Environ: append(environ, "INVOCATION_ID=1"), Args: []string{"renew", "--json"}}
}

func (d *clockwork) carryOut(args ...string) said {
	d.t.Helper()
	_, got := d.process.run(errand{Now: d.clock(), Args: args})
	return got
}

// judge fails the test unless a run has said what came of each certificate.
func (d *clockwork) judge(got said) {
	d.t.Helper()
	answer := answerOf[renewAnswer](got)
	d.attempts += len(answer.Renewed) + len(answer.Failed)
	if n := len(answer.Renewed) + len(answer.Failed) + answer.Kept; n != len(d.names) {
		d.t.Errorf("%d certificates, of %d: %s", n, len(d.names), got.stdout)
	}
	d.look()
}

// until lets time pass. At every minute each certificate has to be valid, and of the key beside it.
func (d *clockwork) until(then time.Time) {
	d.t.Helper()
	for minute := d.clock(); minute.Before(then); minute = minute.Add(time.Minute) {
		for name := range d.live {
			pair, err := tls.LoadX509KeyPair(d.config("live", name, "fullchain.pem"), d.config("live", name, "privkey.pem"))
			if err != nil {
				d.t.Errorf("%v: %s: %v", minute, name, err)
				continue
			}
			if minute.Before(pair.Leaf.NotBefore) || minute.After(pair.Leaf.NotAfter) {
				d.t.Errorf("%s is valid from %v to %v, and it is %v", name, pair.Leaf.NotBefore, pair.Leaf.NotAfter, minute)
			}
		}
	}
	d.at(then)
}

// look remembers which certificates are live.
func (d *clockwork) look() {
	d.t.Helper()
	for _, name := range d.names {
		d.live[name][d.lineage(name).Leaf.SerialNumber.String()] = true
	}
}

// due is how many certificates a run has to renew.
func (d *clockwork) due() (n int) {
	d.t.Helper()
	for _, name := range d.names {
		l := d.lineage(name)
		s, _ := l.Conf.Settings()
		at := s.RenewAt
		if at.IsZero() {
			at = issuance.DueAt(l.Leaf, time.Time{})
		}
		if !d.clock().Before(at) {
			n++
		}
	}
	return n
}

// ordered fails the test unless there was one order for each certificate, and one for each that the CA spoiled; and as many
// certificates as the day has room for.
func (d *clockwork) ordered(morning time.Time) {
	d.t.Helper()
	orders, spoiled, certificates := d.ca.Orders(), 0, 0
	for _, o := range orders {
		if o.Status == "invalid" {
			spoiled++
		}
	}
	most := int(d.clock().Sub(morning)/(shortLife/2)) + 1
	for name, all := range d.live {
		certificates += len(all)
		if len(all) < most/2 || len(all) > most {
			d.t.Errorf("%s: %d certificates", name, len(all))
		}
	}
	d.t.Logf("%d orders, %d of them spoiled by the CA; %d certificates, in %d attempts", len(orders), spoiled, certificates, d.attempts)
	if spoiled == 0 || len(orders) != certificates+spoiled {
		d.t.Errorf("%d orders for %d certificates and %d that the CA spoiled", len(orders), certificates, spoiled)
	}
}

// flat compares what the process held at two moments when it had nothing to do.
func (d *clockwork) flat(early, late figures) {
	d.t.Helper()
	if late.Descriptors > early.Descriptors || late.Goroutines > early.Goroutines || late.Heap > early.Heap+mostGrowth {
		d.t.Errorf("the process held %v at the second hour, and %v at the last", early, late)
	}
}

// files are the sizes of all that is kept on the machine, by path, but for the archive.
func (d *clockwork) files() map[string]int64 {
	d.t.Helper()
	sizes := map[string]int64{}
	for _, folder := range []string{"letsencrypt", "state", "run"} {
		if err := filepath.WalkDir(filepath.Join(d.dir, folder), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || strings.Contains(path, "/archive/") {
				return err
			}
			info, err := entry.Info()
			if err == nil {
				sizes[path] = info.Size()
			}
			return err
		}); err != nil {
			d.t.Fatal(err)
		}
	}
	return sizes
}

// noLarger compares what was kept at noon with what is kept at night. The ledger has a line more for each attempt, until it is
// written anew, and the archive six of each certificate; nothing else grows.
func (d *clockwork) noLarger(noon, night map[string]int64) {
	d.t.Helper()
	var before, after int64
	for path, size := range night {
		was, there := noon[path]
		switch {
		case filepath.Base(path) == "ledger.jsonl":
			d.t.Logf("the ledger grows from %d to %d bytes", was, size)
			if size > int64(ledgerRow*d.attempts) {
				d.t.Errorf("%d bytes of ledger for %d attempts", size, d.attempts)
			}
		case !there:
			d.t.Errorf("%s was not there at noon", path)
		default:
			before, after = before+was, after+size
		}
	}
	d.t.Logf("all else grows from %d to %d bytes in %d files", before, after, len(night))
	if after > before+before/20 {
		d.t.Errorf("what is kept grows from %d to %d bytes", before, after)
	}
	for _, name := range d.names {
		if all, err := os.ReadDir(d.config("archive", name)); err != nil || len(all) > 4*mostKept {
			d.t.Errorf("%d files in the archive of %s, %v", len(all), name, err)
		}
		deployed, err := os.ReadFile(filepath.Join(d.dir, name+".deployed"))
		if err != nil || !bytes.Equal(deployed, []byte(d.read(d.config("live", name, "fullchain.pem")))) {
			d.t.Errorf("what is deployed is not what is live: %v", err)
		}
	}
}
