package providers

import (
	"slices"
	"strings"
	"testing"
)

func TestParseSpec(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]Spec{
		"conoha":                                {Name: "conoha"},
		"conoha@/etc/letsencrypt/conoha/v3.env": {Name: "conoha", EnvFile: "/etc/letsencrypt/conoha/v3.env"},
		"example.org=lego:cloudflare":           {Zone: "example.org.", Name: "lego", Arg: "cloudflare"},
		"Example.ORG.=conoha":                   {Zone: "example.org.", Name: "conoha"},
		"example.net=conoha@/etc/v3.env":        {Zone: "example.net.", Name: "conoha", EnvFile: "/etc/v3.env"},
		"a.example=plugin:my-dns@/p":            {Zone: "a.example.", Name: "plugin", Arg: "my-dns", EnvFile: "/p"},
		"exec:/usr/local/bin/dns":               {Name: "exec", Arg: "/usr/local/bin/dns"},
		"exec:/srv/x=y":                         {Name: "exec", Arg: "/srv/x=y"},
		"exec:/srv/a:b":                         {Name: "exec", Arg: "/srv/a:b"},
		"conoha@/srv/x=y:z":                     {Name: "conoha", EnvFile: "/srv/x=y:z"},
		"exec:/srv/a@/b":                        {Name: "exec", Arg: "/srv/a", EnvFile: "/b"},
		"exec:/srv/a@b@/etc/env":                {Name: "exec", Arg: "/srv/a@b", EnvFile: "/etc/env"},
		"certbot-hook:/auth,/cleanup":           {Name: "certbot-hook", Arg: "/auth,/cleanup"},
		"example.com=certbot-hook:/a.sh aliyun add,/c 'x y'@/etc/e": {Zone: "example.com.", Name: "certbot-hook", Arg: "/a.sh aliyun add,/c 'x y'", EnvFile: "/etc/e"},
		"xn--r8jz45g.jp=conoha":                   {Zone: "xn--r8jz45g.jp.", Name: "conoha"},
		"conoha@/etc/証明書.env":                     {Name: "conoha", EnvFile: "/etc/証明書.env"},
		"rfc2136":                                 {Name: "rfc2136"},
		strings.Repeat("a", 32):                   {Name: strings.Repeat("a", 32)},
		"example.com=exec:/x=y@/etc/e=f":          {Zone: "example.com.", Name: "exec", Arg: "/x=y", EnvFile: "/etc/e=f"},
		"_acme-challenge.example.com=rfc2136":     {Zone: "_acme-challenge.example.com.", Name: "rfc2136"},
		"_ACME-Challenge.a._b.example.com=conoha": {Zone: "_acme-challenge.a._b.example.com.", Name: "conoha"},
		"sub.example.co.jp=designate:my-cloud_01": {Zone: "sub.example.co.jp.", Name: "designate", Arg: "my-cloud_01"},
	} {
		got, err := ParseSpec(in)
		if got != want || err != nil {
			t.Errorf("ParseSpec(%q) = %+v, %v, want %+v", in, got, err, want)
		}
		wantRoundTrip(t, got)
	}
}

func wantRoundTrip(t *testing.T, spec Spec) {
	t.Helper()
	if again, err := ParseSpec(spec.String()); again != spec || err != nil {
		t.Errorf("%+v is written %q, which is read as %+v, %v", spec, spec.String(), again, err)
	}
}

func TestParseSpecRefuses(t *testing.T) {
	t.Parallel()
	for what, in := range map[string]string{
		"nothing":                  "",
		"a zone only":              "example.org=",
		"no name":                  "=conoha",
		"no name before a colon":   ":cloudflare",
		"nothing after a colon":    "lego:",
		"nothing after a zone's":   "example.org=lego:",
		"an empty file":            "conoha@",
		"a relative file":          "conoha@v3.env",
		"a home directory":         "conoha@~/v3.env",
		"a file only":              "@/etc/v3.env",
		"a zone with one label":    "org=conoha",
		"a zone that is an IP":     "192.0.2.1=conoha",
		"a wildcard zone":          "*.example.org=conoha",
		"a blank in a path":        "exec:/srv/a b",
		"a blank in a file":        "certbot-hook:/a@/etc/a b",
		"a blank in a hook's zone": "exam ple.org=certbot-hook:/a b",
		"a tab in a hook":          "example.org=certbot-hook:/a\tb",
		"a zone with a space":      "exam ple.org=conoha",
		"a zone of underscores":    "_._.org=conoha",
		"two underscores":          "__acme.example.org=conoha",
		"an underscore within":     "acme_challenge.example.org=conoha",
		"an underscore at an end":  "acme_.example.org=conoha",
		"a hyphen after one":       "_-acme.example.org=conoha",
		"a top level with one":     "example._org=conoha",
		"one label with one":       "_acme-challenge=conoha",
		"two zones":                "example.org=example.net=conoha",
		"upper case":               "ConoHa",
		"a digit first":            "2fa",
		"a hyphen first":           "-rf",
		"a flag's form":            "--provider=conoha",
		"an underscore":            "my_dns",
		"a path as a name":         "../conoha",
		"a name of 33":             strings.Repeat("a", 33),
		"a space":                  "conoha ",
		"a line end":               "conoha\n",
		"a NUL":                    "conoha\x00",
		"a delete":                 "exec:/a\x7f",
		"bad UTF-8":                "exec:/a\xff",
		"a no-break space":         "exec:/a\u00a0b",
		"an ideographic space":     "exec:/a\u3000b",
		"text from right to left":  "exec:/a\u202eb",
		"64 KiB":                   strings.Repeat("a", 64<<10),
	} {
		got, err := ParseSpec(in)
		if err == nil || got != (Spec{}) || CodeOf(err) != CodeBadSpec || ClassOf(err) != Usage {
			t.Errorf("%s: ParseSpec(%.80q) = %+v, %v", what, in, got, err)
			continue
		}
		wantPlain(t, err)
	}
}

func TestParseSpecs(t *testing.T) {
	t.Parallel()
	got, err := ParseSpecs(" conoha\texample.org=lego:cloudflare \n")
	want := []Spec{{Name: "conoha"}, {Zone: "example.org.", Name: "lego", Arg: "cloudflare"}}
	if !slices.Equal(got, want) || err != nil {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	if got, err := ParseSpecs("  "); len(got) > 0 || err != nil {
		t.Errorf("of nothing, got %+v, %v", got, err)
	}
	if got, err := ParseSpecs("conoha Nonsense"); got != nil || CodeOf(err) != CodeBadSpec {
		t.Errorf("with one bad spec, got %+v, %v", got, err)
	}
}

func FuzzParseSpec(f *testing.F) {
	for _, seed := range []string{"conoha", "example.org=lego:cloudflare@/etc/x", "exec:/a=b@c@/d", "a.b=c:d=e:f@/g=h", "=", "@", ":", "例.jp=x", "a@/\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		spec, err := ParseSpec(in)
		if err != nil {
			wantPlain(t, err)
			return
		}
		wantRoundTrip(t, spec)
		if specs, err := ParseSpecs(spec.String()); err != nil || !slices.Equal(specs, []Spec{spec}) {
			t.Errorf("%q among specs is read as %+v, %v", spec, specs, err)
		}
	})
}
