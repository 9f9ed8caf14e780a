package certificates_test

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"wildcard/internal/certificates"
	"wildcard/internal/settings"
	"wildcard/internal/testkit/clienttree"
	"wildcard/providers"
)

// importer has a manager on a machine whose file system is a tree.
func importer(t *testing.T, root string, readOnly bool) (*certificates.Manager, string) {
	t.Helper()
	at := t.TempDir()
	return importerAt(t, root, at, readOnly), at
}

func importerAt(t *testing.T, root, at string, readOnly bool) *certificates.Manager {
	t.Helper()
	m, err := certificates.Open(certificates.Options{
		Dirs: settings.Directories{Config: filepath.Join(at, "letsencrypt"), State: filepath.Join(at, "state"),
			Run: filepath.Join(at, "run")},
		Root: root, Environ: []string{"HOME=" + filepath.Join(root, "home/admin")}, Now: clienttree.Now, ReadOnly: readOnly,
		Sleep: func(context.Context, time.Duration) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// treeCase is what has to come of a tree.
type treeCase struct {
	client   string
	lineages []string
	accounts int
	files    []string // with an env file's path below the configuration directory, and what is in it after "="
	refused  []string // parts of sources
	lost     []string
}

func treeCases() map[string]treeCase {
	v3 := "CONOHAV3_API_PASSWORD='dummy-password-1'"
	return map[string]treeCase{
		"acme.sh": {client: "acme.sh", lineages: []string{"example.com", "example.com-0001", "old.example.org", "www.example.net"}, accounts: 3,
			files: []string{"cloudflare/acme.sh.env=CF_DNS_API_TOKEN='dummy-token-1'", "conoha/acme.sh.env=CONOHA_API_PASSWORD='dummy-pass word$1'"},
			lost:  []string{"Le_ChallengeAlias", "Le_PFXPassword", "Le_DeployHook", "Le_Deploy_haproxy_reload", "CA_EAB_HMAC_KEY"}},
		"lego-v4": {client: "lego", lineages: []string{"example.com", "example.org", "noemail.example.org", "old.example.org", "www.example.net", "xn--bcher-kva.example"},
			accounts: 4, files: []string{"conoha/lego.env=" + v3}, lost: []string{"--renew-hook /etc/lego/reload-nginx.sh", "_.example.org.pfx"}},
		"lego-v5": {client: "lego", lineages: []string{"example.com", "example.com-0001", "example.org", "old.example.org", "www.example.net", "www.example.net-0001"},
			accounts: 4, files: []string{"conoha/lego.env=" + v3}, lost: []string{"hooks.deploy /etc/lego/deploy.sh", "renew.days", "pfx", "dns.propagation"}},
		"lego-v5-migrated": {client: "lego", lineages: []string{"example.com", "example.org", "old.example.org", "www.example.net", "xn--bcher-kva.example"}, accounts: 3},
		"dehydrated": {client: "dehydrated", lineages: []string{"example.com", "example.org", "old.example.org", "www.example.net"}, accounts: 2,
			lost: []string{"HOOK /etc/dehydrated/hook.sh", "RENEW_DAYS=30", "RENEW_DAYS=20"}},
		"caddy": {client: "caddy", lineages: []string{"example.com", "example.com-0001", "old.example.org", "www.example.net"}, accounts: 3,
			lost: []string{"{env.CF_API_TOKEN}", "dns.resolvers", "dns.propagation_timeout"}},
		"traefik": {client: "traefik", lineages: []string{"example.com", "old.example.org", "www.example.net"}, accounts: 2,
			files: []string{"conoha/traefik.env=" + v3}, lost: []string{"certificatesDuration", "unused", "dnsChallenge.resolvers"}},
		"traefik-v2": {client: "traefik", lineages: []string{"example.com", "example.org", "old.example.org", "www.example.net"}, accounts: 2,
			files: []string{"conoha/traefik.env=" + v3}, lost: []string{"certificatesDuration"}},
		"uacme": {client: "uacme", lineages: []string{"example.com", "example.org", "www.example.net"}, refused: []string{"uacme-short/old.example.org", "private/key.pem"}},
		"getssl": {client: "getssl", lineages: []string{"example.com", "old.example.org", "www.example.net"}, refused: []string{"account.key"},
			lost: []string{"CONOHA_PASSWORD", "DNS_ADD_COMMAND", "ACL", "RENEW_ALLOW"}},
		"cert-manager": {client: "cert-manager", lineages: []string{"example.com", "old.example.org", "www.example.net"}, accounts: 1,
			files: []string{"cloudflare/cert-manager.env=CF_DNS_API_TOKEN='dummy-token-1'"}, lost: []string{"renewBefore", "externalAccountBinding"}},
	}
}

// scheduled puts what runs a client where cron has it; the trees have it beside.
func scheduled(t *testing.T, root string) {
	t.Helper()
	for from, to := range map[string]string{"crontab.txt": "var/spool/cron/crontabs/admin", "etc/cron.d-dehydrated.txt": "etc/cron.d/dehydrated",
		"cron.d-getssl.txt": "etc/cron.d/getssl"} {
		text, err := os.ReadFile(filepath.Join(root, from))
		if err != nil {
			continue
		}
		at := filepath.Join(root, to)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestImport_EachTree takes each tree over whole, or says of each thing why not; a dry run says the same and writes nothing, a second run
// takes nothing twice, and nothing of the tree changes.
func TestImport_EachTree(t *testing.T) {
	t.Parallel()
	cases := treeCases()
	for _, tree := range clienttree.Names() {
		t.Run(tree, func(t *testing.T) {
			t.Parallel()
			test, ok := cases[tree]
			if !ok {
				t.Fatal("no case")
			}
			root := clienttree.Lay(t, tree)
			scheduled(t, root)
			before := clienttree.Snapshot(t, root)
			r := certificates.ImportRequest{Client: test.client, DryRun: true,
				Servers: []string{"https://localhost:14000/dir", "https://127.0.0.1:14001/dir"}}
			if test.client == "cert-manager" {
				r.Path = root
			}
			if test.client == "uacme" { // which has no URLs at all
				r.Servers = nil
			}
			m, at := importer(t, root, true)
			tried, err := m.Import(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			if left, err := os.ReadDir(at); err != nil || len(left) > 0 {
				t.Errorf("a dry run left %v, %v", left, err)
			}
			r.DryRun = false
			m = importerAt(t, root, at, false)
			got, err := m.Import(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			if a, b := saidOf(tried), saidOf(got); !slices.Equal(a, b) {
				t.Errorf("the dry run said\n%q\nand it came\n%q", a, b)
			}
			test.check(t, m, got)
			again, err := importerAt(t, root, at, false).Import(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range again.Certificates {
				if c.Outcome == certificates.ImportDone {
					t.Errorf("%s came twice, as %s", c.Source, c.Lineage)
				}
			}
			if after := clienttree.Snapshot(t, root); !maps.Equal(before, after) {
				for path := range before {
					if before[path] != after[path] {
						t.Errorf("%s was changed", path)
					}
				}
			}
		})
	}
}

// saidOf is what an import says, in order.
func saidOf(i certificates.Imported) (all []string) {
	for _, c := range i.Certificates {
		all = append(all, c.Source+" "+c.Lineage+" "+string(c.Outcome)+" "+c.Provider+" "+c.Account)
	}
	for _, a := range i.Accounts {
		all = append(all, a.Source+" "+a.ID+" "+string(a.Outcome))
	}
	return append(all, i.Files...)
}

func (test treeCase) check(t *testing.T, m *certificates.Manager, got certificates.Imported) {
	t.Helper()
	names, err := m.Store.Names()
	if err != nil || !slices.Equal(names, test.lineages) {
		t.Errorf("lineages %q, %v, want %q", names, err, test.lineages)
	}
	accounts := 0
	var refused, lost, said []string
	for _, a := range got.Accounts {
		if a.Outcome == certificates.ImportDone {
			accounts++
			kept, err := m.Store.Account(a.Server, a.ID)
			if err != nil || kept.URI != a.URI || a.URI == "" {
				t.Errorf("%s: %+v, %v", a.Source, kept, err)
			}
		}
		if a.Err != nil {
			refused = append(refused, a.Source)
			said = append(said, a.Err.Error())
		}
	}
	if accounts != test.accounts {
		t.Errorf("%d accounts, want %d", accounts, test.accounts)
	}
	for _, c := range got.Certificates {
		lost = append(lost, c.Lost...)
		for _, note := range c.Notes {
			said = append(said, note.String())
		}
		if c.Err != nil {
			refused = append(refused, c.Source)
			said = append(said, c.Err.Error())
			continue
		}
		checkLineage(t, m, c)
	}
	for _, want := range test.refused {
		if !slices.ContainsFunc(refused, func(s string) bool { return strings.Contains(s, want) }) {
			t.Errorf("%s is not refused: %q", want, refused)
		}
	}
	if len(test.refused) == 0 && len(refused) > 0 {
		t.Errorf("refused: %q: %q", refused, said)
	}
	lost = append(lost, got.Lost...)
	for _, want := range test.lost {
		if !slices.ContainsFunc(lost, func(s string) bool { return strings.Contains(s, want) }) {
			t.Errorf("%s is not named: %q", want, lost)
		}
	}
	test.checkFiles(t, m, got)
	for _, r := range got.Renewals {
		said = append(said, r.File+r.Line+r.End)
	}
	if len(got.Renewals) == 0 && test.client != "lego" {
		t.Error("what renews them is not found")
	}
	for _, secret := range clienttree.Secrets() {
		for _, line := range slices.Concat(said, lost, got.Unread) {
			if strings.Contains(line, secret) {
				t.Errorf("%q is said: %s", secret, line)
			}
		}
	}
}

// checkLineage looks at a lineage that a certificate became: the same certificate and key, its settings, its account.
func checkLineage(t *testing.T, m *certificates.Manager, c certificates.ImportedCertificate) {
	t.Helper()
	l, err := m.Store.Lineage(c.Lineage)
	if err != nil {
		t.Error(err)
		return
	}
	if l.Damage != nil || l.Leaf == nil || !l.Leaf.NotAfter.Equal(c.NotAfter) || !l.Owned() {
		t.Errorf("%s: %v, %v", c.Lineage, l.Damage, l.Leaf)
	}
	s, _ := l.Conf.Settings()
	if p := l.Conf.Params(); p.Server != c.Server || !slices.Equal(s.Domains, c.Names) || s.Imported != c.Source || (p.Account == "") != (c.Account == "") {
		t.Errorf("%s: %+v, %+v", c.Lineage, p, s)
	}
	is, err := certificates.ConditionOf(l, m.State, clienttree.Now())
	if due := !is.RenewAt.After(clienttree.Now()); err != nil || due != strings.HasPrefix(c.Names[0], "old.") {
		t.Errorf("%s: due %v, %v", c.Lineage, due, err)
	}
}

// checkFiles looks at the env files: private, and as the provider reads them.
func (test treeCase) checkFiles(t *testing.T, m *certificates.Manager, got certificates.Imported) {
	t.Helper()
	var want []string
	for _, file := range test.files {
		path, line, _ := strings.Cut(file, "=")
		path = filepath.Join(m.Store.Dir(), path)
		want = append(want, path)
		info, err := os.Stat(path)
		if err != nil || info.Mode() != 0o600 {
			t.Errorf("%v, %v", info, err)
			continue
		}
		text, _ := os.ReadFile(path)
		if !strings.Contains("\n"+string(text), "\n"+line+"\n") {
			t.Errorf("%s lacks a line", path)
		}
		if _, err := settings.ReadEnvFile(path); err != nil {
			t.Error(err)
		}
		if strings.Contains(path, "conoha") {
			accounts, err := m.Services.Open([]providers.Spec{{Name: "conoha", EnvFile: path}}, "")
			if err != nil || len(accounts) == 0 {
				t.Errorf("%s: %v, %v", path, accounts, err)
			}
			for _, account := range accounts {
				account.Close(nil)
			}
		}
	}
	if have := slices.Sorted(slices.Values(got.Files)); !slices.Equal(have, want) {
		t.Errorf("files %q, want %q", have, want)
	}
}

// TestImport_NoTimeOfReading leaves not even the time at which a file was read last.
func TestImport_NoTimeOfReading(t *testing.T) {
	t.Parallel()
	root := clienttree.Lay(t, "dehydrated")
	times := func() map[string]time.Time {
		all := map[string]time.Time{}
		for _, path := range []string{"etc/dehydrated/config", "etc/dehydrated/domains.txt", "var/lib/dehydrated/certs/example.com/privkey-1795894897.pem",
			"var/lib/dehydrated/accounts", "var/lib/dehydrated/certs/example.com"} {
			var stat syscall.Stat_t
			if err := syscall.Stat(filepath.Join(root, path), &stat); err != nil {
				t.Fatal(err)
			}
			all[path] = time.Unix(stat.Atim.Unix())
		}
		return all
	}
	before := times()
	m, _ := importer(t, root, true)
	if _, err := m.Import(t.Context(), certificates.ImportRequest{Client: "dehydrated", DryRun: true}); err != nil {
		t.Fatal(err)
	}
	if after := times(); !maps.Equal(before, after) {
		t.Errorf("read: %v, then %v", before, after)
	}
}

// TestImport_Hooks takes over what acme.sh does after a renewal, as commands, but not from a file that others may change: it will run as root.
func TestImport_Hooks(t *testing.T) {
	t.Parallel()
	for name, mode := range map[string]os.FileMode{"private": 0o600, "others may write": 0o622} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := clienttree.Lay(t, "acme.sh")
			if err := os.Chmod(filepath.Join(root, "home/admin/.acme.sh/example.com_ecc/example.com.conf"), mode); err != nil {
				t.Fatal(err)
			}
			m, _ := importer(t, root, false)
			got, err := m.Import(t.Context(), certificates.ImportRequest{Client: "acme.sh", DeployHooks: []string{"true"}})
			if err != nil {
				t.Fatal(err)
			}
			l, err := m.Store.Lineage("example.com-0001")
			if err != nil {
				t.Fatal(err)
			}
			s, _ := l.Conf.Settings()
			hooks := certificates.DeployCommands(l.Conf.Params(), s)
			want := []string{`cat "$RENEWED_LINEAGE/privkey.pem" > /etc/nginx/ssl/example.com.key && cat "$RENEWED_LINEAGE/fullchain.pem" > /etc/nginx/ssl/example.com.pem && { systemctl reload nginx || true; }`,
				"/home/admin/bin/renewed.sh --quiet", "true"}
			if mode != 0o600 {
				want = []string{"true"}
			}
			if !slices.Equal(hooks, want) {
				t.Errorf("hooks %q", hooks)
			}
			said := false
			for _, c := range got.Certificates {
				for _, note := range c.Notes {
					said = said || strings.Contains(note.String(), "its hooks are not taken over")
				}
			}
			if said != (mode != 0o600) {
				t.Errorf("said %v", said)
			}
		})
	}
}

// TestImport_NoFileForNothing writes credentials for certificates that come alone, and none where another client's word
// for a service would lead out of the folder.
func TestImport_NoFileForNothing(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	key := a.keys[0]
	for name, test := range map[string]struct {
		command string
		files   []string // below the configuration directory
		said    string
	}{
		"it comes":             {"lego -d *.example.com --dns desec", []string{"desec/lego.env"}, ""},
		"a folder above":       {"lego -d *.example.com --dns ..", nil, `"lego:.." is no name of a DNS service`},
		"a folder elsewhere":   {"lego -d *.example.com --dns x/desec", nil, `"lego:x/desec" is no name of a DNS service`},
		"none":                 {"lego -d *.example.com --dns=-/", nil, `"lego:-/" is no name of a DNS service`},
		"a setting of no line": {"lego -d *.example.com --dns desec --preferred-chain a\x01b", nil, "preferred_chain"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree := legoTree(t, map[string]string{"x.crt": pemText(a.leaf(key, nil), a.all[2]), "x.key": pkcs8(t, key),
				"x.json": `{"domain":"*.example.com"}`})
			root := t.TempDir()
			table := filepath.Join(root, "etc/cron.d/lego")
			if err := os.MkdirAll(filepath.Dir(table), 0o755); err != nil {
				t.Fatal(err)
			}
			text := "DESEC_TOKEN=dummy-token\n1 2 * * * root " + test.command + " --path " + tree + " renew\n"
			if err := os.WriteFile(table, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			m, at := importer(t, root, false)
			got, err := m.Import(t.Context(), certificates.ImportRequest{Client: "lego", Path: tree,
				Servers: []string{"https://ca.example/dir"}})
			if err != nil || len(got.Certificates) != 1 {
				t.Fatalf("%+v, %v", got.Certificates, err)
			}
			c := got.Certificates[0]
			if (c.Err == nil) != (test.said == "") || c.Err != nil && !strings.Contains(c.Err.Error(), test.said) {
				t.Errorf("%s: %v", c.Outcome, c.Err)
			}
			var files []string
			err = filepath.WalkDir(at, func(path string, _ os.DirEntry, err error) error {
				if filepath.Ext(path) == ".env" {
					files = append(files, strings.TrimPrefix(path, filepath.Join(at, "letsencrypt")+"/"))
				}
				return err
			})
			if err != nil || !slices.Equal(files, test.files) || len(got.Files) != len(test.files) {
				t.Errorf("files %q, said %q, %v", files, got.Files, err)
			}
		})
	}
}

// TestImport_HooksOfTwoFiles takes over no hook of getssl's if others may change either of the files that may have it.
func TestImport_HooksOfTwoFiles(t *testing.T) {
	t.Parallel()
	for _, open := range []string{"", "getssl.cfg", "old.example.org/getssl.cfg"} {
		root := clienttree.Lay(t, "getssl")
		dir := filepath.Join(root, "etc/getssl")
		text, err := os.ReadFile(filepath.Join(dir, "getssl.cfg"))
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, "\nRELOAD_CMD=true\n"...)
		if err := os.WriteFile(filepath.Join(dir, "getssl.cfg"), text, 0o600); err != nil {
			t.Fatal(err)
		}
		if open != "" {
			if err := os.Chmod(filepath.Join(dir, open), 0o622); err != nil {
				t.Fatal(err)
			}
		}
		m, _ := importer(t, root, false)
		if _, err := m.Import(t.Context(), certificates.ImportRequest{Client: "getssl",
			Servers: []string{"https://localhost:14000/dir"}}); err != nil {
			t.Fatal(err)
		}
		l, err := m.Store.Lineage("old.example.org")
		if err != nil {
			t.Fatal(err)
		}
		s, _ := l.Conf.Settings()
		if hooks := certificates.DeployCommands(l.Conf.Params(), s); (len(hooks) > 0) != (open == "") {
			t.Errorf("others may change %q: hooks %q", open, hooks)
		}
	}
}
