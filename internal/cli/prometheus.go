package cli

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/urfave/cli/v2"

	"wildcard/internal/certificates"
	"wildcard/internal/dns01/journal"
	"wildcard/internal/dns01/propagation"
	"wildcard/internal/metrics"
	"wildcard/internal/state"
)

// prometheusFlag is that of issue, renew and list. Which file it is belongs to the machine, so no lineage keeps it: units
// set the variable.
func prometheusFlag() cli.Flag {
	return &cli.StringFlag{Name: "prometheus", Usage: "`FILE`.prom for measurements (WILDCARD_PROMETHEUS)"}
}

// prometheusFile is the file that measurements are wanted in, "" for none.
func (p *program) prometheusFile(c *cli.Context) (string, error) {
	path, err := p.path(c, "prometheus", "WILDCARD_PROMETHEUS")
	if err == nil && path.Value != "" && filepath.Ext(path.Value) != ".prom" {
		err = usage("--prometheus %s: the collector passes over what does not end in .prom", path.Value)
	}
	return path.Value, err
}

// measure writes the measurements at the end of a run, whatever came of it. A file that cannot be written is said, and is
// no failure of the run: wildcard_last_run_timestamp_seconds stands still then.
func measure(m *machine, ctx context.Context, path string) {
	if path == "" {
		return
	}
	if err := writeMeasurements(m, context.WithoutCancel(ctx), path); err != nil {
		m.complain(err)
	}
}

func writeMeasurements(m *machine, ctx context.Context, path string) error {
	ledger := m.manager.State
	lines, err := listLinesOf(m, ctx, ledger)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := metrics.Write(&text, measurements(m, lines, ledger)); err != nil {
		return err
	}
	return output("--prometheus", path, text.Bytes())
}

// measurements are all families, in the order in which the file has them.
func measurements(m *machine, lines []listLine, ledger *state.State) []metrics.Family {
	build := metrics.Family{Name: "wildcard_build_info", Help: "Version of the program that wrote this file."}
	build.Add(1, "version", version(), "goversion", runtime.Version())
	lastRun := metrics.Family{Name: "wildcard_last_run_timestamp_seconds",
		Help: "When wildcard renew, or issue, last looked after the certificates."}
	if ledger != nil {
		if w, err := ledger.Watch(); err == nil {
			lastRun.AddTime(w.LastRun)
		}
	}
	records := metrics.Family{Name: "wildcard_journal_records",
		Help: "TXT records that were created and are not deleted yet."}
	if n, err := journalledRecords(m); err == nil {
		records.Add(float64(n))
	}
	delays := metrics.Family{Name: "wildcard_publication_seconds", Help: "How long the last record of a zone took until all name servers had it."}
	found := propagation.LastDelays(filepath.Join(m.dirs.State, "history"))
	for _, zone := range slices.Sorted(maps.Keys(found)) {
		delays.Add(found[zone].Seconds(), "zone", zone)
	}
	return slices.Concat([]metrics.Family{build, lastRun, records, delays}, certificateFamilies(lines))
}

// certificateFamilies are those with a sample for each certificate.
func certificateFamilies(lines []listLine) []metrics.Family {
	end := metrics.Family{Name: "wildcard_certificate_not_after_timestamp_seconds", Help: "When the certificate expires."}
	renewal := metrics.Family{Name: "wildcard_certificate_renewal_timestamp_seconds",
		Help: "When the certificate is due for renewal."}
	success := metrics.Family{Name: "wildcard_certificate_last_success_timestamp_seconds",
		Help: "When it was last obtained."}
	failure := metrics.Family{Name: "wildcard_certificate_last_failure_timestamp_seconds",
		Help: "When obtaining it last failed."}
	failures := metrics.Family{Name: "wildcard_certificate_consecutive_failures",
		Help: "Failures since it was last obtained."}
	healthy := metrics.Family{Name: "wildcard_certificate_files_good",
		Help: "1 if its files are complete and match, else 0."}
	revoked := metrics.Family{Name: "wildcard_certificate_revoked",
		Help: "1 if it was revoked from this machine and is not replaced yet, else 0."}
	waiting := metrics.Family{Name: "wildcard_certificate_deploy_pending",
		Help: "1 if its deploy hooks have yet to succeed, else 0."}
	for _, line := range lines {
		labels := []string{"lineage", line.Lineage, "owner", line.Owner}
		if line.NotAfter != nil {
			end.AddTime(*line.NotAfter, labels...)
		}
		status := certificates.Status(line.Status)
		healthy.Add(number(status != certificates.StatusDamaged && status != certificates.StatusUnreadable), labels...)
		revoked.Add(number(line.RevokedAt != nil), labels...)
		if line.Owner != "wildcard" {
			continue
		}
		if line.RenewAt != nil {
			renewal.AddTime(*line.RenewAt, labels...)
		}
		success.AddTime(line.history.LastSuccess.Time, labels...)
		failure.AddTime(line.history.LastFailure.Time, labels...)
		failures.Add(float64(line.history.Last.Failures), labels...)
		waiting.Add(number(line.deploy), labels...)
	}
	return []metrics.Family{end, renewal, success, failure, failures, healthy, revoked, waiting}
}

func number(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// journalledRecords is how many records the journal has.
func journalledRecords(m *machine) (int, error) {
	j, err := journal.Open(filepath.Join(m.dirs.State, "journal"), m.log)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	entries, damaged, err := j.Entries()
	entries = slices.DeleteFunc(entries, func(e journal.Entry) bool { return e.Stands() })
	return len(entries) + len(damaged), err
}
