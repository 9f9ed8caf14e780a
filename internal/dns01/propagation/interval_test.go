package propagation

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestInterval(t *testing.T) {
	t.Parallel()
	const never = -time.Second
	for _, c := range []struct{ elapsed, sinceGain, usual, want time.Duration }{
		{0, never, 0, shortest},
		{4900 * time.Millisecond, never, 0, shortest},
		{6 * time.Second, never, 0, 300 * time.Millisecond},
		{40 * time.Second, never, 0, 2 * time.Second},
		{10 * time.Minute, never, 0, longest},
		{10 * time.Minute, 0, 0, shortest},
		{10 * time.Minute, 9 * time.Second, 0, shortest},
		{10 * time.Minute, 10 * time.Second, 0, longest},
		{79 * time.Second, never, 100 * time.Second, time.Second}, // up to 80 s, no further
		{60 * time.Second, never, 100 * time.Second, 3 * time.Second},
		{79990 * time.Millisecond, never, 100 * time.Second, shortest},
		{80 * time.Second, never, 100 * time.Second, shortest},
		{154 * time.Second, never, 100 * time.Second, shortest},
		{155 * time.Second, never, 100 * time.Second, longest},
		{8 * time.Second, never, 3 * time.Second, shortest},
		{10 * time.Second, never, 3 * time.Second, 500 * time.Millisecond},
	} {
		if got := interval(c.elapsed, c.sinceGain, c.usual); got != c.want {
			t.Errorf("interval(%v, %v, %v) = %v, want %v", c.elapsed, c.sinceGain, c.usual, got, c.want)
		}
	}
}

func TestHistory(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "history")
	zone := strings.Repeat("a", 60) + "." + strings.Repeat("b.", 90) + "test."
	if h := readHistory(dir, zone); h.usual() != 0 || h.longest() != 0 {
		t.Errorf("history of nothing = %+v", h)
	}
	for i := range 13 {
		if err := readHistory(dir, zone).add(dir, time.Duration(i)*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	h := readHistory(dir, zone)
	if len(h.Seconds) != historyLength || h.Seconds[0] != 3 || h.usual() != 8*time.Second || h.longest() != 12*time.Second {
		t.Errorf("history = %+v, usual %v, longest %v", h, h.usual(), h.longest())
	}
	if other := readHistory(dir, "other.test."); other.usual() != 0 {
		t.Errorf("history of another zone = %+v", other)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v: want one file", files, err)
	}
	info, err := files[0].Info()
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestHistory_Unreadable(t *testing.T) {
	t.Parallel()
	const zone = "example.test."
	for _, text := range []string{"", "{", "null", "[]", `{"zone":"other.test.","seconds":[3]}`, `{"zone":"example.test.","seconds":["x"]}`,
		`{"zone":"example.test.","seconds":[-1,1e9,1e300]}`, `{"zone":"example.test.","seconds":[` + strings.Repeat("1,", 9000) + `1]}`} {
		dir := t.TempDir()
		if err := os.WriteFile(historyFile(dir, zone), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		h := readHistory(dir, zone)
		if h.usual() != 0 {
			t.Errorf("history %.40q = %+v", text, h)
		}
		if err := h.add(dir, time.Second); err != nil {
			t.Error(err)
		}
		if got := readHistory(dir, zone); !slices.Equal(got.Seconds, []float64{1}) {
			t.Errorf("after %.40q: %+v", text, got)
		}
	}
}

func TestWait_History(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.publish(challenge, value1)
	wait, _ := w.wait()
	wait.HistoryDir = filepath.Join(t.TempDir(), "state", "history")
	for i := range 2 {
		if _, err := wait.Run(t.Context(), []Record{record(value1)}); err != nil {
			t.Fatal(err)
		}
		if h := readHistory(wait.HistoryDir, "example.test."); len(h.Seconds) != i+1 {
			t.Errorf("history = %+v, want %d delays", h, i+1)
		}
	}
	// One that cannot be written is no failure.
	wait.HistoryDir = filepath.Join(wait.HistoryDir, "x\x00")
	if _, err := wait.Run(t.Context(), []Record{record(value1)}); err != nil {
		t.Fatal(err)
	}
}
