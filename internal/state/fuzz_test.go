package state

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// FuzzLedger reads ledgers, with checksums as from a hand that knows how and without: an attempt that is recorded then is read
// back, and so is what was readable before.
func FuzzLedger(f *testing.F) {
	now := time.Unix(1_800_000_000, 0).UTC()
	line, err := json.Marshal(Attempt{Time: now.Add(-time.Hour), Lineage: "example.com", Server: "https://ca.example/", Domains: []string{"example.com"}, Outcome: Failed, Failures: 3, Text: "x"})
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range [][]byte{
		nil, line, seal(line), append(seal(line), seal(line)...), seal(line)[:40], append(seal(line)[:40], seal(line)...), []byte("\n\n"), []byte("00000000 \n"), []byte("{}"), []byte("null"),
		bytes.Replace(line, []byte(`"failures":3`), []byte(`"failures":9223372036854775807`), 1), bytes.Replace(line, []byte("2027"), []byte("9999"), 1), bytes.Replace(line, []byte("failed"), []byte("x"), 1),
		append(line, '\n'), bytes.ReplaceAll(line, []byte("example"), []byte("\xff")),
	} {
		f.Add(text, true)
		f.Add(text, false)
	}
	f.Fuzz(func(t *testing.T, text []byte, sealed bool) {
		dir := t.TempDir()
		if sealed {
			var all []byte
			for one := range bytes.SplitSeq(text, []byte("\n")) {
				all = append(all, seal(one)...)
			}
			text = all
		}
		if err := os.WriteFile(filepath.Join(dir, ledgerFile), text, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		before, err := s.load()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Last("example.com", now); err != nil {
			t.Error(err)
		}
		added := Attempt{Time: now, Lineage: "example.com", Outcome: Failed, Text: string(text)}
		if err := s.Record(added); err != nil {
			t.Fatal(err)
		}
		after, err := s.load()
		if err != nil || len(after) != len(before)+1 {
			t.Fatalf("%d attempts became %d, %v", len(before), len(after), err)
		}
		recent, err := s.Recent("example.com", now, 1)
		if err != nil || len(recent) != 1 || !recent[0].Time.Before(now.Add(wrongClock)) {
			t.Errorf("%+v, %v", recent, err)
		}
		if h, err := s.Last("example.com", now); err != nil || h.Last.Failures < 0 || len(h.Last.Text) > 4*mostText {
			t.Errorf("%+v, %v", h.Last, err)
		}
	})
}

// FuzzPending reads orders under way: one that is damaged is set aside, one that is not comes back as it was.
func FuzzPending(f *testing.F) {
	order, err := json.Marshal(Pending{Server: "https://ca.example/", Domains: []string{"example.com"}, Order: "https://ca.example/1", Key: []byte("key"), Created: time.Unix(1_800_000_000, 0).UTC()})
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range [][]byte{nil, order, order[:20], []byte("null"), []byte("{}"), []byte("\n"), bytes.Replace(order, []byte("a2V5"), []byte("???"), 1), bytes.Replace(order, []byte("2027"), []byte("99999"), 1)} {
		f.Add(text, true)
		f.Add(text, false)
	}
	f.Fuzz(func(t *testing.T, text []byte, sealed bool) {
		dir := t.TempDir()
		s, err := Open(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(filepath.Join(dir, pendingDir), 0o700); err != nil {
			t.Fatal(err)
		}
		if sealed {
			text = seal(text)
		}
		path := filepath.Join(dir, pendingDir, "example.com.json")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		p, ok, err := s.Pending("example.com")
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			if aside, err := os.ReadFile(path + ".damaged"); err != nil || !bytes.Equal(aside, text) {
				t.Errorf("it is not set aside: %v", err)
			}
			return
		}
		if err := s.SavePending("example.com", p); err != nil {
			t.Fatal(err)
		}
		again, ok, err := s.Pending("example.com")
		if err != nil || !ok {
			t.Fatalf("it is not read back: %v, %v", ok, err)
		}
		want, _ := json.Marshal(p)
		if got, err := json.Marshal(again); err != nil || !bytes.Equal(got, want) { // "" and no key at all are one
			t.Errorf("%s is read back as %s, %v", want, got, err)
		}
	})
}
