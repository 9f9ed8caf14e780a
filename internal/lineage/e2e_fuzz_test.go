//go:build e2e

package lineage

import (
	"bufio"
	"encoding/json"
	"io"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// serveAll is readAll for one text after the other, each a line of JSON.
const serveAll = `
import sys, json, configobj
def walk(s, path, out):
    for k in s.scalars: out.append([path, k, dict.__getitem__(s, k)])
    for k in s.sections: walk(s[k], path + [k], out)
    return out
for line in sys.stdin:
    f = sys.argv[1]
    open(f, 'wb').write(json.loads(line).encode('utf-8'))
    try:
        c = configobj.ConfigObj(f, encoding='utf-8', default_encoding='utf-8')
        got = {'read': walk(c, [], [])}
    except (configobj.ConfigObjError, SyntaxError):
        got = None
    print(json.dumps(got), flush=True)`

// reader is ConfigObj, as certbot has it, in a process that stays.
type reader struct {
	in  io.Writer
	out *bufio.Reader
}

func newReader(f *testing.F) *reader {
	f.Helper()
	cmd := exec.Command(python, "-c", serveAll, filepath.Join(f.TempDir(), "x.conf"))
	in, err := cmd.StdinPipe()
	if err != nil {
		f.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		f.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			f.Errorf("python: %v", err)
		}
	})
	return &reader{in, bufio.NewReader(out)}
}

func (r *reader) read(t *testing.T, text string) *configObj {
	t.Helper()
	line, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.in.Write(append(line, '\n')); err != nil {
		t.Fatal(err)
	}
	if line, err = r.out.ReadBytes('\n'); err != nil {
		t.Fatalf("%q ended python: %v", text, err)
	}
	var got *configObj
	if err := json.Unmarshal(line, &got); err != nil {
		t.Fatal(err)
	}
	return got
}

// FuzzConfigObjAgrees reads renewal configurations as certbot's own parser reads them, before and after we have set a value
// in them; the value is one of them then.
func FuzzConfigObjAgrees(f *testing.F) {
	for _, text := range append(oddConfs, certbotConf) {
		f.Add(text, "x, 'y'")
		f.Add(text, "a # \"b\" 'c'")
	}
	r := newReader(f)
	agree := func(t *testing.T, text string) (*Conf, *configObj) {
		t.Helper()
		c, err := ParseConf([]byte(text))
		o := r.read(t, text)
		if (err != nil) != (o == nil) {
			t.Fatalf("%q: we say %v, ConfigObj %v", text, err, o)
		}
		if o != nil && !reflect.DeepEqual(weRead(c), theyRead(o)) {
			t.Fatalf("%q: we read %q, ConfigObj %q", text, weRead(c), theyRead(o))
		}
		return c, o
	}
	f.Fuzz(func(t *testing.T, text, v string) {
		if len(text) > 4<<10 || strings.ToValidUTF8(text, "") != text || strings.ToValidUTF8(v, "") != v {
			return // JSON cannot carry it
		}
		c, o := agree(t, text)
		if o == nil || c.Set("wildcard", "k", v) != nil {
			return
		}
		_, o = agree(t, string(c.Bytes()))
		if got := theyRead(o)["wildcard\x00\x00k"]; got != v {
			t.Errorf("ConfigObj reads %q for %q in %q", got, v, c.text)
		}
	})
}
