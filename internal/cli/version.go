package cli

import (
	"cmp"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"wildcard/internal/messages"
)

func versionCommand(p *program) *cli.Command {
	return &cli.Command{
		Name:      "version",
		Usage:     "the version, commit and Go of this program",
		UsageText: "wildcard version [options]",
		Description: `What a report about this program should have.

  wildcard version
  wildcard version --json`,
		Flags:  commonFlags(),
		Action: p.action(runVersion),
	}
}

// versionAnswer is the answer of "version --json".
type versionAnswer struct {
	Version  string     `json:"version"`
	Commit   string     `json:"commit,omitempty"`
	Time     *time.Time `json:"commit_time,omitempty"`
	Modified bool       `json:"modified"` // there was more than the commit
	Go       string     `json:"go"`
	Platform string     `json:"platform"`
}

func runVersion(p *program, c *cli.Context) error {
	if c.Args().Present() {
		return usage("version takes no names")
	}
	if c.Bool("json") {
		p.answer(built())
		return nil
	}
	p.sayVersion()
	return nil
}

// sayVersion prints what the Go command put into this program.
func (p *program) sayVersion() {
	answer := built()
	p.say("wildcard version %s", answer.Version)
	d := p.details()
	switch {
	case answer.Commit == "":
		d.Entry("commit", messages.New("not known: it was not built from a git repository"))
	case answer.Modified:
		d.Entry("commit", messages.New("%s, with changes", answer.Commit))
	default:
		d.Value("commit", answer.Commit)
	}
	d.Value("Go", answer.Go+" "+answer.Platform)
}

// pseudoVersion is a module's version that is a commit's: time and beginning of its hash (Go Modules Reference, "Pseudo-versions").
var pseudoVersion = regexp.MustCompile(`[-.]\d{14}-([0-9a-f]{12})(\+dirty)?$`)

// versionOf reads what the Go command put into a program; info may be nil.
func versionOf(info *debug.BuildInfo) versionAnswer {
	answer := versionAnswer{Version: "devel", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if info == nil {
		return answer
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		answer.Version = v
		answer.Modified = strings.HasSuffix(v, "+dirty")
		if of := pseudoVersion.FindStringSubmatch(v); of != nil {
			answer.Commit = of[1]
		}
	}
	answer.Go = cmp.Or(info.GoVersion, answer.Go)
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			answer.Commit = cmp.Or(s.Value, answer.Commit)
		case "vcs.time":
			if at, err := time.Parse(time.RFC3339, s.Value); err == nil {
				answer.Time = &at
			}
		case "vcs.modified":
			answer.Modified = answer.Modified || s.Value == "true"
		}
	}
	return answer
}

// built is what the Go command put into this program.
func built() versionAnswer {
	info, _ := debug.ReadBuildInfo()
	return versionOf(info)
}

// version is that of the module.
func version() string { return built().Version }

func userAgent() string { return "wildcard/" + version() }
