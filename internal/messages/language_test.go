package messages_test

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"testing"

	"wildcard/internal/messages"
)

func TestChoose(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		flag    string
		environ []string
		want    messages.Language
	}{
		{"", nil, messages.English},
		{"", []string{"LANG=ja_JP.UTF-8"}, messages.Japanese},
		{"", []string{"LANG=ja_JP.utf8"}, messages.Japanese},
		{"", []string{"LANG=ja"}, messages.Japanese},
		{"", []string{"LANG=ja_JP"}, messages.Japanese},
		{"", []string{"LANG=ja_JP.UTF-8@cjk"}, messages.Japanese},
		{"", []string{"LANG=ja_JP.eucJP"}, messages.English},
		{"", []string{"LANG=ja_JP.SJIS"}, messages.English},
		{"", []string{"LANG=jam_JM.UTF-8"}, messages.English},
		{"", []string{"LANG=de_DE.UTF-8"}, messages.English},
		{"", []string{"LANG=ja_JP.UTF-8", "LC_ALL=C"}, messages.English},
		{"", []string{"LANG=C.UTF-8", "LC_MESSAGES=ja_JP.UTF-8"}, messages.Japanese},
		{"", []string{"LC_MESSAGES=ja_JP.UTF-8", "LC_ALL=en_GB.UTF-8"}, messages.English},
		{"", []string{"LC_ALL=", "LANG=ja_JP.UTF-8"}, messages.Japanese},
		{"", []string{"LANG=C", "LANG=ja_JP.UTF-8"}, messages.English},
		{"en", []string{"LANG=ja_JP.UTF-8"}, messages.English},
		{"ja", []string{"LC_ALL=C"}, messages.Japanese},
	} {
		got, err := messages.Choose(test.flag, test.environ)
		if err != nil || got != test.want {
			t.Errorf("Choose(%q, %q) = %s, %v, want %s", test.flag, test.environ, got, err, test.want)
		}
	}
	for _, flag := range []string{"fr", "JA", "ja_JP.UTF-8", "\x1b"} {
		if got, err := messages.Choose(flag, []string{"LANG=ja_JP.UTF-8"}); err == nil || got != messages.Japanese {
			t.Errorf("Choose(%q) = %s, %v", flag, got, err)
		}
	}
}

func TestTake(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args []string
		flag string
		rest []string
	}{
		{[]string{"wildcard", "--lang", "ja", "list"}, "ja", []string{"wildcard", "list"}},
		{[]string{"wildcard", "list", "-lang=en", "--json"}, "en", []string{"wildcard", "list", "--json"}},
		{[]string{"wildcard", "list", "--lang", "ja", "--lang", "en"}, "en", []string{"wildcard", "list"}},
		{[]string{"wildcard", "show", "--", "--lang", "ja"}, "", []string{"wildcard", "show", "--", "--lang", "ja"}},
		{[]string{"wildcard", "list", "--lang"}, "", []string{"wildcard", "list", "--lang"}},
		{[]string{"wildcard", "list", "--language"}, "", []string{"wildcard", "list", "--language"}},
		{nil, "", nil},
	} {
		flag, rest := messages.Take(test.args)
		if flag != test.flag || !slices.Equal(rest, test.rest) {
			t.Errorf("Take(%q) = %q, %q", test.args, flag, rest)
		}
	}
}

func TestMessage(t *testing.T) {
	t.Parallel()
	m := messages.New("%s has the record of %s", "ns1.example.com", "example.com")
	for _, test := range []struct {
		what      string
		got, want string
	}{
		{"English", m.In(messages.English), "ns1.example.com has the record of example.com"},
		{"the zero language", m.In(""), "ns1.example.com has the record of example.com"},
		{"as a string", fmt.Sprint(m), "ns1.example.com has the record of example.com"},
		{"Japanese", m.In(messages.Japanese), "ns1.example.com に example.com のレコードが反映されました"},
		{"no translation", messages.New("unknown says %d", 1).In(messages.Japanese), "unknown says 1"},
		{"one", messages.Count(1, "name").In(messages.English), "1 name"},
		{"none", messages.Count(0, "name").In(messages.English), "0 names"},
		{"one in Japanese", messages.Count(1, "name").In(messages.Japanese), "名前 1 件"},
		{"a text in a text", messages.Japanese.Sprintf("%s: failed", messages.New("creating %s", messages.Count(2, "TXT record"))), "TXT レコード 2 件を作成しています: 失敗"},
		{"the same in English", messages.English.Sprintf("%s: failed", messages.New("creating %s", messages.Count(2, "TXT record"))), "creating 2 TXT records: failed"},
		{"no thousands separator", messages.Japanese.Sprintf("in %d days", 12345), "12345 日後"},
	} {
		if test.got != test.want {
			t.Errorf("%s: %q, want %q", test.what, test.got, test.want)
		}
	}
}

func TestError(t *testing.T) {
	t.Parallel()
	if err := messages.New("--x: %w", fs.ErrNotExist); !errors.Is(err, fs.ErrNotExist) || err.Error() != "--x: file does not exist" || err.In(messages.Japanese) != err.Error() {
		t.Errorf("%v; what it wraps is not found, or it is said in another way", err)
	}
	m := messages.New("starting")
	for _, test := range []struct {
		err  error
		want string
	}{
		{m, "開始しています"},
		{fmt.Errorf("%w", m), "開始しています"},
		{messages.New("--x: %w", m), "--x: 開始しています"},
		{fmt.Errorf("open: %w", m), "open: starting"},
		{errors.Join(m, fs.ErrExist), "starting\nfile already exists"},
		{fs.ErrExist, "file already exists"},
	} {
		if got := messages.Japanese.Error(test.err); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
		if got := messages.English.Error(test.err); got != test.err.Error() {
			t.Errorf("in English %q", got)
		}
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	e, ok := messages.English.Explain("zone.not-found")
	if !ok || e.Code != "zone.not-found" || !slices.Equal(e.Exits, []int{78}) {
		t.Errorf("%+v, %t", e, ok)
	}
	if e, ok := messages.Japanese.Explain("no.such-code"); ok {
		t.Errorf("explained: %+v", e)
	}
	for i, code := range messages.Codes()[1:] {
		if before := messages.Codes()[i]; before.Name >= code.Name {
			t.Errorf("not sorted, or one twice: %q, %q", before.Name, code.Name)
		}
	}
}
