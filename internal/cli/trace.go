package cli

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"wildcard/internal/fault"
	"wildcard/internal/timeline"
)

func traceFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "trace", Usage: "`FILE`.html or .json for a timeline of the run"}
}

// traced is a command that can be recorded. What is known is written at the end, however that comes.
func (p *program) traced(action cli.ActionFunc) cli.ActionFunc {
	return func(c *cli.Context) (err error) {
		var files []string
		for _, name := range c.StringSlice("trace") {
			path, err := traceFile(name)
			if err != nil {
				return err
			}
			files = append(files, path)
		}
		if len(files) == 0 {
			return action(c)
		}
		p.trace = timeline.New(userAgent(), c.Command.Name)
		ended := false
		defer func() {
			came := err
			if !ended {
				came = errors.New("internal error") // main says which
			}
			for _, path := range files {
				if err := p.writeTrace(path, came); err != nil {
					p.complain(err)
				}
			}
		}()
		err = action(c)
		ended = true
		return err
	}
}

// traceFile is the path of a timeline. That it cannot be written is found before the run, if it can be found then.
func traceFile(name string) (string, error) {
	path, err := absolute("--trace", name)
	if err != nil {
		return "", err
	}
	if ext := filepath.Ext(path); ext != ".html" && ext != ".json" {
		return "", usage("--trace %s: want a name that ends in .html or .json", path)
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
		return "", fault.Errorf(codeOutput, fault.Misconfigured, "--trace %s: %w", path, fs.ErrNotExist)
	}
	return path, nil
}

func (p *program) writeTrace(path string, came error) error {
	document := p.trace.Document(came)
	var text []byte
	var err error
	if filepath.Ext(path) == ".html" {
		text, err = document.HTML(p.language)
	} else {
		text, err = document.JSON()
	}
	if err != nil {
		return err
	}
	return output("--trace", path, text)
}
