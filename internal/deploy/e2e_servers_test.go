//go:build e2e

package deploy_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"wildcard/internal/deploy"
)

// rig is a folder with a pair of files, and the server that reads them.
type rig struct {
	t    *testing.T
	dir  string
	port map[string]string // by protocol
	log  bytes.Buffer
	user string // that the server runs as, if it will not as root
}

// newRig makes a folder that an unprivileged server can get to.
func newRig(t *testing.T, protocols ...string) *rig {
	t.Helper()
	dir, err := os.MkdirTemp("", "rig")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	r := &rig{t: t, dir: dir, port: map[string]string{}}
	r.check(os.Chmod(dir, 0o755))
	for _, protocol := range protocols {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		r.check(err)
		_, r.port[protocol], _ = net.SplitHostPort(listener.Addr().String())
		r.check(listener.Close())
	}
	return r
}

func (r *rig) check(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatalf("%v\n%s", err, r.log.String())
	}
}

// path is a file of the rig's.
func (r *rig) path(name string) string { return filepath.Join(r.dir, name) }

// write writes a file; DIR in it is the folder, PORT-x the port of a protocol.
func (r *rig) write(name, text string) {
	r.t.Helper()
	text = strings.ReplaceAll(text, "DIR", r.dir)
	for protocol, port := range r.port {
		text = strings.ReplaceAll(text, "PORT-"+protocol, port)
	}
	r.check(os.MkdirAll(filepath.Dir(r.path(name)), 0o755))
	r.check(os.WriteFile(r.path(name), []byte(text), 0o600))
}

// put puts a pair into the place of the one that is there. The server's user owns it.
func (r *rig) put(cert tls.Certificate) {
	r.t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	r.check(err)
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: cert.Certificate[0]}, "key.pem": {Type: "PRIVATE KEY", Bytes: der}} {
		r.check(os.WriteFile(r.path("new"), pem.EncodeToMemory(block), 0o600))
		r.own("new")
		r.check(os.Rename(r.path("new"), r.path(name)))
	}
}

func (r *rig) own(name string) {
	r.t.Helper()
	if credential := r.credential(); credential != nil {
		r.check(os.Chown(r.path(name), int(credential.Uid), int(credential.Gid)))
	}
}

// credential is that of the server's user; nil is ours.
func (r *rig) credential() *syscall.Credential {
	if r.user == "" || os.Geteuid() != 0 {
		return nil
	}
	who, err := user.Lookup(r.user)
	r.check(err)
	uid, err := strconv.ParseUint(who.Uid, 10, 32)
	r.check(err)
	gid, err := strconv.ParseUint(who.Gid, 10, 32)
	r.check(err)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

func (r *rig) command(name string, args ...string) *exec.Cmd {
	r.t.Helper()
	path := ""
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/usr/lib/postgresql/15/bin", "/usr/lib/postgresql/17/bin") {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			path = filepath.Join(dir, name)
			break
		}
	}
	if path == "" {
		r.t.Fatalf("the e2e ring needs %s", name)
	}
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "DIR", r.dir)
	}
	cmd := exec.Command(path, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = r.dir, &r.log, &r.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: r.credential()}
	return cmd
}

// run runs a program to its end.
func (r *rig) run(name string, args ...string) {
	r.t.Helper()
	if err := r.command(name, args...).Run(); err != nil {
		r.check(fmt.Errorf("%s %v: %w", name, args, err))
	}
}

// start starts a server and ends it with the test. What is returned tells it to reload.
func (r *rig) start(name string, args ...string) func() {
	r.t.Helper()
	cmd := r.command(name, args...)
	r.check(cmd.Start())
	r.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	return func() { r.check(cmd.Process.Signal(syscall.SIGHUP)) }
}

// TestProve_RealServers renews the certificate of each server that people have, before and after its reload.
func TestProve_RealServers(t *testing.T) {
	for name, begin := range map[string]func(t *testing.T, first tls.Certificate) (*rig, func()){
		"nginx": func(t *testing.T, first tls.Certificate) (*rig, func()) {
			r := newRig(t, "")
			r.put(first)
			r.write("nginx.conf", "daemon off;\npid DIR/pid;\nevents {}\nhttp {\naccess_log off;\nclient_body_temp_path DIR/1;\nproxy_temp_path DIR/2;\nfastcgi_temp_path DIR/3;\nuwsgi_temp_path DIR/4;\nscgi_temp_path DIR/5;\nserver { listen 127.0.0.1:"+r.port[""]+" ssl; ssl_certificate DIR/cert.pem; ssl_certificate_key DIR/key.pem; }\n}\n")
			return r, r.start("nginx", "-e", "stderr", "-c", "DIR/nginx.conf")
		},
		"Dovecot": func(t *testing.T, first tls.Certificate) (*rig, func()) {
			r := newRig(t, "imap", "pop3", "")
			r.put(first)
			r.write("dovecot.conf", "base_dir = DIR/run\nstate_dir = DIR/state\nlog_path = DIR/log\nprotocols = imap pop3\nlisten = 127.0.0.1\nssl = yes\nssl_cert = <DIR/cert.pem\nssl_key = <DIR/key.pem\npassdb {\n driver = static\n args = nopassword=y\n}\nuserdb {\n driver = static\n args = uid=nobody gid=nogroup home=DIR\n}\nservice imap-login {\n inet_listener imap {\n port = PORT-imap\n }\n inet_listener imaps {\n port = "+r.port[""]+"\n ssl = yes\n }\n}\nservice pop3-login {\n inet_listener pop3 {\n port = PORT-pop3\n }\n inet_listener pop3s {\n port = 0\n }\n}\n")
			return r, r.start("dovecot", "-F", "-c", "DIR/dovecot.conf")
		},
		"Postfix": func(t *testing.T, first tls.Certificate) (*rig, func()) {
			r := newRig(t, "smtp")
			r.put(first)
			r.write("etc/main.cf", "compatibility_level = 3.6\nqueue_directory = DIR/queue\ndata_directory = DIR/data\nmaillog_file = DIR/maillog\nmaillog_file_prefixes = "+filepath.Dir(r.dir)+"\nmyhostname = mail.example.com\ninet_interfaces = loopback-only\ninet_protocols = ipv4\nsmtpd_tls_chain_files = DIR/key.pem, DIR/cert.pem\nsmtpd_tls_security_level = may\nalias_maps =\nsmtpd_peername_lookup = no\n")
			r.write("etc/master.cf", "127.0.0.1:PORT-smtp inet n - n - - smtpd\npickup unix n - n 60 1 pickup\ncleanup unix n - n - 0 cleanup\nqmgr unix n - n 300 1 qmgr\ntlsmgr unix - - n 1000? 1 tlsmgr\nrewrite unix - - n - - trivial-rewrite\nproxymap unix - - n - - proxymap\nanvil unix - - n - 1 anvil\npostlog unix-dgram n - n - 1 postlogd\n")
			r.check(errors.Join(os.Mkdir(r.path("queue"), 0o755), os.Mkdir(r.path("data"), 0o700)))
			r.user = "postfix"
			r.own("data")
			r.user = ""
			r.run("postfix", "-c", "DIR/etc", "start")
			t.Cleanup(func() { r.run("postfix", "-c", "DIR/etc", "stop") })
			return r, func() { r.run("postfix", "-c", "DIR/etc", "reload") }
		},
		"PostgreSQL": func(t *testing.T, first tls.Certificate) (*rig, func()) {
			r := newRig(t, "postgres")
			r.user = "postgres"
			r.put(first)
			r.check(os.Mkdir(r.path("data"), 0o700))
			r.own("data")
			r.own("")
			r.run("initdb", "-A", "trust", "-N", "-D", "DIR/data")
			return r, r.start("postgres", "-D", "DIR/data", "-p", r.port["postgres"], "-k", "DIR", "-c", "listen_addresses=127.0.0.1", "-c", "ssl=on", "-c", "ssl_cert_file=DIR/cert.pem", "-c", "ssl_key_file=DIR/key.pem")
		},
		"MariaDB": func(t *testing.T, first tls.Certificate) (*rig, func()) {
			r := newRig(t, "mysql")
			r.user = "mysql"
			r.put(first)
			r.own("")
			r.run("mariadb-install-db", "--no-defaults", "--datadir=DIR/data", "--auth-root-authentication-method=normal", "--skip-test-db")
			r.start("mariadbd", "--no-defaults", "--datadir=DIR/data", "--socket=DIR/socket", "--port="+r.port["mysql"], "--bind-address=127.0.0.1", "--ssl-cert=DIR/cert.pem", "--ssl-key=DIR/key.pem")
			return r, func() { r.run("mariadb", "--no-defaults", "--socket=DIR/socket", "--user=root", "--execute=FLUSH SSL") }
		},
		"OpenLDAP": func(t *testing.T, first tls.Certificate) (*rig, func()) {
			r := newRig(t, "ldap")
			r.put(first)
			r.write("slapd.conf", "pidfile DIR/pid\nTLSCertificateFile DIR/cert.pem\nTLSCertificateKeyFile DIR/key.pem\ndatabase config\nrootpw secret\n")
			serve := func() *exec.Cmd {
				cmd := r.command("slapd", "-f", "DIR/slapd.conf", "-h", "ldap://127.0.0.1:"+r.port["ldap"]+"/", "-d", "0")
				r.check(cmd.Start())
				return cmd
			}
			running := serve()
			end := func() { _ = running.Process.Signal(syscall.SIGTERM); _ = running.Wait() }
			t.Cleanup(func() { end() })
			return r, func() { end(); running = serve() } // SIGHUP ends it
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, old := pair(t, nil)
			second, fresh := pair(t, nil)
			r, reload := begin(t, first)
			var endpoints []deploy.Endpoint
			for protocol, port := range r.port {
				endpoints = append(endpoints, deploy.Endpoint{Host: "127.0.0.1", Port: port, Protocol: protocol})
			}
			prover := &deploy.Prover{}
			for range 4 { // it is starting
				if _, err := prover.Prove(t.Context(), endpoints, old); err == nil {
					break
				}
			}
			if _, err := prover.Prove(t.Context(), endpoints, old); err != nil {
				t.Fatalf("%v\n%s", err, r.log.String())
			}
			r.put(second)
			for _, e := range endpoints { // nothing picks a new file up by itself
				if looks := prover.Look(t.Context(), e, fresh); looks[0].Err != nil || !looks[0].Served[0].Equal(old) {
					t.Errorf("%+v", looks)
				}
			}
			reload()
			if _, err := prover.Prove(t.Context(), endpoints, fresh); err != nil {
				t.Errorf("%v\n%s", err, r.log.String())
			}
		})
	}
}
