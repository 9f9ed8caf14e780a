package cli

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/urfave/cli/v2"

	"wildcard/internal/fault"
	"wildcard/internal/messages"
	"wildcard/internal/system/wait"
)

// The shortest and the longest time between the runs of "renew --every": a CA says how often it wants to be asked in hours, and
// certificates that live for six days are due two days before their end.
const (
	mostOften   = time.Minute
	leastOften  = 24 * time.Hour
	partOfEvery = 10 // up to a tenth of the time is left out at random, so that not all machines come at once
)

// renewEvery is "renew --every": one run after the other in this process, until a signal ends it. It is the scheduler where there is
// none. Each run reads all anew, settings too. What fails in one is said, and tried again by the next; a first run that could
// never work (wrong usage) ends all. A signal ends a run as it does without --every, and the time between runs at once, as a success.
func renewEvery(p *program, c *cli.Context) error {
	every, err := everyOf(c)
	if err != nil {
		return err
	}
	sleep := p.sleep
	if sleep == nil {
		sleep = wait.For
	}
	for first := true; ; first = false {
		next := every
		if !c.Bool("no-jitter") {
			next -= rand.N(every/partOfEvery + 1)
		}
		err := renewOnce(p, c, next)
		if c.Context.Err() != nil || first && fault.ClassOf(err) == fault.Usage {
			return err
		}
		if _, said := errors.AsType[*outcomeError](err); err != nil && !said {
			p.failed(err, c.Bool("json"))
			if !c.Bool("json") {
				p.say("Next run: %s.", messages.Instant(p.now().Add(next)))
			}
		}
		p.lines.Flush()
		if sleep(c.Context, next) != nil {
			return nil
		}
	}
}

// everyOf reads --every, and refuses what is for one run.
func everyOf(c *cli.Context) (time.Duration, error) {
	for _, flag := range []string{"force", "dry-run", "notify-test", "trace"} {
		if c.IsSet(flag) {
			return 0, usage("--every runs without end, and --%s is for one run", flag)
		}
	}
	text := c.String("every")
	every, err := parseDays(text)
	if err != nil || every < mostOften || every > leastOften {
		return 0, usage("--every %s: want a time from 1m to 24h, such as 6h", fault.Excerpt(text))
	}
	return every, nil
}
