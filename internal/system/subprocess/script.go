package subprocess

import (
	"bytes"
	"os"

	"wildcard/internal/messages"
)

// shell runs what has no "#!" line.
const shell = "/bin/sh"

// Defect is what is wrong with a program's beginning, and what to do about it.
type Defect struct{ What, Fix messages.Message }

// In returns both in a language.
func (d *Defect) In(l messages.Language) string { return d.What.In(l) + ": " + d.Fix.In(l) }

// Error returns both in English.
func (d *Defect) Error() string { return d.In(messages.English) }

// Startable returns nil if a program's beginning is one that can be run, or cannot be read, and else what execve(2) does not
// say: to it an interpreter that is not there is "no such file", of a program that is there.
func Startable(path string) *Defect {
	text, err := head(path)
	if err != nil {
		return nil
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	switch {
	case marked(text):
		return &Defect{messages.New("%s begins with a BOM", path), messages.New("save it as UTF-8 without a BOM")}
	case bytes.IndexByte(line, 0) >= 0: // machine code
		return nil
	case bytes.HasSuffix(line, []byte("\r")):
		return &Defect{messages.New("%s: line 1 ends in CR", path),
			messages.New("%s", `sed -i 's/\r$//' `+Quote(path))}
	}
	program := interpreter(text)
	if program == "" {
		return nil
	}
	if _, err := os.Stat(program); err != nil {
		return &Defect{messages.New("line 1 of %s names %s, which is not there", path, program),
			messages.New("install it, or correct line 1")}
	}
	return nil
}

// marked reports whether a text begins with a byte order mark: of UTF-8, of UTF-16 in either order.
func marked(text []byte) bool {
	for _, mark := range []string{"\xef\xbb\xbf", "\xff\xfe", "\xfe\xff"} {
		if bytes.HasPrefix(text, []byte(mark)) {
			return true
		}
	}
	return false
}

// bare reports whether a program is a text without a "#!" line: execve(2) refuses it, and shells, certbot's among them, run it
// as a script of their own (POSIX, Shell Command Language, 2.9.1.4). One that begins with a BOM is none: who is to run it
// cannot be seen.
func bare(path string) bool {
	text, err := head(path)
	return err == nil && !bytes.HasPrefix(text, []byte("#!")) && bytes.IndexByte(text, 0) < 0 && !marked(text)
}
