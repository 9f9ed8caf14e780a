package certificates

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"wildcard/internal/lineage"
)

// TestKeyRules_Documented has docs/migration.md say in both languages what the table does with each key, and of no other.
func TestKeyRules_Documented(t *testing.T) {
	t.Parallel()
	want := map[string]Becomes{}
	for _, rule := range keyRules() {
		for key := range strings.SplitSeq(rule.keys, ", ") {
			if _, twice := want[key]; twice {
				t.Errorf("%s is in two rows", key)
			}
			want[key] = rule.becomes
		}
		if (rule.becomes == BecomesRefused) != (rule.judge != nil && rule.becomes != BecomesCarried) {
			t.Errorf("%s: refused, and by what?", rule.keys)
		}
	}
	words := map[string]Becomes{"そのまま": BecomesKept, "設定に引き継ぐ": BecomesCarried, "使わない": BecomesIdle, "引き継げない": BecomesRefused,
		"無視": BecomesIgnored}
	for _, b := range []Becomes{BecomesKept, BecomesCarried, BecomesIdle, BecomesRefused, BecomesIgnored} {
		words[string(b)] = b
	}
	code := regexp.MustCompile("`([^`]+)`")
	for page, heading := range map[string]string{"migration.md": "## What adopt does", "migration.ja.md": "## adopt は"} {
		text, err := os.ReadFile("../../docs/" + page)
		if err != nil {
			t.Fatal(err)
		}
		_, part, _ := strings.Cut(string(text), heading)
		part, _, _ = strings.Cut(part, "\n## ")
		got := map[string]Becomes{}
		for line := range strings.Lines(part) {
			if columns := strings.Split(line, "|"); len(columns) == 5 && strings.Contains(columns[1], "`") {
				for _, key := range code.FindAllStringSubmatch(columns[1], -1) {
					got[key[1]] = words[strings.TrimSpace(columns[2])]
				}
			}
		}
		for key, becomes := range want {
			if got[key] != becomes {
				t.Errorf("docs/%s: %s: %q, and the table has %q", page, key, got[key], becomes)
			}
		}
		for key := range got {
			if want[key] == "" {
				t.Errorf("docs/%s: %s is not in the table", page, key)
			}
		}
	}
}

// TestKeyRules_OfCertbot has a row for all that certbot 2.1 and 5.6 restore from a .conf (renewal.py: STR_, INT_, BOOL_CONFIG_ITEMS, and
// pref_challs; storage.py), and none for what it does not know.
func TestKeyRules_OfCertbot(t *testing.T) {
	t.Parallel()
	conf, err := lineage.ParseConf([]byte("[renewalparams]\nauthenticator = dns-aliyun\ninstaller = certbot-haproxy:haproxy\n"))
	if err != nil {
		t.Fatal(err)
	}
	ask := func(section, name string) Becomes {
		return ruleOf(conf, lineage.Key{Section: section, Name: name}).becomes
	}
	for name := range strings.FieldsSeq("config_dir logs_dir work_dir user_agent server account authenticator installer renew_hook " +
		"pre_hook post_hook http01_address preferred_chain key_type elliptic_curve rsa_key_size http01_port must_staple " +
		"allow_subset_of_names reuse_key autorenew pref_challs") {
		if ask(renewalParams, name) == BecomesUnknown {
			t.Errorf("%s is not known", name)
		}
	}
	for _, key := range [][2]string{{renewalParams, "dns_aliyun_credentials"}, {renewalParams, "certbot_haproxy:haproxy_x"}, {renewalParams, "webroot_map"}} {
		if got := ask(key[0], key[1]); got != BecomesIdle {
			t.Errorf("%s: %s", key[1], got)
		}
	}
	for _, key := range [][2]string{{renewalParams, "version"}, {"", "account"}, {"other", "server"}, {renewalParams, "muststaple"}, {"", "renewalparams"}} {
		if got := ask(key[0], key[1]); got != BecomesUnknown {
			t.Errorf("%q: %s", key, got)
		}
	}
	if slices.ContainsFunc(keyRules(), func(r keyRule) bool { return r.keys == "" || r.becomes == BecomesUnknown }) {
		t.Error("a row without keys")
	}
}
