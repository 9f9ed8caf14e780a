package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wildcard/internal/fault"
	"wildcard/providers"
)

// Fault 109: kill -9 right after the record was created. Another process deletes exactly this record.
func TestSweep_Fault109_Killed(t *testing.T) {
	t.Parallel()
	j := open(t)
	victim := start(t, j, "add")
	victim.tell(t)
	victim.says(t)
	living := sample(self(t))
	living.Value, living.KeyAuth = "BBBB_second_value_43_characters_long_BBBBBB", ""
	alive, err := j.Add(living)
	if err != nil {
		t.Fatal(err)
	}
	ours := "_acme-challenge.example.com. " + value43 + " zone/record"
	others := []string{
		"_acme-challenge.example.com. " + value43 + " zone/another",
		"_acme-challenge.example.com. " + strings.ToLower(value43) + " zone/3",
		"_acme-challenge.www.example.com. " + value43 + " zone/4",
	}
	s := &service{zones: []string{"example.net.", "Example.com"}, records: append(slices.Clone(others), ours)}
	stranger := &service{zones: s.zones}
	accounts := []providers.Account{{Provider: stranger, Fingerprint: "other"}, {Provider: s, Fingerprint: alive.Fingerprint}}
	if report, err := j.Sweep(t.Context(), accounts, nil); err != nil || len(report.Swept)+len(report.Kept) != 0 || len(s.cleaned) != 0 {
		t.Fatalf("swept the living: %+v, %v", report, err)
	}
	victim.kill()
	report, err := j.Sweep(t.Context(), accounts, nil)
	if err != nil || len(report.Swept) != 1 || len(report.Kept) != 0 {
		t.Fatalf("%+v, %v", report, err)
	}
	if !slices.Equal(s.cleaned, []string{ours}) || !slices.Equal(s.records, others) {
		t.Errorf("deleted %q, left %q", s.cleaned, s.records)
	}
	if len(stranger.cleaned)+len(stranger.listed) > 0 {
		t.Error("another account was asked")
	}
	if got := entries(t, j); len(got) != 1 || got[0] != alive {
		t.Errorf("left %+v", got)
	}
}

func TestSweep_Keeps(t *testing.T) {
	t.Parallel()
	down := errors.New("503")
	for name, test := range map[string]struct {
		account providers.Account
		service *service
		asked   bool
		code    string
	}{
		"another account":         {account: providers.Account{Fingerprint: "other"}, service: &service{zones: []string{"example.com."}}, code: fault.CodeMissing},
		"the zone is not listed":  {service: &service{zones: []string{"com.", "example.net.", "sub.example.com."}}, code: fault.CodeNoZone},
		"the service is in error": {service: &service{zones: []string{"example.com."}, err: down}, asked: true},
		"bound to another zone": {
			account: providers.Account{Provider: blind{}, Spec: providers.Spec{Zone: "example.net.", Name: "rfc2136"}},
			service: &service{}, code: fault.CodeNoZone,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := open(t)
			ended, err := j.Add(ofTheDead(t))
			if err != nil {
				t.Fatal(err)
			}
			if test.account.Fingerprint == "" {
				test.account.Fingerprint = ended.Fingerprint
			}
			if test.account.Provider == nil {
				test.account.Provider = test.service
			} else {
				test.account.Provider = blind{test.service}
			}
			report, err := j.Sweep(t.Context(), []providers.Account{test.account}, nil)
			ended.CleaningUp = test.asked // no run may count on the record any more
			if err != nil || len(report.Kept) != 1 || report.Kept[0].Entry != ended || len(report.Swept) != 0 {
				t.Fatalf("%+v, %v", report, err)
			}
			if reason := report.Kept[0].Reason; fault.CodeOf(reason) != test.code || test.asked && !errors.Is(reason, down) {
				t.Errorf("kept because of %v", reason)
			}
			if (len(test.service.cleaned) > 0) != test.asked {
				t.Errorf("asked to delete %q", test.service.cleaned)
			}
			if got := entries(t, j); !slices.Equal(got, []Entry{ended}) {
				t.Errorf("left %+v", got)
			}
		})
	}
}

// An account may be open twice, for two zones.
func TestSweep_ChoosesTheAccount(t *testing.T) {
	t.Parallel()
	j := open(t)
	ended, err := j.Add(ofTheDead(t))
	if err != nil {
		t.Fatal(err)
	}
	wrong, right := &service{}, &service{}
	account := func(s *service, zone string) providers.Account {
		return providers.Account{Provider: blind{s}, Fingerprint: ended.Fingerprint, Spec: providers.Spec{Zone: zone, Name: "rfc2136"}}
	}
	report, err := j.Sweep(t.Context(), []providers.Account{account(wrong, "example.net."), account(right, "example.com.")}, nil)
	if err != nil || len(report.Swept) != 1 || len(wrong.cleaned) != 0 || len(right.cleaned) != 1 {
		t.Errorf("%+v, %v; deleted %q, %q", report, err, wrong.cleaned, right.cleaned)
	}
}

// ofTheDead is an entry of a process of ours that has ended.
func ofTheDead(t *testing.T) Entry {
	t.Helper()
	owner := self(t)
	owner.StartTime++ // the number now belongs to us, who began at another time
	e := sample(owner)
	e.Handle = "zone/record"
	return e
}

// late is a service at which a killed process's create call arrives after the first look.
type late struct{ service }

func (l *late) CleanUp(ctx context.Context, c providers.Challenge, h providers.Handle) error {
	err := l.service.CleanUp(ctx, c, h)
	if len(l.cleaned) == 1 {
		l.records = []string{c.FQDN + " " + c.Value + " zone/late"}
	}
	return err
}

func TestSweep_CreateUnderWay(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		handle providers.Handle
		age    time.Duration
		looks  int
	}{
		"just killed":         {looks: 2},
		"nine seconds ago":    {age: 9 * time.Second, looks: 2},
		"clock set back":      {age: -time.Hour, looks: 2},
		"long ago":            {age: fresh, looks: 1},
		"the handle is known": {handle: "zone/record", looks: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := open(t)
			now := time.Now()
			j.now = func() time.Time { return now }
			e := ofTheDead(t)
			e.Handle = test.handle
			e, err := j.Add(e)
			if err != nil {
				t.Fatal(err)
			}
			now = now.Add(test.age)
			s := &late{service{zones: []string{"example.com."}}}
			report, err := j.Sweep(t.Context(), []providers.Account{{Provider: s, Fingerprint: e.Fingerprint}}, nil)
			if err != nil || len(report.Swept) != 1 || len(s.cleaned) != test.looks {
				t.Errorf("looked %d times: %+v, %v", len(s.cleaned), report, err)
			}
			if test.looks == 2 && len(s.records) > 0 {
				t.Errorf("left %q", s.records)
			}
		})
	}
}

// All that a process had under way when it was killed is removed by one that starts at once, in the time that a start has for
// it, however many names its certificate has.
func TestSweep_ManyUnderWay(t *testing.T) {
	t.Parallel()
	j := open(t)
	ended := ofTheDead(t)
	ended.Handle = ""
	synctest.Test(t, func(t *testing.T) {
		const n = 20
		for range n {
			if _, err := j.Add(ended); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		s := &service{zones: []string{"example.com."}}
		report, err := j.Sweep(ctx, []providers.Account{{Provider: s, Fingerprint: ended.Fingerprint}}, nil)
		if err != nil || len(report.Swept) != n || len(report.Kept) != 0 || len(s.cleaned) != 2*n {
			t.Errorf("%d swept, %d kept, looked %d times, %v", len(report.Swept), len(report.Kept), len(s.cleaned), err)
		}
	})
}

// Several processes sweep the same entries. Each entry is deleted by whom it may, and none minds that it is deleted.
func TestSweep_ManyAtOnce(t *testing.T) {
	t.Parallel()
	j := open(t)
	const n = 10
	for range n {
		if _, err := j.Add(ofTheDead(t)); err != nil {
			t.Fatal(err)
		}
	}
	sweepers := []child{start(t, j, "sweep"), start(t, j, "sweep"), start(t, j, "sweep")}
	for _, c := range sweepers {
		c.tell(t)
	}
	total := 0
	for _, c := range sweepers {
		var swept, kept int
		if _, err := fmt.Sscan(c.says(t), &swept, &kept); err != nil || kept > 0 {
			t.Errorf("%d swept, %d kept, %v", swept, kept, err)
		}
		total += swept
	}
	if total < n {
		t.Errorf("%d swept", total)
	}
	if got := files(t, j); len(got) != 0 {
		t.Errorf("left %q", got)
	}
}

// An account that hangs is asked once, however many entries it has, and the others get their turn.
func TestSweep_OneHangs(t *testing.T) {
	t.Parallel()
	j := open(t)
	slow := ofTheDead(t)
	slow.Fingerprint = "slow"
	const n = 30
	for range n {
		if _, err := j.Add(slow); err != nil {
			t.Fatal(err)
		}
	}
	quick, err := j.Add(ofTheDead(t))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	h := &hanging{service{zones: []string{"example.com."}}}
	report, err := j.Sweep(ctx, []providers.Account{
		{Provider: h, Fingerprint: "slow"},
		{Provider: &service{zones: []string{"example.com."}}, Fingerprint: quick.Fingerprint},
	}, nil)
	quick.CleaningUp = true
	if err != nil || !slices.Equal(report.Swept, []Entry{quick}) || len(report.Kept) != n {
		t.Errorf("%+v, %v", report, err)
	}
	for _, k := range report.Kept {
		if !errors.Is(k.Reason, context.DeadlineExceeded) {
			t.Errorf("kept because of %v", k.Reason)
		}
	}
	if len(h.cleaned) != 1 {
		t.Errorf("asked %d times", len(h.cleaned))
	}
}

func TestSweep_NoTime(t *testing.T) {
	t.Parallel()
	j := open(t)
	ended, err := j.Add(ofTheDead(t))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := &service{zones: []string{"example.com."}}
	report, err := j.Sweep(ctx, []providers.Account{{Provider: s, Fingerprint: ended.Fingerprint}}, nil)
	if err != nil || len(report.Kept) != 1 || !errors.Is(report.Kept[0].Reason, context.Canceled) || len(s.cleaned)+len(s.listed) != 0 {
		t.Errorf("%+v, %v", report, err)
	}
}

// An owner that cannot be judged is left alone for three hours.
func TestSweep_UnknownOwner(t *testing.T) {
	t.Parallel()
	j := open(t)
	e := sample(self(t))
	e.Owner.PIDNamespace = "pid:[1]"
	e, err := j.Add(e)
	if err != nil {
		t.Fatal(err)
	}
	accounts := []providers.Account{{Provider: &service{zones: []string{"example.com."}}, Fingerprint: e.Fingerprint}}
	for _, test := range []struct {
		age   time.Duration
		swept int
	}{{0, 0}, {-100 * time.Hour, 0}, {mostUnknown, 0}, {mostUnknown + time.Second, 1}} {
		j.now = func() time.Time { return e.Created.Add(test.age) }
		report, err := j.Sweep(t.Context(), accounts, nil)
		if err != nil || len(report.Swept) != test.swept || len(report.Kept) != 0 {
			t.Errorf("after %v: %+v, %v", test.age, report, err)
		}
	}
}

// What a process has when it says that it is alone is a former run's; what it adds or takes over after that is in use, also where the
// clock was set back meanwhile.
func TestSweep_FormerRunOfThisProcess(t *testing.T) {
	t.Parallel()
	j := open(t)
	former, err := j.Add(sample(self(t)))
	if err != nil {
		t.Fatal(err)
	}
	another := sample(self(t))
	another.Value, another.KeyAuth = "CCCC_third_value_43_characters_long_CCCCCCC", ""
	again, err := j.Add(another)
	if err != nil {
		t.Fatal(err)
	}
	s := &service{zones: []string{"example.com."}, records: []string{former.FQDN + " " + former.Value + " " + string(former.Handle)}}
	accounts := []providers.Account{{Provider: s, Fingerprint: former.Fingerprint}}
	if report, err := j.Sweep(t.Context(), accounts, nil); err != nil || len(report.Swept)+len(report.Kept) != 0 {
		t.Fatalf("swept what is in use: %+v %v", report, err)
	}
	if err := j.Alone(); err != nil {
		t.Fatal(err)
	}
	j.now = func() time.Time { return former.Created.Add(-time.Hour) }
	taken, ok, _, err := j.TakeOver(t.Context(), another, false)
	if err != nil || !ok || taken.ID != again.ID {
		t.Fatalf("%+v %t %v", taken, ok, err)
	}
	now := sample(self(t))
	now.Value, now.KeyAuth = "BBBB_second_value_43_characters_long_BBBBBB", ""
	current, err := j.Add(now)
	if err != nil {
		t.Fatal(err)
	}
	if report, err := j.Sweep(t.Context(), accounts, nil); err != nil || len(report.Swept) != 1 || report.Swept[0].ID != former.ID {
		t.Errorf("%+v %v", report, err)
	}
	if left := entries(t, j); len(left) != 2 || !slices.Contains(left, taken) || !slices.Contains(left, current) {
		t.Errorf("left %+v", left)
	}
}
