package doctor

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"wildcard/internal/certificates"
	"wildcard/internal/fault"
	"wildcard/internal/issuance"
	"wildcard/internal/lineage"
	"wildcard/internal/messages"
)

func lineageKinds() []Kind {
	return []Kind{
		{
			Code: FoundDamaged, Severity: Error, Class: fault.Misconfigured,
			What: fault.Verbatim("%s"),
			Why:  "Servers that are started anew find no certificate that fits its key.",
			Fix:  fault.Verbatim("%s"),
		},
		{
			Code: FoundUnfinished, Severity: Warning,
			What: "a set of files waits that is not live, or one that certbot would take for newer is not good",
			Why:  "A run was cut off; the newest good certificate is not the one in use.",
			Fix:  fault.Verbatim("wildcard doctor --fix %s"),
		},
		{
			Code: FoundOutnumbered, Severity: Warning,
			What: "number %d in its archive is higher than that of the live certificate, and %s",
			Why:  "certbot takes the highest number for the newest certificate, and would make it live.",
			Fix:  fault.Verbatim("%s"),
		},
		{
			Code: FoundUnrepaired, Severity: Error, Class: fault.Misconfigured,
			What: fault.Verbatim("%s"),
			Why:  "There is no good set of files to go back to.",
			Fix:  fault.Verbatim("wildcard issue --force --cert-name %s %s"),
		},
		{
			Code: FoundExpired, Severity: Error, Class: fault.Failed,
			What: "it has expired on %s",
			Why:  "All who connect are refused.",
			Fix:  fault.Verbatim("%s"),
		},
		{
			Code: FoundRevoked, Severity: Error, Class: fault.Failed,
			What: "it was revoked on %s, and none has taken its place",
			Why:  "Those who connect may be refused, each as soon as they learn of it.",
			Fix:  fault.Verbatim("%s"),
		},
		{
			Code: FoundOverdue, Severity: Warning,
			What: "it has been due since %s and is not renewed; it expires on %s",
			Why:  "Something keeps it from being renewed.",
			Fix:  fault.Verbatim("%s"),
		},
		{
			Code: FoundDeploy, Severity: Warning,
			What: "its deploy hooks have not succeeded since it was renewed",
			Why:  "Servers may still use the old certificate.",
			Fix:  fault.Verbatim("wildcard renew --cert-name %s"),
		},
		{
			Code: FoundRolledBack, Severity: Error, Class: fault.Failed,
			What: "its newer certificate was not served where it should be, so the former one is live",
			Why:  "Servers keep the old certificate, and it is not renewed until its last day.",
			Fix:  fault.Verbatim("wildcard deploy %s"),
		},
	}
}

// repair puts the files of our own lineages in order, and the mark with which certbot passes them over, each under its order
// lock and certbot's, and returns the cases as they are then.
func (v *visit) repair(ctx context.Context, cases []Case) []Case {
	for i, c := range cases {
		if !c.ours() || !c.Lineage.NeedsRepair() && passedOver(c.Lineage) {
			continue
		}
		repaired, err := v.mend(ctx, c.Lineage.Name)
		if err != nil {
			v.fail(FoundUnrepaired, c.Lineage.Name, err, lineage.Quote(c.Lineage.Name), quoted(c.Domains))
			continue
		}
		cases[i].Lineage = repaired
		v.report.Repaired = append(v.report.Repaired, c.Lineage.Name)
	}
	return cases
}

func (v *visit) mend(ctx context.Context, name string) (*lineage.Lineage, error) {
	lock, err := v.Store.LockOrder(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = lock.Unlock() }()
	l, err := v.Store.Lineage(name)
	if err != nil {
		return nil, err
	}
	if l.NeedsRepair() {
		if l, err = l.Repair(ctx); err != nil {
			return nil, err
		}
	}
	if !passedOver(l) {
		return l.Adopt(ctx, nil)
	}
	return l, nil
}

// passedOver reports whether certbot's own renewals leave a lineage alone. What is not there is True to certbot (storage.py,
// autorenewal_is_enabled).
func passedOver(l *lineage.Lineage) bool {
	value, _ := l.Conf.Get("renewalparams", "autorenew")
	return strings.EqualFold(value, "false")
}

// revoked finds the certificates that were revoked from this machine and are live still, also those of
// certbot's that are no case.
func (v *visit) revoked(ctx context.Context) {
	if known, err := v.State.AnyRevoked(); err != nil || !known {
		return // lineage finds what cannot be read
	}
	for l, err := range v.Store.All() {
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			continue // store finds it
		}
		is, _ := certificates.ConditionOf(l, v.State, v.now())
		if is.Status != certificates.StatusRevoked {
			continue
		}
		renew := "certbot renew --force-renewal --cert-name " + lineage.Quote(l.Name)
		if l.Owned() {
			renew = "wildcard renew --cert-name " + l.Name
		}
		v.find(FoundRevoked, l.Name, []any{is.Revoked.Format("2006-01-02")}, renew)
	}
}

// outnumbered finds sets that have a higher number than the live one, and are not to be live.
func (v *visit) outnumbered(l *lineage.Lineage) {
	const day = "2006-01-02"
	for _, set := range l.Older {
		why := because("it is for other names: %s", strings.Join(set.Leaf.DNSNames, " "))
		switch {
		case set.Leaf.NotAfter.Before(l.Leaf.NotAfter):
			why = because("it is an older set: it ends on %s, the live one on %s", set.Leaf.NotAfter.UTC().Format(day),
				l.Leaf.NotAfter.UTC().Format(day))
		case v.now().Before(set.Leaf.NotBefore):
			why = because("it is not valid before %s", set.Leaf.NotBefore.UTC().Format(day))
		}
		fix := "wildcard renew --cert-name " + l.Name
		if !l.Owned() {
			fix = fmt.Sprintf("cd %s && for f in cert chain fullchain privkey; do mv ${f}%d.pem older-${f}%d.pem; done",
				lineage.Quote(filepath.Join(v.Store.Dir(), "archive", l.Name)), set.Number, set.Number)
		}
		v.find(FoundOutnumbered, l.Name, []any{set.Number, why}, fix)
	}
}

// others looks at the certificates of certbot's that are no case: certbot's timer may renew them, and whether it does shows in their
// files alone.
func (v *visit) others(ctx context.Context, cases []Case) {
	none := true
	for l, err := range v.Store.All() {
		none = false
		if ctx.Err() != nil {
			return
		}
		isCase := func(c Case) bool { return c.Lineage != nil && c.Lineage.Name == l.Name }
		if err != nil || l.Owned() || slices.ContainsFunc(cases, isCase) {
			continue // store finds what cannot be read
		}
		v.lineage(ctx, Case{Lineage: l})
	}
	if none {
		v.good(v.Store.Dir(), "there is no certificate in it")
	}
}

// lastRun finds out whether renew runs at all, where something is to be renewed.
func (v *visit) lastRun(context.Context) {
	if v.State == nil {
		return
	}
	w, err := v.State.Watch()
	since, late := certificates.RunIsLate(w, v.now())
	if err != nil || !late {
		return
	}
	for l, err := range v.Store.All() {
		if err == nil && l.Owned() {
			v.find(FoundLastRun, "wildcard renew", []any{messages.Instant(since)})
			return
		}
	}
}

// half finds files of certificates that have no .conf.
func (v *visit) half() {
	for _, dir := range v.Store.Half() {
		name := filepath.Base(dir)
		aside := filepath.Join(filepath.Dir(dir), ".old-"+name)
		v.find(FoundHalf, dir, []any{dir, name}, lineage.Quote(dir), lineage.Quote(aside))
	}
}

// lineage looks at the files of a certificate that is there, and at its dates.
func (v *visit) lineage(_ context.Context, c Case) {
	l := c.Lineage
	switch {
	case l.Damage != nil:
		fix, class := "wildcard doctor --fix "+l.Name, fault.Misconfigured
		if !l.Owned() {
			fix = "certbot certificates; certbot renew --force-renewal --cert-name " + lineage.Quote(l.Name)
			class = fault.Failed
		}
		v.fail(FoundDamaged, l.Name, fault.Errorf(lineage.CodeDamaged, class,
			"its files are not as they should be: %w", l.Damage), fix)
		return
	case l.Owned() && l.NeedsRepair():
		v.find(FoundUnfinished, l.Name, nil, l.Name)
	}
	v.outnumbered(l)
	const day = "2006-01-02"
	now, until := v.now(), l.Leaf.NotAfter
	renew := "certbot renew --cert-name " + lineage.Quote(l.Name)
	if l.Owned() {
		renew = "wildcard renew --cert-name " + l.Name
	}
	is, err := certificates.ConditionOf(l, v.State, now)
	if err != nil {
		v.find(FoundFolder, v.Dirs.State, []any{v.Dirs.State,
			because("has a list of revoked certificates that cannot be read: %s", messages.OneLine(err.Error()))},
			"ls -l "+lineage.Quote(v.Dirs.State))
	}
	switch is.Status {
	case certificates.StatusExpired:
		v.find(FoundExpired, l.Name, []any{until.UTC().Format(day)}, renew)
		return
	case certificates.StatusRevoked:
		return // revoked finds it
	}
	v.good(l.Name, "files complete; valid until %s", until.UTC().Format(day))
	if !now.Before(issuance.OverdueAt(is.RenewAt, until)) {
		v.find(FoundOverdue, l.Name, []any{is.RenewAt.UTC().Format(day), until.UTC().Format(day)}, renew)
	}
	switch {
	case c.Settings.RolledBack != "":
		v.find(FoundRolledBack, l.Name, nil, l.Name)
	case c.Settings.Deploy:
		v.find(FoundDeploy, l.Name, nil, l.Name)
	}
}
