package target

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"wildcard/internal/deploy"
	"wildcard/internal/fault"
	"wildcard/internal/lineage"
	"wildcard/internal/messages"
	"wildcard/internal/settings"
	"wildcard/internal/system/failpoint"
)

// Codes of targets.
const (
	CodeFailed   = "target.failed"   // a certificate was not brought to its target
	CodeUnusable = "target.unusable" // found beforehand: it could not be brought there
)

const (
	atOnce = 16              // targets of one lineage
	limit  = 2 * time.Minute // of one target, but for commands
)

// variableVerify has the addresses that are to serve the certificate after the target has it.
const variableVerify = "TARGET_VERIFY"

// Certificate is what is brought to a target.
type Certificate struct {
	Name  string // of the lineage
	Dir   string // its live directory
	Names []string
	Set   lineage.Set
	Leaf  *x509.Certificate
}

// Target is an opened target: its settings are complete, nothing was sent yet.
type Target interface {
	// Does says what Deploy would do.
	Does() messages.Message
	// Check finds what would keep Deploy from it, and changes nothing that stays.
	Check(ctx context.Context) error
	// Deploy brings a certificate there. It may be called again for one that is there.
	Deploy(ctx context.Context, c Certificate) error
}

// kind is a kind of target.
type kind struct {
	wrong func(where string) fault.Text // what is wrong with WHERE; "" if nothing is
	open  func(o *Opener, s Spec) (opened, error)
}

// opened is a target with where it is proved.
type opened struct {
	Target
	host   string // at which TARGET_VERIFY's ports are; "" if there is none
	verify string // TARGET_VERIFY
}

func kinds() map[string]kind {
	return map[string]kind{
		"exec":    {wrongProgram, openProgram},
		"haproxy": {wrongHAProxy, openHAProxy},
		"ssh":     {wrongSSH, openSSH},
	}
}

// Kinds are the words that a target begins with.
func Kinds() []string { return slices.Sorted(maps.Keys(kinds())) }

// message is a reason that is part of an error.
func message(why fault.Text) messages.Message { return messages.Message{Format: why} }

// Opener opens targets.
type Opener struct {
	Sources settings.Sources
	Environ []string  // as os.Environ; what programs may see of it is taken
	Output  io.Writer // where the output of programs goes; nil is nowhere
	Prover  *deploy.Prover
	Write   func(path string, text []byte) error // puts a file with a key in its place whole
	Log     *slog.Logger                         // nil is silent
	Now     func() time.Time                     // nil is [time.Now]
}

// Result is what came of one target.
type Result struct {
	Spec Spec
	Took time.Duration
	Err  error // begins with the target
}

// Open opens a target. Errors are CodeUnusable, [deploy.CodeUnsafe] and those of package settings.
func (o *Opener) Open(s Spec) (Target, error) { return o.open(s) }

func (o *Opener) open(s Spec) (opened, error) {
	t, err := kinds()[s.Kind].open(o, s)
	if err == nil {
		_, err = t.endpoints()
	}
	if err != nil {
		return opened{}, within(s, err)
	}
	return t, nil
}

// within is an error with the target that it is about, and with a code.
func within(s Spec, err error) error {
	own, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return fault.Errorf(CodeFailed, fault.Failed, "target %s: %w", s, err)
	}
	return fault.Errorf(own.Code, own.Class, "target %s: %w", s, err).Advise(own.Next, own.Args...)
}

// verifyOf is TARGET_VERIFY of a target that needs no credentials.
func verifyOf(s Spec) (string, error) {
	if s.EnvFile == "" {
		return "", nil
	}
	file, err := settings.ReadEnvFile(s.EnvFile)
	if err != nil {
		return "", err
	}
	return file.Get(variableVerify), nil
}

// endpoints are the addresses of TARGET_VERIFY.
func (t opened) endpoints() ([]deploy.Endpoint, error) {
	var texts []string
	for text := range strings.FieldsSeq(t.verify) {
		port, rest, _ := strings.Cut(text, ",")
		if t.host != "" && strings.Trim(port, "0123456789") == "" {
			if text = bracketed(t.host) + ":" + port; port == "" {
				text = bracketed(t.host)
			}
			if rest != "" {
				text += "," + rest
			}
		}
		texts = append(texts, text)
	}
	endpoints, err := deploy.ParseEndpoints(texts)
	if err != nil {
		return nil, fault.Errorf(fault.CodeBadSettings, fault.Misconfigured, "%s: %w", variableVerify, err)
	}
	return endpoints, nil
}

func bracketed(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

// Check finds what would keep a target from taking a certificate. What it says begins with the target.
func (o *Opener) Check(ctx context.Context, s Spec) error {
	t, err := o.open(s)
	if err != nil {
		return err
	}
	if err := t.Check(ctx); err != nil {
		return within(s, err)
	}
	return nil
}

// CheckText is [Opener.Check] of a target as it is kept.
func (o *Opener) CheckText(ctx context.Context, text string) error {
	s, err := Kept(text)
	if err != nil {
		return err
	}
	return o.Check(ctx, s)
}

// Deploy brings a certificate to targets, side by side. done is told of each as it ends, by one goroutine at a time.
func (o *Opener) Deploy(ctx context.Context, specs []Spec, c Certificate, done func(Result)) {
	slots := make(chan struct{}, atOnce)
	var group sync.WaitGroup
	var mu sync.Mutex
	for _, s := range specs {
		slots <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		group.Go(func() {
			defer func() { <-slots }()
			began := o.now()
			err := o.deploy(ctx, s, c)
			mu.Lock()
			defer mu.Unlock()
			done(Result{Spec: s, Took: o.now().Sub(began).Round(time.Millisecond), Err: err})
		})
	}
	group.Wait()
}

// deploy does one target, and looks whether it is served then. A panic is the failure of this target alone.
func (o *Opener) deploy(ctx context.Context, s Spec, c Certificate) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fault.Errorf("internal", fault.Internal, "target %s: internal error: %v", s, v)
		}
	}()
	t, err := o.open(s)
	if err != nil {
		return err
	}
	o.logger().Info("target", "target", s.String())
	err = failpoint.Do("target", "deploy", func() error { return t.Deploy(ctx, c) })
	if err == nil {
		err = o.prove(ctx, t, c)
	}
	o.logger().Debug("target ended", "target", s.String(), "error", err)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx) // the run ends; what ended it says so
	}
	return within(s, err)
}

// prove looks whether the addresses of a target serve the certificate.
func (o *Opener) prove(ctx context.Context, t opened, c Certificate) error {
	endpoints, err := t.endpoints()
	if err != nil || len(endpoints) == 0 {
		return err
	}
	if _, err = o.Prover.Prove(ctx, endpoints, c.Leaf); err != nil && ctx.Err() == nil {
		return fault.Errorf(CodeFailed, fault.Failed, "%w", err) // of this target, so that nothing else is put back for it
	}
	return err
}

func (o *Opener) now() time.Time {
	if o.Now == nil {
		return time.Now()
	}
	return o.Now()
}

func (o *Opener) logger() *slog.Logger {
	if o.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return o.Log
}

// Errors makes one error of those of several targets, with the code of the worst; nil of none.
func Errors(all []error) error {
	all = slices.DeleteFunc(all, func(err error) bool { return err == nil })
	if len(all) < 2 {
		return errors.Join(all...)
	}
	worst := all[0]
	for _, one := range all {
		if code := fault.ExitCode(worst); fault.Worse(code, fault.ExitCode(one)) != code {
			worst = one
		}
	}
	return fault.Errorf(fault.CodeOf(worst), fault.ClassOf(worst), "%w", errors.Join(all...))
}

// Advice is what an error of a target says itself to do about it; ok is false if it says nothing.
func Advice(err error) (advice messages.Message, ok bool) {
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || e.Next == "" {
		return messages.Message{}, false
	}
	return messages.Message{Format: e.Next, Args: e.Args}, true
}
