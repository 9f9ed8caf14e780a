package cli

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wildcard/internal/issuance"
	"wildcard/internal/lineage"
	"wildcard/internal/testkit/clienttree"
)

// classic is a key as clients wrote it before PKCS #8: SEC 1 or PKCS #1.
func classic(t testing.TB, key crypto.Signer) string {
	t.Helper()
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		der, err := x509.MarshalECPrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		// with the block before it that openssl ecparam -genkey writes
		return "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" +
			string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}))
	case *rsa.PrivateKey:
		return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
	}
	t.Fatalf("a %T", key)
	return ""
}

// moved is what the world's certificate and account are in the form of another client, and the command line that takes them back.
func (w *world) moved(client string) (tree string, args []string) {
	w.t.Helper()
	l := w.lineage("example.com")
	set, err := l.Set()
	if err != nil {
		w.t.Fatal(err)
	}
	key, err := issuance.ParseKey(set.Key)
	if err != nil {
		w.t.Fatal(err)
	}
	accounts, err := w.store().Accounts(w.ca.DirectoryURL())
	if err != nil || len(accounts) != 1 {
		w.t.Fatal(err, len(accounts))
	}
	account := accounts[0]
	chain, certificate := string(set.Fullchain()), classic(w.t, key)
	host := strings.Split(w.ca.DirectoryURL(), "/")[2]
	var files map[string]string
	args = []string{"import", client}
	quoted := func(v any) string { text, _ := json.Marshal(v); return string(text) }
	switch client {
	case "lego":
		at := "accounts/" + strings.ReplaceAll(host, ":", "_") + "/me@example.com/"
		files = map[string]string{"certificates/_.example.com.crt": string(set.Cert), "certificates/_.example.com.issuer.crt": string(set.Chain),
			"certificates/_.example.com.key":  certificate,
			"certificates/_.example.com.json": quoted(map[string]string{"domain": "*.example.com", "certUrl": "https://" + host + "/c/1"}),
			at + "account.json":               quoted(map[string]any{"registration": map[string]any{"uri": account.URI, "body": map[string]string{"status": "valid"}}}),
			at + "keys/me@example.com.key":    classic(w.t, account.Key)}
		args = append(args, "--server", w.ca.DirectoryURL())
	case "dehydrated":
		at := "accounts/" + base64.RawURLEncoding.EncodeToString([]byte(w.ca.DirectoryURL()+"\n")) + "/"
		files = map[string]string{"config": "CA=" + w.ca.DirectoryURL() + "\nBASEDIR=\"$SCRIPTDIR\"\nCHALLENGETYPE=dns-01\nKEY_ALGO=secp384r1\n",
			"domains.txt": "*.example.com example.com > star # all\n", "certs/star/fullchain.pem": chain, "certs/star/privkey.pem": certificate,
			at + "account_key.pem": classic(w.t, account.Key), at + "account_id.json": quoted(map[string]string{"url": account.URI})}
	case "uacme": // has no account's URL: the CA knows it
		files = map[string]string{"private/key.pem": classic(w.t, account.Key), "example.com/cert.pem": chain, "private/example.com/key.pem": certificate}
		args = append(args, "--server", w.ca.DirectoryURL())
	case "acme.sh":
		at := "ca/" + strings.Split(host, ":")[0] + "/" + strings.SplitN(w.ca.DirectoryURL(), "/", 4)[3] + "/"
		files = map[string]string{"account.conf": "SAVED_CONOHA_Username='x'\n", at + "account.key": classic(w.t, account.Key), at + "ca.conf": "ACCOUNT_URL='" + account.URI + "'\n",
			"*.example.com_ecc/*.example.com.conf": "Le_Domain='*.example.com'\nLe_Alt='example.com'\nLe_Webroot='dns'\nLe_API='" + w.ca.DirectoryURL() + "'\nLe_Keylength='ec-256'\n",
			"*.example.com_ecc/fullchain.cer":      chain, "*.example.com_ecc/*.example.com.key": certificate, "*.example.com_ecc/*.example.com.cer": string(set.Cert)}
	case "caddy":
		at := strings.NewReplacer(":", "-", "/", "-").Replace(strings.TrimPrefix(w.ca.DirectoryURL(), "https://"))
		files = map[string]string{"acme/" + at + "/users/default/default.key": classic(w.t, account.Key), "acme/" + at + "/users/default/default.json": quoted(map[string]string{"status": "valid", "location": account.URI}),
			"certificates/" + at + "/wildcard_.example.com/wildcard_.example.com.crt": chain, "certificates/" + at + "/wildcard_.example.com/wildcard_.example.com.key": certificate,
			"certificates/" + at + "/wildcard_.example.com/wildcard_.example.com.json": quoted(map[string]any{"sans": l.Leaf.DNSNames, "issuer_data": map[string]string{"ca": w.ca.DirectoryURL(), "account": account.URI}})}
	}
	tree = filepath.Join(w.t.TempDir(), client)
	for name, text := range files {
		path := filepath.Join(tree, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			w.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := os.RemoveAll(w.config()); err != nil {
		w.t.Fatal(err)
	}
	return tree, append(args, tree)
}

func (w *world) store() *lineage.Store {
	w.t.Helper()
	store, err := lineage.Open(lineage.Options{ConfigDir: w.config(), RunDir: filepath.Join(w.dir, "run")})
	if err != nil {
		w.t.Fatal(err)
	}
	return store
}

// TestImport_RenewedByTheSameAccount has a certificate and an account of each client's form renewed here, by that account.
func TestImport_RenewedByTheSameAccount(t *testing.T) {
	t.Parallel()
	for _, client := range []string{"acme.sh", "lego", "dehydrated", "uacme", "caddy"} {
		t.Run(client, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.issue("*.example.com", "example.com")
			before, err := w.store().Account(w.ca.DirectoryURL(), "")
			if err != nil {
				t.Fatal(err)
			}
			tree, args := w.moved(client)
			snapshot := clienttree.Snapshot(t, tree)
			w.run(append(args, "--dry-run")...).exits(0, "Nothing was written", "*.example.com example.com")
			if left := w.files(); len(left) > 0 {
				for _, path := range left {
					if strings.HasPrefix(path, w.config()) {
						t.Errorf("a dry run wrote %s", path)
					}
				}
			}
			got := answerOf[importAnswer](w.run(append(args, "--json")...).exits(0))
			if len(got.Certificates) != 1 || got.Certificates[0].Lineage != "example.com" || got.Certificates[0].Account != before.URI {
				t.Fatalf("%+v", got)
			}
			w.run("list").exits(0, "example.com")
			w.run("renew", "--force", "--cert-name", "example.com").exits(0)
			after, err := w.store().Account(w.ca.DirectoryURL(), "")
			if err != nil || after.URI != before.URI || w.ca.Accounts() != 1 {
				t.Errorf("%s, before %s, of %d accounts, %v", after.URI, before.URI, w.ca.Accounts(), err)
			}
			w.nothingLeft()
			w.run(args...).exits(0, "example.com is there already") // although it was renewed
			if !maps.Equal(snapshot, clienttree.Snapshot(t, tree)) {
				t.Error("the tree was changed")
			}
		})
	}
}

// TestImport_NotWhole takes what can come, names the rest, and says so by its exit status.
func TestImport_NotWhole(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(tree string) error
		said   string
	}{
		"another's key": {func(tree string) error {
			key, err := issuance.ECDSA256.GenerateKey()
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(tree, "certificates/_.example.com.key"), []byte(classic(t, key)), 0o600)
		}, "its key is not that of the certificate"},
		"no key": {func(tree string) error { return os.Remove(filepath.Join(tree, "certificates/_.example.com.key")) }, "no such file"},
		"no issuer": {func(tree string) error {
			return os.Remove(filepath.Join(tree, "certificates/_.example.com.issuer.crt"))
		},
			"its chain is not complete"},
		"a link to a device": {func(tree string) error {
			path := filepath.Join(tree, "certificates/_.example.com.key")
			if err := os.Remove(path); err != nil {
				return err
			}
			return os.Symlink("/dev/zero", path)
		}, "no regular file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.issue("*.example.com", "example.com")
			tree, args := w.moved("lego")
			if err := test.change(tree); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				w.run(args...).exits(78, test.said, "import.impossible", "account https://")
			}
			if names, err := w.store().Names(); err != nil || len(names) > 0 {
				t.Errorf("%q, %v", names, err)
			}
		})
	}
	w := newWorld(t)
	w.run("import").exits(2, "acme.sh, lego")
	w.run("import", "certbot").exits(2, "it can be acme.sh")
	w.run("import", "lego", w.dir).exits(2, "there is nothing of lego", "import.nothing")
}

// TestImport_WhatEndsTheirRenewals finds the line that goes on renewing, shows it without its secrets, and the command that is advised ends it.
func TestImport_WhatEndsTheirRenewals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issue("*.example.com", "example.com")
	_, args := w.moved("lego")
	w.machineFile("etc/cron.d/certificates", "MAILTO=root\n17 5 * * * root CF_DNS_API_TOKEN=s3cret lego --eab-hmac s3cret --dns cloudflare renew\n18 5 * * * root true\n")
	got := answerOf[importAnswer](w.run(append(args, "--dry-run", "--json")...).exits(0))
	if len(got.Renewals) != 1 || strings.Contains(got.Renewals[0].Line, "s3cret") || !strings.Contains(got.Renewals[0].Line, "lego --eab-hmac *** --dns cloudflare") {
		t.Fatalf("%+v", got.Renewals)
	}
	w.run(append(args, "--dry-run")...).exits(0, "lego goes on renewing", got.Renewals[0].End)
	w.shell(got.Renewals[0].End)
	if text := w.read(filepath.Join(w.dir, "etc/cron.d/certificates")); !strings.Contains(text, "\n#17 5 ") || !strings.Contains(text, "\n18 5 ") {
		t.Errorf("left:\n%s", text)
	}
	if got := answerOf[importAnswer](w.run(append(args, "--dry-run", "--json")...).exits(0)); len(got.Renewals) > 0 {
		t.Errorf("%+v", got.Renewals)
	}
}
