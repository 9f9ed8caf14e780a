package lineage

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"wildcard/internal/fault"
	"wildcard/providers"
)

const certbotConf = `# renew_before_expiry = 30 days
version = 2.1.0
archive_dir = /etc/letsencrypt/archive/example.com
cert = /etc/letsencrypt/live/example.com/cert.pem
privkey = /etc/letsencrypt/live/example.com/privkey.pem
chain = /etc/letsencrypt/live/example.com/chain.pem
fullchain = /etc/letsencrypt/live/example.com/fullchain.pem

# Options used in the renewal process
[renewalparams]
account = 282b2198084c30b9b945ef262c477a9a
pref_challs = dns-01,
server = https://acme-v02.api.letsencrypt.org/directory
renew_hook = systemctl reload nginx   # mine
webroot_path = /var/www, "/srv/a,b"
[[webroot_map]]
example.com = /var/www
# the end
`

// oddConfs are texts at the corners of the syntax. The e2e ring gives the same ones, and mixtures of them, to ConfigObj.
var oddConfs = []string{
	"", "\n", "#", "a = 1", "a=1\n", "a = 1\r\nb = 2\r\n", " \ta = 1 # c\n", "a =\n", "a = ,\n", "a = x,\n", "a = ,x\n", "a = x,,y\n",
	"a = 'x', \"y\"\n", "a = \"x, y\", z # c\n", "a = 'it's'\n", "a = \"x\" y\n", "a = x#y\n", "a = '#'\n", "a = \"\n", "a = ''\n", "a = '', \n",
	"\"a b\" = 1\n", "'=' = 1\n", "= 1\n", "a\n", "[s\n", "[s]x\n", "[s] # c\na = 1\n", "[ s ]\n", "['s']\n", "[\"\"]\n", "[]\n", "[[s]]\n",
	"[s]\n[[t]]\na = 1\n[u]\n", "[s]\n[[t]]\n[[[v]]]\n[[u]]\n", "[s]]\n", "[s]\n[s]\n", "a = 1\na = 2\n", "a = 1\n[a]\n", "[s]\nt = 1\n[[t]]\n",
	"a = '''x'''\n", "a = '''x''' # c\n", "a = \"\"\"x\ny\"\"\"\n", "a = '''x\n", "a = '''x'''y\n", "a = '''x\n\ny''' z\n", "a = ''''x'\"'''\n",
	"a = %(b)s\nb = 1\n", "\ufeffa = 1\n", "a = \u00a0x\u00a0\n", "\x1ca = 1\n", "a = 1\rb\n", "[a]\n  [[b]]\n    c = 1\n", "a = x'y\n", "a = \"x'y\", 'z\"'\n",
	"a = x y, z\n", "a = x , y #,\n", "a: 1\n", "a = =\n", "a = [x]\n", "[x] = 1\n", "é = ü, ß\n", "a = \u2028\n", "a = \"\"\"\"\n", "a = \"\"\"\"\"\"\n",
}

func mustConf(t *testing.T, text string) *Conf {
	t.Helper()
	c, err := ParseConf([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestConfReads(t *testing.T) {
	t.Parallel()
	c := mustConf(t, certbotConf)
	for _, test := range []struct {
		section, key string
		want         []string
	}{
		{"", "version", []string{"2.1.0"}}, {"", "chain", []string{"/etc/letsencrypt/live/example.com/chain.pem"}},
		{"renewalparams", "pref_challs", []string{"dns-01"}}, {"renewalparams", "renew_hook", []string{"systemctl reload nginx"}},
		{"renewalparams", "webroot_path", []string{"/var/www", "/srv/a,b"}}, {"renewalparams\x00webroot_map", "example.com", []string{"/var/www"}},
		{"renewalparams", "absent", nil}, {"", "account", nil},
	} {
		if got := c.List(test.section, test.key); !slices.Equal(got, test.want) {
			t.Errorf("%s %s = %q, want %q", test.section, test.key, got, test.want)
		}
	}
	if string(c.Bytes()) != certbotConf {
		t.Error("reading changed the text")
	}
}

func TestConfRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"a", "a = 1\na = 2", "[s]\n[s]", "[[s]]", "[s]]\n", "a = \"x", "a = x,,y", "a = '''x", "\xff = 1", "= 1", "a = \"x\" y"} {
		if _, err := ParseConf([]byte(text)); fault.CodeOf(err) != CodeConf {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// Adding our section and taking it away again gives back every byte; adding changes no line that was there.
func TestSectionComesAndGoes(t *testing.T) {
	t.Parallel()
	want := Settings{
		Domains: []string{"*.example.com"}, Providers: []providers.Spec{{Name: "conoha", EnvFile: "/etc/letsencrypt/conoha/.env"}, {Zone: "example.org.", Name: "lego", Arg: "cloudflare"}},
		EnvFile: "/etc/my file", Profile: "shortlived", DeployHooks: []string{"echo 'a, b' # c"}, Combined: "/srv/a,b.pem",
		RenewAt: time.Date(2026, 7, 1, 2, 3, 4, 0, time.UTC), Deploy: true,
	}
	for _, text := range []string{certbotConf, strings.TrimSuffix(certbotConf, "\n"), strings.ReplaceAll(certbotConf, "\n", "\r\n"), "", "a = 1\n[renewalparams]\n"} {
		c := mustConf(t, text)
		if err := c.SetSettings(want); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(c.Bytes()), text) {
			t.Errorf("the text before was changed:\n%s", c.Bytes())
		}
		got, ok := mustConf(t, string(c.Bytes())).Settings()
		if !ok || !reflect.DeepEqual(got, want) {
			t.Errorf("read back\n%+v, want\n%+v", got, want)
		}
		if err := c.SetSettings(want); err != nil || !strings.HasPrefix(string(c.Bytes()), text) {
			t.Error("writing the same again changed something", err)
		}
		c.RemoveSection(section)
		if got := string(c.Bytes()); strings.TrimSuffix(got, "\n") != strings.TrimSuffix(text, "\n") && got != text {
			t.Errorf("%q is not %q", got, text)
		}
	}
}

func TestEditsTouchOneLine(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		edit     func(*Conf) error
		old, new string
	}{
		"replace keeps the comment": {func(c *Conf) error { return c.Set(params, "renew_hook", "true") }, "renew_hook = systemctl reload nginx   # mine", "renew_hook = true # mine"},
		"new key before subsection": {func(c *Conf) error { return c.Set(params, "autorenew", "False") }, "[[webroot_map]]", "autorenew = False\n[[webroot_map]]"},
		"new key at the top":        {func(c *Conf) error { return c.Set("", "x", "1") }, "fullchain.pem\n\n#", "fullchain.pem\nx = 1\n\n#"},
		"same value":                {func(c *Conf) error { return c.Set(params, "renew_hook", "systemctl reload nginx") }, "", ""},
		"list":                      {func(c *Conf) error { return c.SetList(params, "pref_challs", []string{"a", "b,c"}) }, "dns-01,", `a, "b,c"`},
		"remove":                    {func(c *Conf) error { c.Remove(params, "pref_challs"); return nil }, "pref_challs = dns-01,\n", ""},
		"empty value":               {func(c *Conf) error { return c.Set("", "version", "") }, "version = 2.1.0", `version = ""`},
	} {
		c := mustConf(t, certbotConf)
		if err := test.edit(c); err != nil {
			t.Fatal(name, err)
		}
		if want := strings.Replace(certbotConf, test.old, test.new, 1); string(c.Bytes()) != want {
			t.Errorf("%s: got\n%s", name, c.Bytes())
		}
	}
}

func TestUnwritableValues(t *testing.T) {
	t.Parallel()
	c := mustConf(t, certbotConf)
	for _, v := range []string{"a\nb", "a\rb", "\x00", "%(x)s", "\u00a0a", "a\u2003"} {
		if err := c.Set("wildcard", "k", v); fault.CodeOf(err) != CodeConf || fault.ClassOf(err) != fault.Usage {
			t.Errorf("%q: %v", v, err)
		}
	}
	if err := c.SetList("wildcard", "k", []string{`'" `}); err == nil {
		t.Error("both quotes in a list")
	}
	if string(c.Bytes()) != certbotConf {
		t.Error("a refused value changed the text")
	}
}

func TestParams(t *testing.T) {
	t.Parallel()
	c := mustConf(t, "")
	want := Params{Server: "https://ca.example/dir", Account: "0123", KeyType: "ecdsa", Curve: "secp384r1", ReuseKey: true,
		AuthHook: "/usr/bin/wildcard-auth-hook --provider 'conoha'", DeployHook: `sh -c 'echo "x"'`}
	if err := c.SetParams(want); err != nil {
		t.Fatal(err)
	}
	if got := mustConf(t, string(c.Bytes())).Params(); got != want {
		t.Errorf("got %+v", got)
	}
	if got := c.List(params, "pref_challs"); !slices.Equal(got, []string{"dns-01"}) || !strings.Contains(c.text, "pref_challs = dns-01,\n") {
		t.Errorf("pref_challs %q", got)
	}
}

func FuzzConf(f *testing.F) {
	for _, text := range append(oddConfs, certbotConf) {
		f.Add(text, "x, 'y'")
	}
	f.Fuzz(func(t *testing.T, text, v string) {
		c, err := ParseConf([]byte(text))
		if err != nil {
			return
		}
		if string(c.Bytes()) != text {
			t.Fatal("reading changed the text")
		}
		before := slices.Clone(c.items)
		if err := c.Set("wildcard", "k", v); err != nil {
			return
		}
		again, err := ParseConf(c.Bytes())
		if err != nil {
			t.Fatalf("%q cannot be read: %v", c.text, err)
		}
		if got, _ := again.Get("wildcard", "k"); got != v {
			t.Fatalf("%q became %q", v, got)
		}
		for _, i := range before {
			if i.header || i.section == "wildcard" && i.name == "k" {
				continue
			}
			if got := again.List(i.section, i.name); !slices.Equal(got, i.values) {
				t.Fatalf("%q: %q became %q in %q", i.name, i.values, got, c.text)
			}
		}
	})
}
