package boulder

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// Version is the Boulder that runs: the newest that Go 1.26 builds.
const Version = "v0.20260921.0"

const module = "github.com/letsencrypt/boulder"

// programs are what a CA is made of.
type programs struct {
	boulder, ctLog  string
	mariadb, redis  string
	mariadbInstall  string
	mariadbClient   string
	schema, schemaN string // the files that make the tables, of now and of the next version
}

// install finds the programs, and installs Boulder unless the cache folder has it.
func install(ctx context.Context) (programs, error) {
	var p programs
	for path, name := range map[*string]string{
		&p.mariadb: "mariadbd", &p.redis: "redis-server", &p.mariadbInstall: "mariadb-install-db",
		&p.mariadbClient: "mariadb",
	} {
		found, err := lookPath(name)
		if err != nil {
			return p, fmt.Errorf("the ring boulder needs mariadb-server and redis-server: %w", err)
		}
		*path = found
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return p, err
	}
	dir := filepath.Join(cache, "wildcard-tests", "boulder", Version)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return p, err
	}
	unlock, err := lock(filepath.Join(dir, "lock"))
	if err != nil {
		return p, err
	}
	defer unlock()
	p.boulder, p.ctLog = filepath.Join(dir, "boulder"), filepath.Join(dir, "ct-test-srv")
	p.schema, p.schemaN = filepath.Join(dir, "01-boulder_sa.sql"), filepath.Join(dir, "01-boulder_sa_next.sql")
	complete := filepath.Join(dir, "complete")
	if _, err := os.Stat(complete); err == nil {
		return p, nil
	}
	if err := build(ctx, dir); err != nil {
		return p, fmt.Errorf("install Boulder: %w", err)
	}
	return p, os.WriteFile(complete, nil, 0o644)
}

// build installs Boulder, and keeps the schema of its data base beside it.
func build(ctx context.Context, dir string) error {
	if _, err := goCommand(ctx, dir, "install", module+"/cmd/boulder@"+Version,
		module+"/test/ct-test-srv@"+Version); err != nil {
		return err
	}
	out, err := goCommand(ctx, dir, "mod", "download", "-json", module+"@"+Version)
	if err != nil {
		return err
	}
	var download struct{ Dir string }
	if err := json.Unmarshal(out, &download); err != nil {
		return err
	}
	for _, name := range []string{"01-boulder_sa.sql", "01-boulder_sa_next.sql"} {
		text, err := os.ReadFile(filepath.Join(download.Dir, "sa", "db", name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// goCommand runs go outside of any module, so that no go.sum of ours is touched. Boulder needs cgo.
func goCommand(ctx context.Context, dir string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOBIN="+dir, "CGO_ENABLED=1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w\n%s", args[0], err, &stderr)
	}
	return out, nil
}

// lookPath finds a program, also where only root's PATH leads to.
func lookPath(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err == nil {
		return path, nil
	}
	if sbin, missing := exec.LookPath("/usr/sbin/" + name); missing == nil {
		return sbin, nil
	}
	return "", err
}

// lock holds a file's lock, so that two runs of tests do not install at once.
func lock(path string) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return func() { _ = file.Close() }, nil
}
