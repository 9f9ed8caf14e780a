package settings

import (
	"crypto/x509"
	"io"

	"wildcard/internal/fault"
	"wildcard/internal/system/safepath"
)

// mostRoots is the size of the largest file of roots, in bytes; the system's own have some 250 KiB.
const mostRoots = 4 << 20

// Roots are the system's roots and those of a file, which everybody may read, and no other user may change: who writes it decides
// who is a CA or a DNS service. Errors are CodeBadSettings and CodeUnsafeFile.
func Roots(path string) (*x509.CertPool, error) {
	text, err := readAll(path, mostRoots)
	switch {
	case fault.CodeOf(err) == fault.CodeMissing:
		return nil, fault.Errorf(fault.CodeBadSettings, fault.Misconfigured, "settings: %w", err)
	case err != nil:
		return nil, within("settings", err)
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(text) {
		return nil, bad("settings: "+Shown(path), "it has no certificate in it")
	}
	return roots, nil
}

// ReadKey reads the file of a private key, which no other user may be able to change. Errors are those of [ReadEnvFile].
func ReadKey(path string) ([]byte, error) { return readAll(path, mostFile) }

func readAll(path string, most int64) ([]byte, error) {
	file, err := safepath.Open(path, safepath.File)
	if err != nil {
		return nil, refused(path, err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, most))
	if err != nil {
		return nil, cannotRead(path, err)
	}
	return text, nil
}
