package certificates

import (
	"slices"
	"strings"

	"wildcard/internal/fault"
	"wildcard/internal/lineage"
	"wildcard/internal/messages"
)

// Becomes says what a key of certbot's .conf is once its lineage is ours. docs/migration.md explains the words.
type Becomes string

// What keys become. Nothing is lost of any: [Manager.Release] gives certbot what it had.
const (
	BecomesKept    Becomes = "kept"         // the line stays, and renewals here do as it says
	BecomesCarried Becomes = "carried over" // settings of ours do what it did
	BecomesIdle    Becomes = "not used"     // the line stays, for certbot alone: how it proves names, where it logs
	BecomesRefused Becomes = "refused"      // some value of it cannot be done here: a lineage with it is not taken over
	BecomesIgnored Becomes = "ignored"      // the line stays, and certbot itself reads it no more
	BecomesUnknown Becomes = "unknown"      // the line stays; no certbot known to us reads it
)

// CarriedKey is a key of a lineage's .conf with what becomes of it.
type CarriedKey struct {
	Key     string  `json:"key"`
	Becomes Becomes `json:"becomes"`
}

// renewalParams is the section with certbot's options.
const renewalParams = "renewalparams"

// keyRule is a row of the table of certbot's keys.
type keyRule struct {
	keys    string // of [renewalparams], or "SECTION: KEY" of another one, of which "top" is above all; "PREFIX*" is all that begin so
	becomes Becomes
	// judge, which may be nil, looks at a value that is set. It may change what the lineage is to become (settings, params), add
	// notes, or refuse. A rule that becomes "refused" is "kept" where judge has no objection.
	judge func(a *adoption, key, value string) error
}

// keyRules is all that certbot does with the keys of a .conf, of every age: certbot/_internal/renewal.py and storage.py of 2.1 and
// 5.6 (CONFIG_ITEMS, _restore_plugin_configs, RenewableCert), and what those before 0.10 wrote, which kept all their options. The
// first row that fits counts. docs/migration.md has the same rows.
func keyRules() []keyRule {
	return []keyRule{
		{keys: "top: version, top: archive_dir, top: cert, top: privkey, top: chain, top: fullchain", becomes: BecomesKept},
		{keys: "account, server", becomes: BecomesKept},
		{keys: "key_type, elliptic_curve, rsa_key_size", becomes: BecomesRefused, judge: judgeKeyType},
		{keys: "reuse_key, preferred_chain", becomes: BecomesKept},
		{keys: "preferred_profile, required_profile", becomes: BecomesKept},
		{keys: "top: renew_before_expiry", becomes: BecomesRefused, judge: judgeRenewBefore},
		{keys: "pre_hook, post_hook, renew_hook, deploy_hook", becomes: BecomesKept},
		{keys: "authenticator, pref_challs, manual_auth_hook, manual_cleanup_hook", becomes: BecomesCarried},
		{keys: "autorenew", becomes: BecomesCarried, judge: judgeAutorenew},
		{keys: "must_staple, allow_subset_of_names", becomes: BecomesRefused, judge: judgeNotOffered},
		{keys: "installer", becomes: BecomesCarried, judge: judgeInstaller},
		{keys: "manual_*, webroot_*, standalone_*, dns_*, apache_*, nginx_*, certbot_*", becomes: BecomesIdle},
		{keys: "http01_port, http01_address, tls_sni_01_*, user_agent, config_dir, logs_dir, work_dir", becomes: BecomesIdle},
		{keys: "acme_renewal_info: ari_retry_after", becomes: BecomesIdle},
		{keys: pastKeys, becomes: BecomesIgnored},
	}
}

// pastKeys are options that certbot wrote before 0.10, and its renewer's that never came to be. Today's passes over them.
const pastKeys = "top: renewer_enabled, top: deploy_before_expiry, top: autodeploy, agree_dev_preview, apache, break_my_certs, " +
	"cert_path, certname, chain_path, checkpoints, config_file, configurator, csr, debug, domains, dry_run, duplicate, dvsni_port, email, " +
	"expand, fullchain_path, func, hsts, ifaces, init, key_path, manual, nginx, no_bootstrap, no_permissions_check, no_self_upgrade, " +
	"no_verify_ssl, noninteractive_mode, num, os_packages_only, prepare, quiet, redirect, register_unsafely_without_email, reinstall, " +
	"renew_by_default, rollback_checkpoints, simple_http_port, staging, standalone, staple, strict_permissions, test_cert, text_mode, tos, " +
	"uir, update_registration, verb, verbose_count, webroot"

// carriedKeys goes through the keys of a lineage's .conf by the table. An error names the key that cannot be done here.
func (a *adoption) carriedKeys() (all []CarriedKey, err error) {
	conf := a.conf
	for _, key := range conf.Keys() {
		rule := ruleOf(conf, key)
		value, _ := conf.Get(key.Section, key.Name)
		if rule.judge != nil && value != "None" { // certbot's word for what is not set
			if err := rule.judge(a, key.Name, value); err != nil {
				return nil, err
			}
		}
		if rule.becomes == BecomesRefused {
			rule.becomes = BecomesKept
		}
		all = append(all, CarriedKey{key.Name, rule.becomes})
	}
	return all, nil
}

// ruleOf is the row of a key.
func ruleOf(conf *lineage.Conf, key lineage.Key) keyRule {
	name := key.Name
	switch key.Section {
	case renewalParams:
	case "":
		name = "top: " + name
	default:
		name = key.Section + ": " + name
	}
	for _, rule := range keyRules() {
		for pattern := range strings.SplitSeq(rule.keys, ", ") {
			prefix, open := strings.CutSuffix(pattern, "*")
			if name == pattern || open && strings.HasPrefix(name, prefix) {
				return rule
			}
		}
	}
	for _, plugin := range []string{"authenticator", "installer"} { // whose options are all that begin with its name
		of, _ := conf.Get(renewalParams, plugin)
		if of != "" && strings.HasPrefix(name, strings.ReplaceAll(of, "-", "_")+"_") {
			return keyRule{becomes: BecomesIdle}
		}
	}
	return keyRule{becomes: BecomesUnknown}
}

// cannotAdopt is the refusal of what certbot does and we do not.
func cannotAdopt(l *lineage.Lineage, format string, args ...any) *fault.Error {
	return fault.Errorf(CodeAdopt, fault.Misconfigured, "%s is not taken over: "+format, append([]any{l.Name}, args...)...)
}

// judgeKeyType refuses keys of kinds that are not made here, of which the nearest would be made.
func judgeKeyType(a *adoption, key, value string) error {
	p := a.params
	ecdsa := strings.EqualFold(p.KeyType, "ecdsa")
	known := true
	switch key {
	case "key_type":
		known = slices.Contains([]string{"ecdsa", "rsa"}, value)
	case "elliptic_curve":
		known = !ecdsa || slices.Contains([]string{"secp256r1", "secp384r1"}, strings.ToLower(value))
	case "rsa_key_size":
		known = ecdsa || slices.Contains([]string{"2048", "3072", "4096"}, value)
	}
	if !known {
		return cannotAdopt(a.Lineage, "its %s is %s, and such keys are not made here", key, fault.Excerpt(value))
	}
	return nil
}

// judgeAutorenew tells of a certificate that certbot's timer was told to leave alone.
func judgeAutorenew(a *adoption, _, value string) error {
	if strings.EqualFold(value, "false") {
		a.Notes = append(a.Notes, messages.New("certbot was told not to renew %s (autorenew = False); wildcard renew renews it", a.Lineage.Name))
	}
	return nil
}

// judgeRenewBefore refuses a time that is not understood, and tells of one that no certificate lives for.
func judgeRenewBefore(a *adoption, key, value string) error {
	leaf := a.Lineage.Next()
	if leaf == nil {
		return nil
	}
	at, ok := lineage.Before(leaf.NotAfter, value)
	switch {
	case !ok:
		return cannotAdopt(a.Lineage, "its %s is %s, which is no time that is understood here", key, fault.Excerpt(value))
	case !at.After(leaf.NotBefore):
		a.Notes = append(a.Notes, messages.New("its %s, %s, is longer than the certificate lives, and is passed over",
			key, messages.OneLine(value)))
	}
	return nil
}

// judgeNotOffered refuses what there is not here: OCSP Must-Staple (RFC 7633), which Let's Encrypt refuses since 2025, and
// certificates with fewer names than were asked for.
func judgeNotOffered(a *adoption, key, value string) error {
	if strings.EqualFold(value, "true") {
		return cannotAdopt(a.Lineage, "its %s is %s, which is not done here", key, fault.Excerpt(value))
	}
	return nil
}
