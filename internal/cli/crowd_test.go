//go:build load

package cli

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"wildcard/conoha/conohatest"

	"wildcard/internal/certificates"
)

// What a run may hold at once, whatever it has to do: so many certificates are renewed side by side, each with so many
// questions under way to each address of a name server (propagation.abreast), over so many connections to the CA
// (issuance.connections) and to each account at ConoHa (providers/httpclient).
const (
	mostQuestions        = 16
	mostToCA             = 8
	mostToAccount        = 4
	idleConnections      = 90 * time.Second // after which providers/httpclient closes them; a slow machine's run makes new ones
	mostFiles            = 8                // of one certificate at a time: locks, and what is written
	mostNames            = 50               // on one of our certificates; each may have a goroutine that waits for its turn
	mostLive             = 32               // MiB
	crowdNameServers     = 5                // of both generations
	crowdAccounts        = 2
	reusedAuthorizations = 10 // percent at most; pebbletest's comment has why
)

// A run with 1,000 names on 40 certificates, in 50 zones at both generations of ConoHa. The CA wants all of them replaced at once,
// as after a mass revocation, and the machine was started anew, so that nothing is remembered of the DNS accounts.
func TestCrowd(t *testing.T) {
	t.Parallel()
	w := newCrowd(t)
	w.issueAll()
	w.renewAtOnce()
	if err := os.RemoveAll(filepath.Join(w.dir, "run")); err != nil {
		t.Fatal(err)
	}
	w.conoha.SetLatency(30 * time.Millisecond)
	w.conoha.SetPublicationDelay(time.Second, 2*time.Second, 1500*time.Millisecond)
	w.conoha.ResetLog()
	w.requests.reset()

	began := time.Now()
	done, got := w.measure().run(errand{Args: []string{"renew", "--no-jitter", "--json"}})
	elapsed := time.Since(began)
	answer := answerOf[renewAnswer](got.exits(0))
	if len(answer.Renewed) != len(w.certificates) || answer.Kept != 0 || len(answer.Failed) != 0 {
		t.Errorf("%d renewed, %d kept, %+v failed", len(answer.Renewed), answer.Kept, answer.Failed)
	}
	names := w.areNew()
	w.nothingLeft()
	t.Logf("%d names on %d certificates in %v: %.1f names/s", names, len(w.certificates), elapsed.Round(time.Second), float64(names)/elapsed.Seconds())
	w.askedLittle(names, elapsed)
	w.tookLittle(done)
}

// askedLittle fails the test unless ConoHa and the CA were asked once for each thing that is done once.
func (w *crowd) askedLittle(names int, elapsed time.Duration) {
	w.t.Helper()
	calls, acme := w.conoha.Calls(), w.requests.all()
	questions, busiest := w.questions()
	w.t.Logf("ConoHa: %+v; %d questions about records to name servers, at most %d of them to one server in a second", calls, questions, busiest)
	w.t.Logf("ACME: %v, %.2f requests a name", acme, float64(acme.total())/float64(names))
	values := acme["/chalZ/"] // each needs a record; the other names are authorized already
	if values > names || values < names-names*reusedAuthorizations/100 {
		w.t.Errorf("%d challenges were answered for %d names", values, names)
	}
	// On a busy machine a connection may wait long enough for its next call to be closed: each may have been made once more.
	connections := crowdAccounts * mostToAccount * (2 + int(elapsed/idleConnections))
	if calls.Logins != crowdAccounts || calls.ZoneLists != crowdAccounts || calls.Creates != values || calls.Deletes != values ||
		calls.RecordLists+calls.Gets+calls.Other != 0 || calls.Connections > connections {
		w.t.Errorf("calls of ConoHa for %d values: %+v", values, calls)
	}
	for endpoint, want := range map[string]int{
		"/dir": 1, "/finalize-order/": len(w.certificates), "/certZ/": len(w.certificates),
		"/draft-ietf-acme-ari-03/renewalInfo/": len(w.certificates), "/sign-me-up": 0,
	} {
		if acme[endpoint] != want {
			w.t.Errorf("%d requests to %s, want %d", acme[endpoint], endpoint, want)
		}
	}
	// An order that the CA answers with 500 is tried again, and then without what it replaces.
	if orders := acme["/order-plz"] - len(w.certificates); orders < w.lost || orders > 8*w.lost {
		w.t.Errorf("%d requests to /order-plz, for %d certificates of which the CA does not find %d", acme["/order-plz"], len(w.certificates), w.lost)
	}
	// How the validations go is asked of the order, which says it for all its names, and now and then of one authorization. Each
	// authorization is fetched once before. The order is fetched at least twice: after the answers, and once it is finalized.
	polls := acme["/my-order/"] + acme["/authZ/"] - names
	if acme["/authZ/"] < names || acme["/my-order/"] < 2*len(w.certificates) || polls > values/2 {
		w.t.Errorf("%d times asked how the validation of %d names on %d certificates goes", polls, values, len(w.certificates))
	}
	if acme["/nonce-plz"] > values/4 { // nonces come with the replies
		w.t.Errorf("%d nonces asked for", acme["/nonce-plz"])
	}
}

// questions are how many times name servers were asked for records, and the most of one server within one second.
func (w *crowd) questions() (all, busiest int) {
	perSecond := map[string]int{}
	for _, q := range w.conoha.Questions() {
		if q.Type != "TXT" || q.Server == conohatest.ValidationResolverName {
			continue
		}
		second := q.Server + q.At.Format(" 15:04:05")
		perSecond[second]++
		all, busiest = all+1, max(busiest, perSecond[second])
	}
	return all, busiest
}

// tookLittle fails the test unless descriptors, goroutines and memory stayed within what the limits above allow, and at the end
// of the run were what they had been at its beginning.
func (w *crowd) tookLittle(done outcome) {
	w.t.Helper()
	quarter := len(done.During) / 4
	var usual []figures
	for i := range 4 {
		part := done.During[i*quarter : (i+1)*quarter]
		usual = append(usual, median(part))
		w.t.Logf("quarter %d of the run: usually %v; at most %v", i+1, usual[i], peak(part))
	}
	w.t.Logf("before: %v; after: %v; at most %d MiB resident", done.Before, done.After, done.Resident>>20)
	most, limit := peak(done.During), figures{
		Descriptors: done.Before.Descriptors + certificates.RenewalsAtOnce*(mostQuestions*crowdNameServers+mostFiles) + mostToCA + crowdAccounts*mostToAccount,
		Goroutines:  done.Before.Goroutines + certificates.RenewalsAtOnce*(mostNames+(mostQuestions+1)*crowdNameServers+mostFiles) + 3*(mostToCA+crowdAccounts*mostToAccount) + mostFiles,
		Heap:        mostLive << 20,
	}
	if most.Descriptors > limit.Descriptors || most.Goroutines > limit.Goroutines || most.Heap > limit.Heap {
		w.t.Errorf("at most %v; allowed are %v", most, limit)
	}
	first, last := peak(usual[:2]), usual[3]
	if last.Descriptors > 2*first.Descriptors || last.Goroutines > 2*first.Goroutines || last.Heap > first.Heap+4<<20 {
		w.t.Errorf("usual at first: %v; at last: %v", first, last)
	}
}

// peak is the most of each that there was at any of these moments.
func peak(moments []figures) (most figures) {
	for _, f := range moments {
		most.Descriptors = max(most.Descriptors, f.Descriptors)
		most.Goroutines = max(most.Goroutines, f.Goroutines)
		most.Heap = max(most.Heap, f.Heap)
	}
	return most
}

// median is what there is usually of each.
func median(moments []figures) figures {
	middle := func(of func(f figures) uint64) uint64 {
		var all []uint64
		for _, f := range moments {
			all = append(all, of(f))
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	return figures{
		Descriptors: int(middle(func(f figures) uint64 { return uint64(f.Descriptors) })),
		Goroutines:  int(middle(func(f figures) uint64 { return uint64(f.Goroutines) })),
		Heap:        middle(func(f figures) uint64 { return f.Heap }),
	}
}
