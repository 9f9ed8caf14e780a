//go:build e2e

package lineage

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"wildcard/providers"
)

// python is the interpreter that Debian's certbot runs under: the one that has ConfigObj.
const python = "/usr/bin/python3"

func runPython(t *testing.T, script string, stdin []byte, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(python, append([]string{"-c", script}, args...)...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("python: %v\n%s", err, errs.Bytes())
	}
	return out.Bytes()
}

// readAll gives for each text what ConfigObj reads ([path, key, value] in order; null when it refuses), and what it writes.
const readAll = `
import sys, json, configobj, io
def walk(s, path, out):
    for k in s.scalars: out.append([path, k, dict.__getitem__(s, k)])
    for k in s.sections: walk(s[k], path + [k], out)
    return out
res = []
for text in json.load(sys.stdin):
    f = sys.argv[1]
    open(f, 'wb').write(text.encode('utf-8'))
    try:
        c = configobj.ConfigObj(f, encoding='utf-8', default_encoding='utf-8')
    except (configobj.ConfigObjError, SyntaxError):
        res.append(None)
        continue
    b = io.BytesIO()
    try:
        c.write(outfile=b)
    except configobj.ConfigObjError: # it reads more than it can write
        pass
    res.append({'read': walk(c, [], []), 'written': b.getvalue().decode('utf-8')})
json.dump(res, sys.stdout)`

type configObj struct {
	Read    [][3]any
	Written string
}

func configObjReads(t *testing.T, texts []string) []*configObj {
	t.Helper()
	in, err := json.Marshal(texts)
	if err != nil {
		t.Fatal(err)
	}
	var got []*configObj
	if err := json.Unmarshal(runPython(t, readAll, in, filepath.Join(t.TempDir(), "x.conf")), &got); err != nil {
		t.Fatal(err)
	}
	return got
}

func weRead(c *Conf) map[string]any {
	got := map[string]any{}
	for _, i := range c.items {
		if !i.header {
			got[i.section+"\x00\x00"+i.name] = asPython(i)
		}
	}
	return got
}

func asPython(i item) any {
	if !i.list {
		return i.values[0]
	}
	list := []any{}
	for _, v := range i.values {
		list = append(list, v)
	}
	return list
}

func theyRead(o *configObj) map[string]any {
	got := map[string]any{}
	for _, r := range o.Read {
		var path []string
		for _, p := range r[0].([]any) {
			path = append(path, p.(string))
		}
		got[strings.Join(path, "\x00")+"\x00\x00"+r[1].(string)] = r[2]
	}
	return got
}

// Every odd text and 5,000 mixtures of their parts are read as ConfigObj reads them, or refused as it refuses them.
func TestConfigObjAgrees(t *testing.T) {
	texts := append([]string{certbotConf}, oddConfs...)
	parts := []string{"a", "b", " ", "=", " = ", ",", ", ", "'", `"`, "'''", `"""`, "#", "[", "]", "\n", "\n", "\r\n", "x", "é", "\u00a0", "\t", "%(a)s", "\n[s]\n", "\n[[t]]\n"}
	random := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		var b strings.Builder
		for range random.IntN(14) + 1 {
			b.WriteString(parts[random.IntN(len(parts))])
		}
		texts = append(texts, b.String())
	}
	for i, o := range configObjReads(t, texts) {
		c, err := ParseConf([]byte(texts[i]))
		if (err != nil) != (o == nil) {
			t.Errorf("%q: we say %v, ConfigObj %v", texts[i], err, o)
		} else if o != nil && !reflect.DeepEqual(weRead(c), theyRead(o)) {
			t.Errorf("%q: we read %q, ConfigObj %q", texts[i], weRead(c), theyRead(o))
		}
	}
}

// What we add is written back by ConfigObj byte for byte, whatever stands around it.
func TestConfigObjKeepsOurSection(t *testing.T) {
	values := []string{"x", "a, b", "a # b", `it's`, `say "x"`, `'a' "b"`, " x ", "x\\", "[x]", "a=b", "é", "%x", `sh -c 'echo "x, y" # z'`, "''", `"`, `'x'"`}
	for _, start := range []string{"", certbotConf, strings.TrimSuffix(certbotConf, "\n"), strings.ReplaceAll(certbotConf, "\n", "\r\n"), "a = 1\n[renewalparams]\n   b = 1\n"} {
		var texts, sections []string
		for _, v := range values {
			c := mustConf(t, start)
			if err := c.SetSettings(Settings{Domains: []string{"*.example.com"}, Providers: []providers.Spec{{Name: "conoha"}, {Name: "a:b@/c d"}}, EnvFile: v, Deploy: true, RenewAt: time.Unix(1, 0)}); err != nil {
				t.Fatal(v, err)
			}
			texts = append(texts, string(c.Bytes()))
			sections = append(sections, c.text[strings.Index(c.text, "[wildcard]"):])
		}
		for i, o := range configObjReads(t, texts) {
			if o == nil {
				t.Fatalf("ConfigObj refuses\n%s", texts[i])
			}
			if got := theyRead(o)["wildcard\x00\x00env_file"]; got != values[i] {
				t.Errorf("ConfigObj reads %q for %q", got, values[i])
			}
			if !strings.Contains(o.Written, sections[i]) {
				t.Errorf("ConfigObj changed\n%s to\n%s", sections[i], o.Written)
			}
		}
	}
}

func TestMain(m *testing.M) {
	if _, err := os.Stat(python); err != nil {
		panic("the e2e ring needs Debian's python3 and certbot")
	}
	os.Exit(m.Run())
}
