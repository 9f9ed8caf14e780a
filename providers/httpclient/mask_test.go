package httpclient

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
)

func TestMaskHidesEveryForm(t *testing.T) {
	const secret = `p"w\&<x>/=+ ~Q`
	m := &Mask{}
	m.Add(secret)
	m.Add("gncu00000000")
	inJSON, err := json.Marshal(secret)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"plain":      secret,
		"upper case": strings.ToUpper(secret),
		"JSON":       string(inJSON),
		"query":      url.QueryEscape(secret),
		"path":       url.PathEscape(secret),
		"base64":     base64.StdEncoding.EncodeToString([]byte(secret)),
		"URL base64": base64.URLEncoding.EncodeToString([]byte(secret)),
		"user name":  "GNCU00000000",
	} {
		got := m.Shown("before " + text + " after")
		if !strings.HasPrefix(got, "before ") || !strings.Contains(got, "***") || strings.Contains(got, text) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestMaskBeforeCut(t *testing.T) {
	m := &Mask{}
	m.Add("abcdefghijklmnop")
	got := m.Shown(strings.Repeat("x", mostShown-8) + "abcdefghijklmnop")
	if strings.Contains(got, "abcd") {
		t.Errorf("half a secret is left: %q", got)
	}
}

func TestShownIsOneShortPrintableLine(t *testing.T) {
	for _, text := range []string{
		"two\nlines\r\nand a \x1b[31mcolour",
		strings.Repeat("long ", 10_000),
		"ユーザーが存在しません",
		"\xff\xfe\x00",
		strings.Repeat("\x00", 1000),
	} {
		got := (&Mask{}).Shown(text)
		if strings.ContainsFunc(got, func(r rune) bool { return r < ' ' || r > '~' }) || len(got) > mostShown+3 {
			t.Errorf("%q", got)
		}
	}
}

func TestErrorText(t *testing.T) {
	for body, want := range map[string]string{
		`{"unauthorized":{"message":"Invalid user: x","code":401}}`:                            "Invalid user: x",
		`{"code": 400, "error": "user does not exist"}`:                                        "user does not exist",
		`{"error":{"code":401,"message":"The request","title":"Unauthorized"}}`:                "The request",
		`{"code": 409, "type": "duplicate_record", "request_id": "req-1"}`:                     "duplicate_record",
		`{"code":400,"type":"invalid_recordset_location","message":"no","request_id":"req-1"}`: "invalid_recordset_location: no",
		`{"code":404}`:            `{"code":404}`,
		`Authentication required`: "Authentication required",
		``:                        "",
		`["\u0061"]`:              `["a"]`,
		`null`:                    "null",
	} {
		if got := ErrorText([]byte(body)); got != want {
			t.Errorf("%s: got %q, want %q", body, got, want)
		}
	}
}

func FuzzMask(f *testing.F) {
	f.Add("secret", "a SECRET in text", 3)
	f.Add("İ", "İi", 1)
	f.Add("aa", "aaaaa", 0)
	f.Fuzz(func(t *testing.T, secret, text string, at int) {
		if len(secret) < 4 || strings.Contains("***", secret) {
			return
		}
		at = min(max(at, 0), len(text))
		m := &Mask{}
		m.Add(secret)
		if got := m.apply(text[:at] + secret + text[at:]); strings.Contains(got, secret) && !strings.Contains(secret, "*") {
			t.Errorf("%q is left in %q", secret, got)
		}
		if got := m.Shown(text); strings.ContainsFunc(got, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%q", got)
		}
	})
}
