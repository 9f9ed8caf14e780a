package boulder

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const database = "boulder_sa"

// prepareDatabase makes the data of a MariaDB: its own tables, Boulder's, and Boulder's user.
func (c *CA) prepareDatabase(ctx context.Context) error {
	data := filepath.Join(c.dir, "mariadb")
	install := exec.CommandContext(ctx, c.programs.mariadbInstall, append([]string{
		"--no-defaults", "--datadir=" + data, "--skip-test-db", "--skip-name-resolve",
		"--auth-root-authentication-method=normal", "--tmpdir=" + c.dir,
	}, userOption()...)...)
	if out, err := install.CombinedOutput(); err != nil {
		return fmt.Errorf("mariadb-install-db: %w\n%s", err, out)
	}
	path, next := c.programs.schema, false
	if c.options.Variant == Next {
		path, next = c.programs.schemaN, true
	}
	schema, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	text := string(schema)
	if next { // its tables are in a data base of another name there
		text = strings.ReplaceAll(text, database+"_next", database)
	}
	script := fmt.Sprintf("CREATE DATABASE %[1]s;\n%[2]s\nFLUSH PRIVILEGES;\nCREATE USER 'sa'@'%%';\nGRANT ALL PRIVILEGES ON %[1]s.* TO 'sa'@'%%';\n", database, text)
	bootstrap := exec.CommandContext(ctx, c.programs.mariadb, append(c.databaseOptions(), "--bootstrap")...)
	bootstrap.Stdin = strings.NewReader(script)
	if out, err := bootstrap.CombinedOutput(); err != nil {
		return fmt.Errorf("mariadbd --bootstrap: %w\n%s", err, out)
	}
	return os.WriteFile(filepath.Join(c.dir, "database"), []byte("sa@tcp("+at(c.ip, portDatabase)+")/"+database), 0o600)
}

// databaseOptions are mariadbd's. What it writes need not survive anything.
func (c *CA) databaseOptions() []string {
	data := filepath.Join(c.dir, "mariadb")
	return append([]string{
		"--no-defaults", "--datadir=" + data, "--tmpdir=" + c.dir, "--socket=" + filepath.Join(data, "socket"),
		"--pid-file=" + filepath.Join(data, "pid"),
		"--bind-address=" + c.ip, fmt.Sprintf("--port=%d", portDatabase), "--skip-name-resolve", "--skip-log-bin",
		"--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0", "--innodb-buffer-pool-size=64M",
		"--innodb-log-file-size=16M",
		"--max-connections=500",
	}, userOption()...)
}

// userOption is whom the data base runs as: it wants root to say so.
func userOption() []string {
	if os.Geteuid() == 0 {
		return []string{"--user=root"}
	}
	return nil
}

// sql runs statements in the data base.
func (c *CA) sql(ctx context.Context, statements string) error {
	cmd := exec.CommandContext(ctx, c.programs.mariadbClient, "--no-defaults", "--host="+c.ip,
		fmt.Sprintf("--port=%d", portDatabase), "--protocol=tcp",
		"--user=sa", database)
	cmd.Stdin = strings.NewReader(statements)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("mariadb: %w\n%s", err, out)
	}
	return nil
}
