package lineage_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"wildcard/internal/fault"
	"wildcard/internal/lineage"
	"wildcard/internal/testkit/executable"
)

// machine is a file system with these files, and certbot's folder in the usual place.
func machine(t *testing.T, files map[string]string) *lineage.Outside {
	t.Helper()
	root := t.TempDir()
	for path, text := range files {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		mode := os.FileMode(0o644)
		if strings.Contains(path, "ly/") {
			mode = 0o755 // a program
		}
		if err := executable.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	return &lineage.Outside{Root: root, ConfigDir: filepath.Join(root, "etc/letsencrypt"), Homes: []string{filepath.Join(root, "root/.config")}}
}

// O11: the forms of cli.ini are those that configargparse 1.5 takes (DefaultConfigFileParser), from each place of certbot's.
func TestOutside_CLIini(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"deploy-hook = touch /x\n":                            "renew_hook=touch /x",
		"renew-hook=touch /x":                                 "renew_hook=touch /x",
		"# deploy-hook = a\n; pre-hook = b\n[any]\n---\n":     "",
		"pre-hook: service nginx stop # why\n":                "pre_hook=service nginx stop",
		"post-hook \"systemctl reload nginx; true\"\r\n":      "post_hook=systemctl reload nginx; true",
		"--deploy-hook 'a \"b\" # c'":                         "renew_hook=a \"b\" # c",
		"deploy-hook = a\ndeploy-hook = b\nagree-tos\n":       "renew_hook=b agree_tos=true",
		"rsa-key-size = 4096\nkey-type = rsa\n":               "rsa_key_size=4096 key_type=rsa",
		"\n   deploy-hook   =   a b  \n":                      "renew_hook=a b",
		"no-directory-hooks\n":                                "no_directory_hooks=true",
		"deploy-hook = [\"a\", \"b\"]\nemail = x@example.com": "renew_hook=b email=x@example.com",
	} {
		for _, place := range []string{"etc/letsencrypt/cli.ini", "root/.config/letsencrypt/cli.ini"} {
			check(t, machine(t, map[string]string{place: text}), place, want)
		}
	}
	o := machine(t, map[string]string{"etc/letsencrypt/cli.ini": "deploy-hook = a\npre-hook = p", "root/.config/letsencrypt/cli.ini": "deploy-hook = b"})
	check(t, o, "", "pre_hook=p renew_hook=b")
	o.ConfigDir = filepath.Join(o.Root, "srv/le")
	check(t, o, "", "pre_hook=p renew_hook=b") // certbot reads them for every --config-dir
	path := filepath.Join(o.Root, "etc/letsencrypt/cli.ini")
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Options("example.com"); fault.CodeOf(err) != lineage.CodeUnsafe {
		t.Errorf("any user may write to it: %v", err)
	}
}

// check compares the options of example.com, each with the file that has it.
func check(t *testing.T, o *lineage.Outside, file, want string) {
	t.Helper()
	options, err := o.Options("example.com")
	got := ""
	for _, option := range options {
		got += " " + option.Key + "=" + option.Value
		if file != "" && option.File != filepath.Join(o.Root, file) {
			t.Errorf("%s has %s", option.File, option.Key)
		}
	}
	if err != nil || got != "" && got[1:] != want || got == "" && want != "" {
		t.Errorf("%s: %v, got%s, want %s", file, err, got, want)
	}
}

// O12: hooks on the line of cron's that runs certbot, for all lineages, for this one, for another; in scripts, in other folders.
func TestOutside_Cron(t *testing.T) {
	t.Parallel()
	const hook = "renew_hook=systemctl reload nginx"
	for line, want := range map[string]string{
		"17 3 * * * root certbot renew -q --deploy-hook \"systemctl reload nginx\"":                                    "q " + hook,
		"17 3 * * * root /opt/certbot/bin/certbot -q --renew-hook='systemctl reload nginx' renew >/dev/null 2>&1":      hook,
		"@daily root certbot renew --quiet --post-hook /usr/local/sbin/x --pre-hook 'date +\\%F'":                      "quiet=true post_hook=/usr/local/sbin/x pre_hook=date +%F",
		"0 0 * * * root perl -e 'sleep int(rand(43200))' && certbot -q renew --deploy-hook a; true --deploy-hook b":    "renew_hook=a",
		"0 0 * * * root sh -c 'certbot renew --deploy-hook \"systemctl reload nginx\"'":                                hook,
		"0 0 * * * root certbot renew --cert-name other.test --deploy-hook a":                                          "",
		"0 0 * * * root certbot renew --config-dir /srv/le --deploy-hook a":                                            "",
		"0 0 * * * root certbot renew --cert-name example.com --deploy-hook a":                                         "renew_hook=a",
		"# 0 0 * * * root certbot renew --deploy-hook a":                                                               "",
		"0 0 * * * root certbot certificates --deploy-hook a":                                                          "",
		"0 0 * * * root other renew --deploy-hook a":                                                                   "",
		"0 0 * * * root certbot renew --deploy a --post b":                                                             "renew_hook=a post_hook=b",
		"0 0 * * * root certbot renew \\\n  --deploy-hook a":                                                           "renew_hook=a",
		"0 0 * * * root certbot renew --deploy-hook a\n0 1 * * * root certbot renew --deploy-hook b --deploy-hook c\n": "renew_hook=a renew_hook=c",
	} {
		want = trimFlag(want)
		for _, place := range []string{"etc/crontab", "etc/cron.d/certbot", "etc/cron.daily/certbot", "var/spool/cron/root", "var/spool/cron/crontabs/root", "etc/crontabs/root", "etc/periodic/daily/certbot"} {
			check(t, machine(t, map[string]string{place: line + "\n"}), place, want)
		}
	}
	o := machine(t, map[string]string{
		"etc/letsencrypt/cli.ini": "deploy-hook = of cli.ini\npost-hook = too\n",
		"etc/cron.d/certbot":      "0 0 * * * root test -x /usr/bin/certbot -a \\! -d /run/systemd/system && certbot -q renew --deploy-hook a\n",
	})
	check(t, o, "", "post_hook=too renew_hook=a")
	if err := os.MkdirAll(filepath.Join(o.Root, "run/systemd/system"), 0o755); err != nil {
		t.Fatal(err)
	}
	o = &lineage.Outside{Root: o.Root, ConfigDir: o.ConfigDir}
	check(t, o, "", "renew_hook=of cli.ini post_hook=too")
	for line, want := range map[string]string{
		"0 0 * * * root certbot renew -q && systemctl reload nginx":                        "after=systemctl reload nginx",
		"0 0 * * * root certbot renew -q && cat a b > /etc/haproxy/c.pem 2>&1":             "after=cat a b > /etc/haproxy/c.pem 2>&1",
		"0 0 * * * root sleep 9; certbot renew -q; service nginx reload; exit 0":           "after=service nginx reload",
		"0 0 * * * root certbot renew --deploy-hook 'a b' && sh -c 'x y' && true | cat -n": "renew_hook=a b after=sh -c 'x y'",
		"0 0 * * * root systemctl reload nginx; certbot renew":                             "",
	} {
		check(t, machine(t, map[string]string{"etc/crontab": line + "\n"}), "etc/crontab", want)
	}
	check(t, machine(t, map[string]string{"root/.config": "no folder\n", "etc/letsencrypt/cli.ini": "deploy-hook = a\n"}), "", "renew_hook=a")
	o = machine(t, map[string]string{"etc/crontab": "0 0 * * * root docker run -v /etc/letsencrypt:/etc/letsencrypt --rm certbot/certbot renew --deploy-hook a\n"})
	if options, err := o.Options("example.com"); err != nil || !slices.ContainsFunc(options, func(o lineage.Option) bool { return o.Key == "renew_hook" && o.Away }) {
		t.Errorf("in a container: %v %v", options, err)
	}
}

// trimFlag: short options are none of ours.
func trimFlag(want string) string {
	if len(want) > 2 && want[:2] == "q " {
		return want[2:]
	}
	return want
}

// O12: hooks of systemd's units: of distributions, of a snap, of pip's installation, with drop-ins and files of variables. The texts are
// those of EPEL's certbot-renew.service, of snapd's, and of published units for pip.
func TestOutside_Units(t *testing.T) {
	t.Parallel()
	const unit = "[Unit]\nDescription=Certbot\n[Service]\nType=oneshot\n"
	epel := unit + "EnvironmentFile=/etc/sysconfig/certbot\nExecStart=/usr/bin/certbot renew --noninteractive --no-random-sleep-on-renew $PRE_HOOK $POST_HOOK $RENEW_HOOK $DEPLOY_HOOK $CERTBOT_ARGS\n"
	for i, test := range []struct {
		files map[string]string
		want  string
	}{
		{map[string]string{"lib/systemd/system/certbot.service": unit + "ExecStart=/usr/bin/certbot -q renew\n"}, ""},
		{map[string]string{"etc/systemd/system/certbot.service": unit + "ExecStart=-/usr/bin/certbot -q renew --deploy-hook \"systemctl reload nginx\"\n"}, "renew_hook=systemctl reload nginx"},
		{map[string]string{
			"lib/systemd/system/certbot.service":                 unit + "ExecStart=/usr/bin/certbot -q renew --pre-hook gone\n",
			"etc/systemd/system/certbot.service.d/override.conf": "[Service]\nExecStart=\nExecStart=/usr/bin/certbot renew \\\n  --post-hook 'systemctl reload postfix'\n",
		}, "post_hook=systemctl reload postfix"},
		{map[string]string{
			"etc/systemd/system/certbot.service": unit + "ExecStart=/opt/certbot/bin/certbot renew --deploy-hook a\n",
			"lib/systemd/system/certbot.service": unit + "ExecStart=/usr/bin/certbot renew --deploy-hook b\n",
		}, "renew_hook=a"},
		{map[string]string{"etc/systemd/system/snap.certbot.renew.service": unit + "ExecStart=/usr/bin/snap run --timer=\"00:00~24:00/2\" certbot.renew --deploy-hook a%%b\n"}, "renew_hook=a%b"},
		{map[string]string{"etc/systemd/system/renew-all.service": unit + "ExecStart=/bin/sh -c 'certbot renew --deploy-hook \"nginx -s reload\"'\n"}, "renew_hook=nginx -s reload"},
		{map[string]string{"usr/lib/systemd/system/certbot-renew.service": epel, "etc/sysconfig/certbot": "# POST_HOOK=\"x\"\nPOST_HOOK=\"--post-hook 'systemctl reload postfix'\"\nDEPLOY_HOOK=\"\"\n"}, "no_random_sleep_on_renew=true post_hook=systemctl reload postfix"},
		{map[string]string{"etc/sysconfig/certbot": "PRE_HOOK=\"\"\nDEPLOY_HOOK=\"--deploy-hook 'systemctl reload httpd'\"\nCERTBOT_ARGS=\"\"\n"}, "renew_hook=systemctl reload httpd"},
		{map[string]string{"etc/sysconfig/certbot": "DEPLOY_HOOK='systemctl reload httpd'\n"}, "renew_hook=systemctl reload httpd"},
		{map[string]string{"etc/default/certbot": "export CERTBOT_ARGS=--deploy-hook=/usr/local/bin/x\n"}, "renew_hook=/usr/local/bin/x"},
		{map[string]string{"etc/systemd/system/certbot.service": unit + "Environment=\"HOOK=systemctl reload nginx\"\nExecStart=/usr/bin/certbot renew --deploy-hook \"${HOOK}\"\n"}, "renew_hook=systemctl reload nginx"},
		{map[string]string{"etc/systemd/system/certbot.service": unit + "ExecStart=/usr/bin/certbot -q renew\nExecStartPost=-/bin/systemctl reload nginx\n"}, "after=/bin/systemctl reload nginx"},
		{map[string]string{"etc/systemd/system/certbot.service": unit + "ExecStart=/usr/bin/certbot renew -c /etc/my.ini\n", "etc/my.ini": "deploy-hook = a\n"}, "renew_hook=a"},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			o := machine(t, test.files)
			options, err := o.Options("example.com")
			got := ""
			for _, option := range options {
				if option.Key != "noninteractive" {
					got += " " + option.Key + "=" + option.Value
				}
			}
			if err != nil || got != "" && got[1:] != test.want || got == "" && test.want != "" {
				t.Errorf("%v, got%s, want %s", err, got, test.want)
			}
		})
	}
}

// What cron does not read, what others run, and what runs on failure alone is none of certbot's.
func TestOutside_NotOfCertbot(t *testing.T) {
	t.Parallel()
	const line = "0 0 * * * root certbot renew --deploy-hook a\n"
	for place, text := range map[string]string{
		"etc/cron.d/certbot.bak":       line,
		"etc/cron.d/certbot.dpkg-old":  line,
		"etc/cron.d/certbot~":          line,
		"etc/cron.d/of-alice":          strings.Replace(line, "root", "alice", 1),
		"etc/crontab":                  "@daily www-data certbot renew --deploy-hook a\n",
		"etc/cron.d/in-a-container":    "0 0 * * * root docker exec web certbot renew --deploy-hook a\n",
		"etc/cron.d/on-another-server": "0 0 * * * root ssh web certbot renew --deploy-hook a\n",
	} {
		check(t, machine(t, map[string]string{place: text}), place, "")
	}
	for text, want := range map[string]string{
		"0 0 * * * root certbot renew -q || mail -s failed root": "",
		"0 0 * * * root certbot renew 2>&1 | logger -t certbot":  "",
	} {
		check(t, machine(t, map[string]string{"etc/crontab": text + "\n"}), "etc/crontab", want)
	}
	o := machine(t, map[string]string{"etc/cron.daily/certbot": "certbot renew --deploy-hook a\n"})
	if err := os.Chmod(filepath.Join(o.Root, "etc/cron.daily/certbot"), 0o644); err != nil {
		t.Fatal(err)
	}
	check(t, o, "", "") // run-parts passes over it
}

// Scripts of run-parts run their lines one after the other, and have variables.
func TestOutside_Scripts(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"#!/bin/sh\ncertbot renew -q\nsystemctl reload nginx\n":                                  "after=systemctl reload nginx",
		"#!/bin/sh\nif certbot renew -q; then\n  service nginx reload # why\nfi\n":               "after=service nginx reload",
		"#!/bin/sh\nif certbot renew -q; then service nginx reload; fi\n":                        "after=service nginx reload",
		"#!/bin/sh\ncertbot renew -q && { service nginx reload > /dev/null; }\n":                 "after=service nginx reload > /dev/null",
		"#!/bin/sh\nif certbot renew -q; then service a reload; else mail b; fi\n":               "after=service a reload",
		"#!/bin/sh\nif certbot renew -q; then\n  a reload\nelse\n  mail b\nfi\nc\n":              "after=a reload after=c",
		"#!/bin/sh\nif certbot renew -q; then a reload; elif b; then c; else d; fi\n":            "after=a reload",
		"#!/bin/sh\nif ! certbot renew -q; then mail b; else a reload; fi\n":                     "after=a reload",
		"#!/bin/sh\nHOOK=\"systemctl reload nginx\"\ncertbot renew --deploy-hook \"$HOOK\"\n":    "renew_hook=systemctl reload nginx",
		"#!/bin/sh\nH='a b'\ncertbot renew --deploy-hook \"${H} $RENEWED_LINEAGE\"\n# certbot\n": "renew_hook=a b $RENEWED_LINEAGE",
	} {
		check(t, machine(t, map[string]string{"etc/cron.daily/certbot": text}), "etc/cron.daily/certbot", want)
	}
}

// Cron's tables lie in a sticky folder that its group may write to, as Debian makes it (1730): root's is not replaced there.
func TestOutside_StickyFolder(t *testing.T) {
	t.Parallel()
	o := machine(t, map[string]string{"var/spool/cron/crontabs/root": "0 0 * * * certbot renew --deploy-hook a\n"})
	dir := filepath.Join(o.Root, "var/spool/cron/crontabs")
	for mode, code := range map[os.FileMode]string{0o730 | os.ModeSticky: "", 0o777 | os.ModeSticky: "", 0o777: lineage.CodeUnsafe} {
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		o := &lineage.Outside{Root: o.Root, ConfigDir: o.ConfigDir}
		if options, err := o.Options("example.com"); fault.CodeOf(err) != code || err == nil && len(options) != 1 {
			t.Errorf("%v: %v, %v", mode, options, err)
		}
	}
	if err := os.Chmod(filepath.Join(dir, "root"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o730|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	o = &lineage.Outside{Root: o.Root, ConfigDir: o.ConfigDir}
	if _, err := o.Options("example.com"); fault.CodeOf(err) != lineage.CodeUnsafe {
		t.Errorf("any user may write to it: %v", err)
	}
}
