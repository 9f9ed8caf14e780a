package target

import (
	"context"
	"path/filepath"
	"strings"

	"wildcard/internal/deploy"
	"wildcard/internal/fault"
	"wildcard/internal/messages"
	"wildcard/internal/settings"
	"wildcard/internal/system/subprocess"
)

// program is a target that a program of the operator's brings the certificate to: exec:/PATH. It is run without arguments and sees what
// deploy hooks see, RENEWED_LINEAGE and RENEWED_DOMAINS, and the variables of its env file.
type program struct {
	o         *Opener
	path      string
	variables []string
}

func wrongProgram(where string) fault.Text {
	if !filepath.IsAbs(where) || filepath.Clean(where) != where {
		return "exec: wants the absolute path of a program"
	}
	return ""
}

func openProgram(o *Opener, s Spec) (opened, error) {
	p := program{o: o, path: s.Where}
	t := opened{Target: &p}
	if problem := deploy.ProgramProblem(s.Where); problem != nil {
		code := CodeUnusable
		if problem.Code == deploy.CodeUnsafe {
			code = problem.Code
		}
		err := fault.Errorf(code, fault.Misconfigured, "%w", problem.Why)
		if len(problem.Next.Args) == 0 { // no command does it
			return t, err.Advise("put the program there, or correct the target")
		}
		return t, err.Advise(problem.Next.Format, problem.Next.Args...)
	}
	if s.EnvFile == "" {
		return t, nil
	}
	file, err := settings.ReadEnvFile(s.EnvFile)
	if err != nil {
		return t, err
	}
	for _, name := range file.Names() {
		p.variables = append(p.variables, name+"="+file.Get(name))
	}
	t.verify = file.Get(variableVerify)
	return t, nil
}

// Does implements [Target].
func (p *program) Does() messages.Message { return messages.New("runs %s", p.path) }

// Check implements [Target]. What the program itself would say is not known before it runs.
func (p *program) Check(context.Context) error { return nil }

// Deploy implements [Target].
func (p *program) Deploy(ctx context.Context, c Certificate) error {
	environment := append(subprocess.Environment(p.o.Environ), p.variables...)
	environment = append(environment, "RENEWED_LINEAGE="+c.Dir, "RENEWED_DOMAINS="+strings.Join(c.Names, " "))
	err := subprocess.Call{
		Path: p.path, Environ: environment, Output: &subprocess.Lines{To: p.o.Output, Prefix: "target: "},
		Limit: deploy.DefaultTimeout,
	}.Run(ctx)
	if err != nil && ctx.Err() == nil {
		return fault.Errorf(CodeFailed, fault.Failed, "%w", err)
	}
	return err
}
