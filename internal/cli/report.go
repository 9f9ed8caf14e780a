package cli

import (
	"errors"
	"slices"
	"strings"
	"time"

	"wildcard/internal/certificates"
	"wildcard/internal/fault"
	"wildcard/internal/lineage"
	"wildcard/internal/messages"
)

// issueAnswer is the answer of "issue --json".
type issueAnswer struct {
	Action   string            `json:"action"` // issued, renewed, kept, tested
	Lineage  string            `json:"lineage,omitempty"`
	Names    []string          `json:"names"`
	Paths    *paths            `json:"paths,omitempty"`
	Out      string            `json:"out,omitempty"`
	NotAfter time.Time         `json:"not_after"`
	RenewAt  *time.Time        `json:"renew_at,omitempty"`
	Server   string            `json:"server,omitempty"`
	Account  string            `json:"account,omitempty"`
	Warnings []string          `json:"warnings,omitempty"`
	Extra    float64           `json:"extra_wait,omitempty"`          // seconds
	Forgot   float64           `json:"waited_for_ca_cache,omitempty"` // seconds
	CleanUp  *messages.Failure `json:"cleanup_pending,omitempty"`
	Deploy   *messages.Failure `json:"deploy_failed,omitempty"`
}

// paths are where a lineage's files are.
type paths struct {
	Certificate string `json:"cert"`
	Chain       string `json:"chain"`
	Fullchain   string `json:"fullchain"`
	Key         string `json:"privkey"`
	Combined    string `json:"combined,omitempty"`
	PKCS12      string `json:"pkcs12,omitempty"`
	JKS         string `json:"jks,omitempty"`
}

func pathsOf(l *lineage.Lineage) *paths {
	s, _ := l.Conf.Settings()
	return &paths{l.Path("cert"), l.Path("chain"), l.Path("fullchain"), l.Path("privkey"), s.Combined,
		s.PKCS12, s.JKS}
}

// reportObtained prints what came of "issue", and returns what of it is a failure all the same.
func reportObtained(m *machine, got certificates.Result) error {
	answer := issueAnswer{
		Action: string(got.Outcome), Names: got.Leaf.DNSNames, NotAfter: got.Leaf.NotAfter.UTC(), Server: got.Server,
		Account: got.Account, Warnings: m.texts(slices.Concat(got.LeftOut, got.Warnings)), Extra: got.ExtraWait.Seconds(),
		Forgot: got.Forgot.Round(time.Millisecond).Seconds(), CleanUp: m.errorOf(got.CleanUp), Deploy: m.errorOf(got.Deploy),
	}
	due := got.Due.At
	if got.Lineage != nil {
		at := due.UTC()
		answer.Lineage, answer.Paths, answer.RenewAt = got.Name, pathsOf(got.Lineage), &at
	}
	left := errors.Join(got.Deploy, got.CleanUp)
	if m.json {
		m.answer(answer)
		if left != nil {
			return &outcomeError{fault.ExitCode(left)}
		}
		return nil
	}
	if m.quiet {
		return left
	}
	switch got.Outcome {
	case certificates.Kept:
		m.say("%s is valid until %s; nothing to do before %s (%s).", answer.Lineage, messages.Instant(answer.NotAfter),
			messages.Instant(due), until(m.now(), due))
	case certificates.Tested:
		m.say("Dry run succeeded: %s issued a certificate for %s. Nothing was saved.", got.Server,
			strings.Join(answer.Names, " "))
	default:
		m.say("Certificate for %s", strings.Join(answer.Names, " "))
		d := m.details()
		d.Value("fullchain", answer.Paths.Fullchain)
		d.Value("key", answer.Paths.Key)
		d.Value("combined", answer.Paths.Combined)
		d.Value("PKCS #12", answer.Paths.PKCS12)
		d.Value("JKS", answer.Paths.JKS)
		d.Entry("valid", messages.New("until %s", messages.Instant(answer.NotAfter)))
		d.Entry("renewal", messages.New("from %s (%s), by \"wildcard renew\"", messages.Instant(due), until(m.now(), due)))
	}
	if base := uncovered(got.Names); base != "" {
		m.display.Notice("%s itself is not covered by *.%s; to add it: wildcard issue %s %s", base, base, quoted(got.Names),
			base)
	}
	return left
}

// reportCSR prints what came of "issue --csr".
func reportCSR(m *machine, out string, got certificates.Result) error {
	if m.json {
		m.answer(issueAnswer{Action: "issued", Names: got.Leaf.DNSNames, Out: out, NotAfter: got.Leaf.NotAfter.UTC(),
			Warnings: m.texts(got.Warnings), CleanUp: m.errorOf(got.CleanUp)})
		if got.CleanUp != nil {
			return &outcomeError{fault.ExitCode(got.CleanUp)}
		}
		return nil
	}
	if m.quiet {
		return got.CleanUp
	}
	m.say("Certificate for %s", strings.Join(got.Leaf.DNSNames, " "))
	m.details().Value("fullchain", out)
	m.details().Entry("valid", messages.New("until %s", messages.Instant(got.Leaf.NotAfter)))
	return got.CleanUp
}

// quoted writes names for a shell.
func quoted(names []string) string {
	var all []string
	for _, name := range names {
		if strings.HasPrefix(name, "*") {
			name = "'" + name + "'"
		}
		all = append(all, name)
	}
	return strings.Join(all, " ")
}
