package main

import (
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"wildcard/internal/fault"
	"wildcard/providers"
)

// options is what the world is to be like and where its folder is.
type options struct {
	zones   []zone
	delays  []time.Duration // publication delay per name server, repeated
	latency time.Duration   // of ConoHa's API, per request
	dir     string          // "" for a new folder in the temporary directory
	keep    bool

	programs []string // of ours, that are to be there
}

// zone is a DNS zone of the pretended customer.
type zone struct {
	name    string // without trailing dot
	version int    // generation of ConoHa: 2 or 3
}

func worldFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "zone", DefaultText: "example.com, example.co.jp, example.net:3",
			Usage: "`ZONE` of the ConoHa account, ZONE:3 for one in Ver.3.0; may be repeated"},
		&cli.StringFlag{Name: "delay", Value: "1s,2s,3s", Usage: "publication delay of each name server, as `DURATION,...`"},
		&cli.DurationFlag{Name: "latency", Usage: "`DURATION` that each request to ConoHa's API takes"},
		&cli.StringFlag{Name: "dir", Usage: "new or empty `FOLDER` for everything, kept afterwards (default: a temporary one, removed)"},
		&cli.BoolFlag{Name: "keep", Usage: "keep the temporary folder"},
		&cli.StringFlag{Name: "lang", Usage: "`LANG`: such as en or ja (default: that of the locale)"},
	}
}

// parseOptions reads the flags of a command.
func parseOptions(c *cli.Context) (options, error) {
	o := options{latency: c.Duration("latency"), dir: c.String("dir"), keep: c.Bool("keep"), programs: ownPrograms()}
	names := c.StringSlice("zone")
	if len(names) == 0 {
		names = []string{"example.com", "example.co.jp", "example.net:3"}
	}
	seen := make(map[string]bool)
	for _, text := range names {
		z, err := parseZone(text)
		if err != nil {
			return o, err
		}
		if seen[z.name] {
			return o, usage("--zone %s is given twice", z.name)
		}
		seen[z.name] = true
		o.zones = append(o.zones, z)
	}
	for _, text := range strings.Split(c.String("delay"), ",") {
		delay, err := time.ParseDuration(text)
		if err != nil || delay < 0 {
			return o, usage("--delay %s: want durations such as 1s,2s,3s", fault.Excerpt(c.String("delay")))
		}
		o.delays = append(o.delays, delay)
	}
	if o.latency < 0 {
		return o, usage("--latency %s is negative", o.latency)
	}
	if c.IsSet("dir") && o.dir == "" {
		return o, usage("--dir is empty")
	}
	return o, nil
}

func parseZone(text string) (zone, error) {
	name, version, is := strings.Cut(text, ":")
	z := zone{version: 2}
	switch {
	case version == "3":
		z.version = 3
	case is && version != "2":
		return z, usage("--zone %s: after the colon stands the generation of ConoHa, 2 or 3", fault.Excerpt(text))
	}
	var err error
	if z.name, err = providers.ParseDomain(name); err != nil {
		return z, usage("--zone: %w", err)
	}
	return z, nil
}
