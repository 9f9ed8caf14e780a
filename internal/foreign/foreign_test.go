package foreign

import (
	"maps"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"wildcard/internal/testkit/clienttree"
)

// TestParseShell_PlainAssignments reads what a shell would have in its variables, and names each line that it would have to work out.
func TestParseShell_PlainAssignments(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{ // of the variable A, with B=b known
		`A=plain`: "plain", `A='sin gle $B'`: "sin gle $B", `A="dou ble ${B}/x"`: "dou ble b/x", `A=$B.txt`: "b.txt", `export A=x B=y`: "x",
		`A="es\"c\$aped"`: `es"c$aped`, `A=a'b'"c"`: "abc", `  A=1 # why`: "1", "A=1\r": "1", `A=`: "", `A=(one 'two three')`: "one two three",
		"A=(one\n two)": "one two", `A=http://x/?a=b`: "http://x/?a=b",
	} {
		f := parseShell(line, map[string]string{"B": "b"}, false)
		if got := f.values["A"]; got != want || len(f.unread) > 0 {
			t.Errorf("%q: %q, unread %v", line, got, f.unread)
		}
	}
	for _, line := range []string{`A=$(id)`, "A=`id`", `A=$UNKNOWN`, `. /etc/other`, `if true; then`, `A="open`, `A=1 command`, `A=${B:-c}`, `[[ x ]] && A=1`, `A=<(id)`} {
		f := parseShell("B=1\n"+line, nil, false)
		if f.values["A"] != "" || !slices.Equal(f.unread, []int{2}) {
			t.Errorf("%q: %q, unread %v", line, f.values["A"], f.unread)
		}
	}
	if f := parseShell(`A=pa$$w`+"`rd", nil, true); f.values["A"] != "pa$$w`rd" {
		t.Errorf("a file of variables: %q", f.values["A"])
	}
}

// TestShown_Secrets leaves out what may be secret of a line, and nothing else.
func TestShown_Secrets(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		`5 4 * * * root CF_TOKEN=abc lego renew`:                       `5 4 * * * root CF_TOKEN=*** lego renew`,
		`x TOKEN="a b" KEY='c d' lego --dns=x`:                         `x TOKEN=*** KEY=*** lego --dns=x`,
		`lego --eab-kid k --eab-hmac-key h --key-type ec256`:           `lego --eab-kid k --eab-hmac-key *** --key-type ec256`,
		`lego --hmac=abc --path=/etc/lego --pfx.pass p`:                `lego --hmac=*** --path=/etc/lego --pfx.pass ***`,
		`uacme -e kid:key -c /etc/ssl/uacme issue a`:                   `uacme -e *** -c /etc/ssl/uacme issue a`,
		`"/root/.acme.sh"/acme.sh --cron --home "/root/.acme.sh" >x`:   `"/root/.acme.sh"/acme.sh --cron --home "/root/.acme.sh" >x`,
		`curl -H 'Authorization: Bearer s' https://h/x`:                `curl -H 'Authorization: ***' https://h/x`,
		`lego --renew-hook "curl -H authorization:s -X PUT h" --dns x`: `lego --renew-hook "curl -H authorization:***" --dns x`,
		`curl -H "X-Api-Key: s" -H 'Private-Token: s t' h`:             `curl -H "X-Api-Key: ***" -H 'Private-Token: ***' h`,
		`curl https://me:s@h/x http://s@h redis://:s@h/ https://h/x`:   `curl https://***@h/x http://***@h redis://***@h/ https://h/x`,
		`curl -su me:s h && curl --user="me:s t" h`:                    `curl -su *** h && curl --user=*** h`,
		`sudo -u lego docker run -v /keys:/keys lego`:                  `sudo -u lego docker run -v /keys:/keys lego`,
		`sh -c 'TOKEN=s lego' && env "KEY=a b" x`:                      `sh -c 'TOKEN=***' && env 'KEY=***' x`,
		`(TOKEN=s x) && curl 'https://h/?token=s&key=s'`:               `(TOKEN=*** x) && curl 'https://h/?token=***`,
		`TOKEN=a'b c'd"e f"\ g x --pass "a\"b c" --pass a" b c`:        `TOKEN=*** x --pass *** --pass ***`,
	} {
		if got := shown(line); got != want {
			t.Errorf("%s\n got %s", line, got)
		}
	}
}

// TestRead_SecretsOfHooks says of commands, and of options beside a secret, only what is not secret.
func TestRead_SecretsOfHooks(t *testing.T) {
	t.Parallel()
	const hook = `curl -H "Authorization: Bearer hidden" https://me:hidden@h/`
	job := func(command string) string { return "1 2 * * * root " + command + "\n" }
	for client, test := range map[string]struct {
		files map[string]string
		want  []string
	}{
		"lego": {map[string]string{"etc/lego/accounts/.keep": "", "etc/lego/certificates/a.example.crt": "c",
			"etc/lego/certificates/a.example.json": `{"domain":"a.example"}`,
			"etc/lego/.lego.yml":                   "hooks: {deploy: {command: TOKEN=hidden /bin/x}}",
			"etc/cron.d/lego": job("lego -d a.example --must-staple --pfx --pfx.pass=hidden --dynamic --pfx.pass=hidden " +
				"renew --run-hook '" + hook + "'")},
			[]string{"--dynamic", "--must-staple", "--pfx", "hooks.deploy TOKEN=*** /bin/x",
				`--run-hook curl -H "Authorization: ***" https://***@h/`}},
		"dehydrated": {map[string]string{"etc/dehydrated/config": "BASEDIR=$SCRIPTDIR\nHOOK='" + hook + "'",
			"etc/dehydrated/certs/a.example/cert.pem": "c"}, []string{"HOOK curl -H"}},
		"getssl": {map[string]string{"etc/getssl/getssl.cfg": "VALIDATE_VIA_DNS=true\nDNS_ADD_COMMAND='" + hook + "'",
			"etc/getssl/a.example/getssl.cfg": "", "etc/getssl/a.example/a.example.crt": "c"}, []string{"dns-01 curl -H"}},
		"uacme": {map[string]string{"etc/ssl/uacme/private/key.pem": "k", "etc/ssl/uacme/a.example/cert.pem": "c",
			"var/spool/cron/crontabs/root": "@daily uacme -h '" + hook + "' issue a.example && x --pass 'a hidden'"},
			[]string{"--hook curl -H", "&& x --pass ***"}},
	} {
		root := put(t, test.files)
		found, err := Read(client, "", Machine{Root: root})
		if err != nil || len(found.Certificates) != 1 {
			t.Fatal(client, err)
		}
		c := found.Certificates[0]
		said := strings.Join(slices.Concat(found.Lost, c.Lost, []string{c.Proof}), "\n")
		for _, r := range found.Renewals {
			said += "\n" + r.Line
		}
		if strings.Contains(said, "hidden") {
			t.Errorf("%s: a secret is said:\n%s", client, said)
		}
		for _, want := range test.want {
			if !strings.Contains("\n"+said, "\n"+want) {
				t.Errorf("%s: %s is not said:\n%s", client, want, said)
			}
		}
	}
}

// TestAcmeConf_Quotes reads acme.sh's lines: a quote within is no end, base64 is undone, the last of two counts.
func TestAcmeConf_Quotes(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "account.conf")
	text := "\n#A='0'\n    \nA='1'\nA='it's $x'\nB=\"b\"\nC=c\r\nD='__ACME_BASE64__START_c3lzdGVtY3Rs__ACME_BASE64__END_'\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := readAcmeConf(path)
	if want := map[string]string{"A": "it's $x", "B": "b", "C": "c", "D": "systemctl"}; err != nil || !maps.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
}

// put writes a tree.
func put(t *testing.T, files map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestRead_OtherForms reads trees in forms of other versions and of other settings than those that clienttree has.
func TestRead_OtherForms(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		client, path string
		files        map[string]string
		check        func(f *Found) bool
	}{
		"acme.sh before folders of a path": {"acme.sh", "", map[string]string{"account.conf": "", "ca/acme.example/account.key": "k", "ca/acme.example/ca.conf": "ACCOUNT_URL='https://acme.example/a/1'"},
			func(f *Found) bool { return f.Accounts[0].Host == "acme.example" && f.Accounts[0].URI != "" }},
		"acme.sh, removed": {"acme.sh", "", map[string]string{"account.conf": "", "a.example/a.example.cer": "c", "a.example/a.example.conf.removed": "x"},
			func(f *Found) bool {
				return slices.Contains(f.Certificates[0].Lost, "a.example.conf") && f.Certificates[0].Err != nil
			}},
		"acme.sh, certificates elsewhere": {"acme.sh", "", map[string]string{"account.conf": "CERT_HOME='/srv/certs'", "srv/certs/b.example_ecc/b.example.conf": "Le_API='https://x/d'\nLe_Webroot='dns_hetzner'\nLe_ForceNewDomainKey='1'"},
			func(f *Found) bool {
				c := f.Certificates[0]
				return c.Service.Spec == "lego:hetzner" && !c.ReuseKey && c.Server == "https://x/d"
			}},
		"acme.sh, a service that is not known": {"acme.sh", "", map[string]string{"account.conf": "SAVED_ODD_Key='s'", "c.example/c.example.conf": "Le_Webroot='dns_odd'"},
			func(f *Found) bool {
				return f.Certificates[0].Proof == "dns_odd" && f.Certificates[0].Service == nil && strings.HasPrefix(f.Lost[0], "ODD_Key (")
			}},
		"dehydrated, one folder for all": {"dehydrated", "config", map[string]string{"config": "BASEDIR=$SCRIPTDIR\nCA=letsencrypt-test\nDOMAINS_TXT=names\nKEY_ALGO=rsa\nKEYSIZE=4096\nif x; then\nfi\n", "names": "A.example b.example\n", "certs/a.example/cert.pem": "x", "accounts/none": ""},
			func(f *Found) bool {
				c := f.Certificates[0]
				return c.Server == "letsencrypt-staging" && slices.Equal(c.Names, []string{"a.example", "b.example"}) && c.KeyType == "rsa-4096" && len(f.Unread) == 2
			}},
		"traefik 1": {"traefik", "acme.json", map[string]string{"acme.json": `{"Account":{"Email":"x","Registration":{"uri":"https://h/a/1"},"PrivateKey":"AAAA"},"Certificates":[{"Domain":{"Main":"*.a.example","SANs":["a.example"]},"Certificate":"QQ==","Key":"QQ=="}]}`},
			func(f *Found) bool {
				return slices.Equal(f.Certificates[0].Names, []string{"*.a.example", "a.example"}) && f.Certificates[0].Host == "h" && f.Accounts[0].URI == "https://h/a/1"
			}},
		"traefik with TOML": {"traefik", "", map[string]string{"acme.json": `{"le":{"Account":null,"Certificates":[{"domain":{"main":"a.example"},"certificate":"QQ==","key":"!"}]}}`,
			"traefik.toml": "[certificatesResolvers.le.acme]\n  caServer = \"https://x/d\"\n  [certificatesResolvers.le.acme.dnsChallenge]\n    provider = \"rfc2136\"\n", ".env": "RFC2136_NAMESERVER=192.0.2.1"},
			func(f *Found) bool {
				c := f.Certificates[0]
				return c.Server == "https://x/d" && c.Service.Spec == "rfc2136" && c.Service.Values["RFC2136_NAMESERVER"].Reveal() == "192.0.2.1" && c.Err != nil
			}},
		"cert-manager, a list": {"cert-manager", "all.yaml", map[string]string{"all.yaml": "kind: List\nitems:\n- kind: Secret\n  metadata: {name: s, namespace: n}\n  stringData: {tls.crt: C, tls.key: K}\n"},
			func(f *Found) bool {
				return string(f.Certificates[0].Chain) == "C" && strings.HasSuffix(f.Certificates[0].Source, "#n/s")
			}},
		"cert-manager, a strategy beside the service": {"cert-manager", "a.yaml", map[string]string{
			"a.yaml": strings.Join([]string{
				"{kind: Secret, metadata: {name: s}, stringData: {tls.crt: C, tls.key: K}}",
				"{kind: Certificate, spec: {secretName: s, dnsNames: [a.example], issuerRef: {name: i}}}",
				"{kind: Secret, metadata: {name: t}, stringData: {k: token}}",
				"{kind: Issuer, metadata: {name: i}, spec: {acme: {solvers: [{dns01: {A: x, " +
					"cnameStrategy: Follow, cnameOther: x, cloudflare: {apiTokenSecretRef: {name: t, key: k}}}}]}}}"}, "\n---\n")},
			func(f *Found) bool {
				s := f.Certificates[0].Service
				return s != nil && s.Spec == "lego:cloudflare" && s.Values["CF_DNS_API_TOKEN"].Reveal() == "token"
			}},
		"lego with a program": {"lego", "etc/lego", map[string]string{"etc/lego/accounts/.keep": "",
			"etc/lego/certificates/a.example.crt":  "c",
			"etc/lego/certificates/a.example.json": `{"domain":"a.example"}`,
			"etc/cron.d/lego":                      "EXEC_PATH=/bin/records\n@daily root lego -d a.example --dns exec renew\n"},
			func(f *Found) bool {
				return f.Certificates[0].Service == nil && f.Certificates[0].Proof == "dns exec /bin/records"
			}},
		"caddy, a module that is not known": {"caddy", "data/caddy", map[string]string{"data/caddy/acme/h/users/x/x.json": `{"status":"deactivated","location":"https://h/a/1"}`, "data/caddy/acme/h/users/x/x.key": "k",
			"data/caddy/certificates/h/a.example/a.example.crt": "c", "data/caddy/certificates/h/a.example/a.example.json": `{"sans":["a.example"],"issuer_data":{"ca":"https://h/d"}}`, "data/caddy/certificates/local/x/x.crt": "c",
			"config/caddy/autosave.json": `{"apps":{"tls":{"automation":{"policies":[{"reuse_private_keys":true,"issuers":[{"external_account":{"key_id":"x"},"challenges":{"dns":{"provider":{"name":"odd","api_key":"s"}}}}]}]}}}}`},
			func(f *Found) bool {
				c := f.Certificates[0]
				return len(f.Certificates) == 1 && c.Proof == "dns.providers.odd" && c.ReuseKey && slices.Contains(c.Lost, "external_account") && f.Accounts[0].Err != nil && f.Accounts[0].Server == "https://h/d"
			}},
		"getssl, two kinds": {"getssl", "", map[string]string{"getssl.cfg": "CA=https://acme-v02.api.letsencrypt.org\nREUSE_PRIVATE_KEY=false\n", "a.example/getssl.cfg": "SANS='b.example, c.example'\nDOMAIN_KEY_LOCATION=ssh:h:/k\nRELOAD_CMD=$(x)\n", "a.example/a.example.crt": "c", "a.example/a.example.ec.crt": "c"},
			func(f *Found) bool {
				c := f.Certificates[1]
				return len(f.Certificates) == 2 && len(c.Names) == 3 && c.Server == "https://acme-v02.api.letsencrypt.org/directory" && !c.ReuseKey && slices.Contains(c.Lost, "DOMAIN_KEY_LOCATION") && len(f.Unread) == 1
			}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := put(t, test.files)
			found, err := Read(test.client, filepath.Join(dir, test.path), Machine{Root: dir})
			if err != nil {
				t.Fatal(err)
			}
			if len(found.Certificates)+len(found.Accounts) == 0 || !test.check(found) {
				t.Errorf("%+v", found)
			}
		})
	}
}

// TestRead_Places finds the trees of a client where it keeps them, below a folder that is named, and in a home folder.
func TestRead_Places(t *testing.T) {
	t.Parallel()
	root := clienttree.Lay(t, "lego-v5")
	for path, want := range map[string]int{root: 6, filepath.Join(root, "home/admin/.lego"): 2, filepath.Join(root, "etc/lego"): 4, "": 6} {
		found, err := Read("lego", path, Machine{Root: root, Environ: []string{"HOME=" + filepath.Join(root, "home/admin")}})
		if err != nil || len(found.Certificates) != want {
			t.Errorf("%q: %d certificates, %v", path, len(found.Certificates), err)
		}
	}
}

// TestReadFile_NoRegularFile opens nothing that is no file: opening a FIFO would wait, and a device may do things.
func TestReadFile_NoRegularFile(t *testing.T) {
	t.Parallel()
	dir := put(t, map[string]string{"file": "x"})
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := syscall.Mkfifo(at("fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"zero": "/dev/zero", "loop": "loop", "good": "file", "wait": "fifo"} {
		if err := os.Symlink(to, at(link)); err != nil {
			t.Fatal(err)
		}
	}
	for name, good := range map[string]bool{"file": true, "good": true, "fifo": false, "wait": false, "zero": false, "loop": false, ".": false, "none": false} {
		if _, err := readFile(at(name)); (err == nil) != good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRenewals_Schedulers finds what runs a client: cron's tables of any user, units with their timers, and no comment, nor what only has its
// name in a path.
func TestRenewals_Schedulers(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"etc/lego/certificates/.keep": "", "etc/lego/accounts/.keep": "",
		"etc/cron.d/one":                      "# 1 2 * * * root lego renew\n1 2 * * * root cd /etc/lego && /usr/local/bin/lego renew\n",
		"etc/cron.d/other":                    "1 2 * * * root tar c /etc/lego\n",
		"var/spool/cron/crontabs/me":          "@daily lego --path /etc/lego renew\n",
		"etc/systemd/system/certs.service":    "[Service]\nExecStart=/usr/bin/lego renew\n",
		"etc/systemd/system/nightly.timer":    "[Timer]\nOnCalendar=daily\nUnit=certs.service\n",
		"etc/systemd/system/other.service":    "[Service]\nExecStart=/usr/bin/other\n",
		"etc/cron.d/one.dpkg-old":             "1 2 * * * root lego renew\n",
		"usr/lib/systemd/system/lego.service": "[Service]\nExecStart=/usr/bin/lego --renew\n",
	}
	root := put(t, files)
	found, err := Read("lego", "", Machine{Root: root})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range found.Renewals {
		got = append(got, strings.TrimPrefix(r.File, root)+": "+strings.ReplaceAll(r.End, root, ""))
	}
	slices.Sort(got)
	want := []string{"/etc/cron.d/one: sed -i '\\,lego,s,^,#,' /etc/cron.d/one", "/etc/systemd/system/certs.service: systemctl disable --now nightly.timer",
		"/usr/lib/systemd/system/lego.service: systemctl disable --now lego.service", "/var/spool/cron/crontabs/me: crontab -e -u me"}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestRead_JobsOfOthers shows what other users' lines renew, and takes no setting from them.
func TestRead_JobsOfOthers(t *testing.T) {
	t.Parallel()
	const line = "DESEC_TOKEN=x lego -d a.example --server https://x/d --dns desec renew\n"
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		file, text string
		uid        int // that the file is given to where we may; -1 is as it is
		good       bool
	}{
		"root's line":        {"etc/cron.d/lego", "1 2 * * * root " + line, -1, true},
		"our line":           {"etc/cron.d/lego", "@daily " + me.Username + " " + line, -1, true},
		"another's line":     {"etc/cron.d/lego", "1 2 * * * other " + line, -1, false},
		"another's @daily":   {"etc/crontab", "@daily other " + line, -1, false},
		"our own table":      {"var/spool/cron/crontabs/me", "@daily " + line, -1, true},
		"another's table":    {"var/spool/cron/crontabs/other", "@daily " + line, 65534, false},
		"another's own file": {"etc/cron.d/lego", "1 2 * * * root " + line, 65534, false},
	} {
		if test.uid >= 0 && os.Geteuid() != 0 {
			continue // only root can give files away
		}
		root := put(t, map[string]string{"etc/lego/accounts/.keep": "", "etc/lego/certificates/a.example.crt": "c",
			"etc/lego/certificates/a.example.json": `{"domain":"a.example"}`, test.file: test.text})
		if err := os.Chown(filepath.Join(root, test.file), test.uid, -1); err != nil {
			t.Fatal(err)
		}
		found, err := Read("lego", "", Machine{Root: root})
		if err != nil || len(found.Certificates) != 1 || len(found.Renewals) != 1 {
			t.Fatalf("%s: %+v, %v", name, found, err)
		}
		if c := found.Certificates[0]; (c.Service != nil) != test.good || (c.Server != "") != test.good {
			t.Errorf("%s: %v of %q", name, c.Service, c.Server)
		}
	}
}
