package settings

import (
	"encoding/pem"
	"net/http/httptest"
	"os"
	"testing"

	"wildcard/internal/fault"
	"wildcard/internal/testkit/takeover"
)

func root(t *testing.T) string {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	t.Cleanup(server.Close)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
}

// TestRoots: everybody may read a file of roots; who can write it decides who is the CA.
func TestRoots(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	path := write(t, dir+"/ca.pem", root(t))
	for mode, safe := range map[os.FileMode]bool{0o644: true, 0o600: true, 0o440: true, 0o666: false, 0o664: false, 0o602: false} {
		chmod(t, path, mode)
		switch roots, err := Roots(path); {
		case safe && (err != nil || roots == nil):
			t.Errorf("mode %o: %v", mode, err)
		case !safe:
			wantError(t, err, fault.CodeUnsafeFile, "chmod go-w "+path)
		}
	}
	for name, text := range map[string]string{"empty.pem": "", "key.pem": "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n"} {
		_, err := Roots(write(t, dir+"/"+name, text))
		wantError(t, err, fault.CodeBadSettings, "no certificate")
	}
	_, err := Roots(dir + "/none.pem")
	wantError(t, err, fault.CodeBadSettings, "none.pem")
}

// TestReaders_Attacked: no secret, key or root is read that another user could have put in the place of ours.
func TestReaders_Attacked(t *testing.T) {
	t.Parallel()
	for name, read := range map[string]func(path string) error{
		"env file": func(path string) error { _, err := ReadEnvFile(path); return err },
		"roots":    func(path string) error { _, err := Roots(path); return err },
		"key":      func(path string) error { _, err := ReadKey(path); return err },
	} {
		t.Run(name, func(t *testing.T) {
			good, evil := "A=good\n", "A=evil\n"
			if name == "roots" {
				good, evil = root(t), root(t)
			}
			takeover.Each(t, takeover.File{Good: good, Evil: evil, Mode: 0o600}, read, func() bool { return false })
		})
	}
}

// TestReadEnvFile_Grandparent: a folder above the file's, however far, decides as its own does.
func TestReadEnvFile_Grandparent(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	path := write(t, dir+"/a/b/c/.env", "A=b\n")
	for _, above := range []string{dir + "/a", dir + "/a/b"} {
		chmod(t, above, 0o777)
		_, err := ReadEnvFile(path)
		wantError(t, err, fault.CodeUnsafeFile, "chmod go-w "+above)
		chmod(t, above, 0o755)
	}
	if _, err := ReadEnvFile(path); err != nil {
		t.Error(err)
	}
}
