package settings

import (
	"slices"
	"strings"

	"github.com/joho/godotenv"

	"wildcard/internal/fault"
)

// EnvFile is an env file that has been read.
type EnvFile struct {
	Path   string
	values variables
}

// Get returns a variable's value; "" if it is not set or empty.
func (f *EnvFile) Get(name string) string { return f.values.get(name) }

// Names are the variables that are set and not empty, sorted.
func (f *EnvFile) Names() []string {
	var names []string
	for name := range f.values {
		if f.Get(name) != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// ReadEnvFile reads an env file that holds secrets (package comment). Errors: CodeMissing if there is none or it cannot be
// read, CodeUnsafeFile with the command that mends it, CodeBadSettings naming file, line and variable; all of class
// Misconfigured. One that does not exist also matches [fs.ErrNotExist].
func ReadEnvFile(path string) (*EnvFile, error) {
	file, err := readEnvFile(path, private)
	if err != nil {
		return nil, within("settings", err)
	}
	return file, nil
}

func readEnvFile(path string, trust trust) (*EnvFile, error) {
	text, err := readFile(path, trust)
	if err != nil {
		return nil, err
	}
	values, err := parseEnv(path, text)
	if err != nil {
		return nil, err
	}
	return &EnvFile{Path: path, values: values}, nil
}

const byteOrderMark = "\ufeff"

// parseEnv reads the contents of an env file. As in a shell, the last of several assignments counts.
func parseEnv(path, text string) (variables, error) {
	values := variables{}
	text = strings.TrimPrefix(text, byteOrderMark)
	for i, line := range strings.Split(text, "\n") {
		a, err := parseLine(strings.TrimSuffix(line, "\r"))
		if err != nil {
			return nil, fault.Errorf(fault.CodeBadSettings, fault.Misconfigured, "%s line %d: %w", Shown(path), i+1, err)
		}
		if a.name != "" {
			values[a.name] = NewSecret(a.value)
		}
	}
	return values, nil
}

// parseLine reads a line by both sets of rules and refuses it where they differ.
func parseLine(line string) (assignment, error) {
	if err := readable(line); err != nil {
		return assignment{}, err
	}
	a, err := parseShellLine(line)
	if err != nil {
		return assignment{}, err
	}
	parsed, err := godotenv.Unmarshal(line)
	// Its errors quote the value, so they are not passed on.
	if value, ok := parsed[a.name]; err != nil || ok && value != a.value || ok != (a.name != "") || len(parsed) > 1 {
		return assignment{}, errLine{a.name, `a shell and env file readers understand this value differently; put it into single quotes` +
			` (\ may not be the last character in them), or into a file named by ` + shortName(a.name) + "_FILE"}
	}
	return a, nil
}
