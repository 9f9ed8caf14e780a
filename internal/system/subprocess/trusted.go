package subprocess

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"wildcard/internal/system/safepath"
)

// NotExecutableError says that a file is no program yet.
type NotExecutableError struct{ Path string }

func (e *NotExecutableError) Error() string {
	return fmt.Sprintf("%s is not executable: %s", safepath.Shown(e.Path), e.Fix())
}

// Fix is the command that makes it one.
func (e *NotExecutableError) Fix() string { return "chmod +x " + Quote(e.Path) }

// Trusted returns where a program is, without links, for the caller to run: an executable file that no user but root and we can
// change or replace, as are the programs that its first line names. Errors are those of [safepath.Look], and
// [*NotExecutableError].
func Trusted(path string) (string, error) {
	at := ""
	for range mostInterpreters {
		found, err := safepath.Look(path, safepath.File)
		if err != nil {
			return "", err
		}
		if found.Info.Mode().Perm()&0o111 == 0 {
			return "", &NotExecutableError{found.Path}
		}
		if at == "" {
			at = found.Path
		}
		text, err := head(found.Path)
		if path = interpreter(text); err != nil || path == "" {
			break
		}
		if _, err := os.Stat(path); err != nil {
			break // what is wrong is told by Startable
		}
	}
	return at, nil
}

// Interpreters are the programs that the first line of a program names, and theirs, by the names that these lines have.
func Interpreters(path string) []string {
	var found []string
	for range mostInterpreters {
		text, err := head(path)
		if path = interpreter(text); err != nil || path == "" {
			break
		}
		found = append(found, path)
	}
	return found
}

// mostInterpreters is how often the program that a first line names may be a script itself (execve(2)).
const mostInterpreters = 5

// interpreter is the program that the first line of a script names, "" if it names none.
func interpreter(text []byte) string {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	rest, script := bytes.CutPrefix(line, []byte("#!"))
	words := strings.Fields(string(rest))
	if !script || len(words) == 0 || !filepath.IsAbs(words[0]) {
		return ""
	}
	return words[0]
}

// mostHead is how much of a program is looked at; execve(2) itself looks at 256 bytes.
const mostHead = 4096

// head is the beginning of a program.
func head(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, mostHead))
}
