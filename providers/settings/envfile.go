package settings

import (
	"strings"

	"github.com/joho/godotenv"

	"wildcard/providers"
)

// EnvFile is an env file that has been read.
type EnvFile struct {
	Path   string
	values map[string]string
}

// Get returns a variable's value; "" if it is not set or empty.
func (f *EnvFile) Get(name string) string { return f.values[name] }

// ReadEnvFile reads an env file that holds secrets (package comment). Errors: CodeMissing if there is none, CodeUnsafeFile
// with the command that mends it, CodeBadSettings naming file, line and variable; all of class Misconfigured. One that does
// not exist also matches [fs.ErrNotExist].
func ReadEnvFile(path string) (*EnvFile, error) { return readEnvFile(path, private) }

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

// parseEnv reads the contents of an env file. As in a shell, the last of several assignments counts.
func parseEnv(path, text string) (map[string]string, error) {
	values := map[string]string{}
	text = strings.TrimPrefix(text, "\ufeff")
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSuffix(line, "\r")
		a, err := parseLine(line)
		if err != nil {
			return nil, providers.Errorf(providers.CodeBadSettings, providers.Misconfigured, "settings: %s line %d: %w", path, i+1, err)
		}
		if a.name != "" {
			values[a.name] = a.value
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
		return assignment{}, errLine{a.name, "a shell and env file readers understand this value differently; put it into single quotes, or into a file named by " + a.name + "_FILE"}
	}
	return a, nil
}
