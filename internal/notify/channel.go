package notify

import (
	"context"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"wildcard/internal/fault"
)

// Codes of this package's errors.
const (
	CodeFailed  = "notify.failed"  // a channel did not take a message
	CodeChannel = "notify.invalid" // a channel's spec cannot be used
)

const (
	mailLimit    = 30 * time.Second
	programLimit = time.Minute
	hookLimit    = 20 * time.Second
)

// Channel is a way to people.
type Channel interface {
	// Send delivers a message, or says why it could not, without a secret.
	Send(ctx context.Context, m Message) error
	// String names the channel without a secret.
	String() string
}

// Channels are all of them.
type Channels []Channel

// Options are what channels need.
type Options struct {
	Environ  []string  // as os.Environ; what programs may see of it is taken
	Stderr   io.Writer // where programs' output goes; nil is nowhere
	Sendmail string    // path; "" looks in the usual places
}

// Parse reads channels as the package comment has them. Errors are CodeChannel, Usage, and have no secret.
func Parse(specs []string, o Options) (Channels, error) {
	var all Channels
	for _, spec := range specs {
		scheme, rest, ok := strings.Cut(spec, ":")
		var channel Channel
		var err error
		switch {
		case ok && scheme == "exec":
			channel, err = newProgram(rest, o)
		case ok && scheme == "mailto":
			channel, err = newMail(rest, o)
		case ok && (scheme == "https" || scheme == "http"):
			channel, err = newWebhook(spec)
		default:
			err = invalid("a channel begins with exec:, mailto: or https:")
		}
		if err != nil {
			return nil, err
		}
		all = append(all, channel)
	}
	return all, nil
}

func invalid(format string, args ...any) error {
	return fault.Errorf(CodeChannel, fault.Usage, "notify: "+format, args...)
}

// Send sends a message through all channels side by side. It returns an error, or nil, for each of them.
func (all Channels) Send(ctx context.Context, m Message) []error {
	errs := make([]error, len(all))
	var group sync.WaitGroup
	for i, channel := range all {
		group.Go(func() {
			if err := channel.Send(ctx, m); err != nil {
				errs[i] = fault.Errorf(CodeFailed, fault.Failed, "notify %s: %w", channel, err)
			}
		})
	}
	group.Wait()
	return errs
}

// absolutePath is one that means the same in every working directory.
func absolutePath(path string) bool { return filepath.IsAbs(path) && filepath.Clean(path) == path }
