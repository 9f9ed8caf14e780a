package settings

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"wildcard/internal/fault"
)

// Fault 149 of reference/reliability.md: modes.
func TestReadEnvFile_Fault149_Modes(t *testing.T) {
	t.Parallel()
	path := write(t, folder(t)+"/.env", "A=canary\n")
	for mode := os.FileMode(0o400); mode <= 0o777; mode++ {
		chmod(t, path, mode)
		file, err := ReadEnvFile(path)
		switch {
		case mode&0o077 == 0:
			if err != nil || file.Get("A") != "canary" {
				t.Errorf("mode %o: %v", mode, err)
			}
		case !strings.HasSuffix(fmt.Sprint(err), fmt.Sprintf("(mode %04o): chmod 600 %s", mode, path)):
			t.Errorf("mode %o: %v", mode, err)
		default:
			wantError(t, err, fault.CodeUnsafeFile)
		}
	}
}

// Fault 149: what is no regular file, or has no end. None of them may hang, nor be read.
func TestReadEnvFile_Fault149_Kinds(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	if err := syscall.Mkfifo(dir+"/fifo", 0o600); err != nil {
		t.Fatal(err)
	}
	socket, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(socket)
	if err := syscall.Bind(socket, &syscall.SockaddrUnix{Name: dir + "/socket"}); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(write(t, dir+"/huge", ""), 100<<20); err != nil {
		t.Fatal(err)
	}
	write(t, dir+"/most", strings.Repeat("#", mostFile))
	write(t, dir+"/more", strings.Repeat("#", mostFile+1))
	write(t, dir+"/empty", "")
	for path, why := range map[string]string{
		dir + "/fifo": "not a regular file", dir + "/socket": "not a regular file", dir: "not a regular file", "/dev/null": "not a regular file",
		dir + "/huge": "larger than 65536 bytes", dir + "/more": "larger than 65536 bytes", "relative": "not absolute", "": "not absolute",
	} {
		_, err := ReadEnvFile(path)
		wantError(t, err, fault.CodeBadSettings, why, path)
	}
	for _, path := range []string{dir + "/none", dir + "/none/.env", dir + "/empty/.env"} {
		_, err := ReadEnvFile(path)
		wantError(t, err, fault.CodeMissing, path)
	}
	for _, path := range []string{dir + "/most", dir + "/empty"} {
		if _, err := ReadEnvFile(path); err != nil {
			t.Error(err)
		}
	}
}

// Fault 149: a file of mode 0600 that others could exchange for another.
func TestReadEnvFile_Fault149_Folders(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	path := write(t, dir+"/open/.env", "A=b\n")
	if err := os.Symlink(path, dir+"/link"); err != nil {
		t.Fatal(err)
	}
	for mode, safe := range map[os.FileMode]bool{
		0o700: true, 0o755: true, 0o777 | os.ModeSticky: true, 0o777: false, 0o775: false, 0o702: false, 0o720: false, 0o777 | os.ModeSetgid: false,
	} {
		chmod(t, dir+"/open", mode)
		for _, at := range []string{path, dir + "/link"} {
			_, err := ReadEnvFile(at)
			if safe && err != nil {
				t.Errorf("%v: %v", mode, err)
			}
			if !safe {
				wantError(t, err, fault.CodeUnsafeFile, ": chmod go-w "+dir+"/open")
			}
		}
	}
}

// Fault 149: links. /etc/letsencrypt/conoha/.env may be one that an administrator made.
func TestReadEnvFile_Fault149_Links(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	write(t, dir+"/real/good", "A=b\n")
	chmod(t, write(t, dir+"/real/bad", "A=canary\n"), 0o644)
	if err := os.Mkdir(dir+"/a", 0o700); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{
		"absolute": dir + "/real/good", "relative": "real/good", "twice": "relative", "toBad": "real/bad", "toFolder": "real", "toDevice": "/dev/null",
		"none": "nowhere", "loop": "loop",
		"a/folder": "../real", "a/through": "folder/../real/good", // by way of real, whose parent is dir
	} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	for _, link := range []string{"absolute", "relative", "twice", "a/through", "a/folder/good"} {
		if file, err := ReadEnvFile(dir + "/" + link); err != nil || file.Get("A") != "b" || file.Path != dir+"/"+link {
			t.Errorf("%s: %v", link, err)
		}
	}
	for link, code := range map[string]string{
		"toBad": fault.CodeUnsafeFile, "toFolder": fault.CodeBadSettings, "toDevice": fault.CodeBadSettings, "none": fault.CodeMissing, "loop": fault.CodeMissing,
	} {
		_, err := ReadEnvFile(dir + "/" + link)
		wantError(t, err, code)
	}
}

// Whose a file, its folders and the links to it are. Only root can give files away; safepath's tests have the rule for all.
func TestReadEnvFile_Fault149_Owners(t *testing.T) {
	t.Parallel()
	const another = 4711
	dir := folder(t)
	path := write(t, dir+"/x/.env", "A=canary\n")
	if err := os.Symlink(path, dir+"/x/link"); err != nil {
		t.Fatal(err)
	}
	for victim, test := range map[string]struct{ read, command string }{
		path:            {path, "chown root " + path},
		dir + "/x":      {path, "chown root " + dir + "/x"},
		dir:             {path, "chown root " + dir},
		dir + "/x/link": {dir + "/x/link", "chown -h root " + dir + "/x/link"},
	} {
		if os.Geteuid() == 0 {
			if err := os.Lchown(victim, another, -1); err != nil {
				t.Fatal(err)
			}
			_, err := ReadEnvFile(test.read)
			wantError(t, err, fault.CodeUnsafeFile, test.read+" is not safe: ", ": "+test.command)
			if err := os.Lchown(victim, 0, -1); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := ReadEnvFile(dir + "/x/link"); err != nil {
		t.Error(err)
	}
}

func TestShown(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/etc/letsencrypt/conoha/.env": "/etc/letsencrypt/conoha/.env",
		"/home/私/証明書.env":              "/home/私/証明書.env",
		"/a b":                         "'/a b'",
		"/it's":                        `'/it'\''s'`,
		"/$(rm)":                       "'/$(rm)'",
		"/a\nb'\"\x1b":                 `$'/a\nb\'"\x1b'`,
		"/\xff":                        `$'/\xff'`,
		"":                             "''",
	} {
		if got := Shown(path); got != want {
			t.Errorf("%q: got %s, want %s", path, got, want)
		}
	}
}

// A path in a message is one word of one line, that names the file to a shell.
func TestReadEnvFile_OddPath(t *testing.T) {
	t.Parallel()
	path := write(t, folder(t)+"/it's a\nfile", "A=canary\n")
	chmod(t, path, 0o644)
	_, err := ReadEnvFile(path)
	wantError(t, err, fault.CodeUnsafeFile, `it\'s a\nfile'`)
}
