package lineage

import (
	"slices"
	"strconv"
	"strings"
)

// Params is what certbot needs to renew a lineage with the manual plugin and DNS-01: part of [renewalparams], under the names
// of certbot's options (certbot/_internal/renewal.py, CONFIG_ITEMS). Keys that are not here stay as they are.
type Params struct {
	Server         string // URL of the CA's directory; never empty when it is read
	Account        string // id of the account
	KeyType        string // "ecdsa" or "rsa"
	Curve          string // elliptic_curve: "secp256r1", "secp384r1", "secp521r1"
	RSABits        int    // rsa_key_size
	ReuseKey       bool
	PreferredChain string
	AuthHook       string // manual_auth_hook: a shell's command line
	CleanupHook    string // manual_cleanup_hook
	PreHook        string
	PostHook       string
	Preferred      string // preferred_profile: that of the order, if the CA has it; read only
	Required       string // required_profile: that of the order, whatever the CA has; read only
	DeployHook     string // renew_hook
	DeployHook53   string // deploy_hook: the same as certbot 5.3 and later write it, which run it
}

func (p *Params) texts() map[string]*string {
	return map[string]*string{"server": &p.Server, "account": &p.Account, "key_type": &p.KeyType,
		"elliptic_curve":  &p.Curve,
		"preferred_chain": &p.PreferredChain, "manual_auth_hook": &p.AuthHook, "manual_cleanup_hook": &p.CleanupHook,
		"preferred_profile": &p.Preferred, "required_profile": &p.Required,
		"pre_hook": &p.PreHook, "post_hook": &p.PostHook, "renew_hook": &p.DeployHook,
		"deploy_hook": &p.DeployHook53}
}

var paramOrder = []string{"account", "pref_challs", "server", "authenticator", "manual_auth_hook",
	"manual_cleanup_hook", "key_type",
	"elliptic_curve", "rsa_key_size", "reuse_key", "preferred_chain", "pre_hook", "post_hook", "renew_hook",
	"deploy_hook"}

// certbotServer is the CA of a .conf that names none, as those of certbot 0.5 to 0.25 (constants.py, CLI_DEFAULTS["server"]: certbot
// asks it today, whatever it was then).
const certbotServer = "https://acme-v02.api.letsencrypt.org/directory"

// Params reads [renewalparams]. certbot's word None counts as not set; key_type is "rsa" when certbot, before 1.25, left it out.
// Server is what certbot renews with: its own where there is none, and the next one of those that have ended (renewal.py,
// _restore_str_config_item).
func (c *Conf) Params() Params {
	var p Params
	for key, to := range p.texts() {
		if text, _ := c.Get(params, key); text != "None" {
			*to = text
		}
	}
	for today, before := range older {
		if p.Server == before {
			p.Server = today
		}
	}
	if p.Server == "" {
		p.Server = certbotServer
	}
	if p.KeyType == "" {
		p.KeyType = "rsa"
	}
	bits, _ := c.Get(params, "rsa_key_size")
	p.RSABits, _ = strconv.Atoi(bits) // 0 when it is no number
	reuse, _ := c.Get(params, "reuse_key")
	p.ReuseKey = strings.EqualFold(reuse, "true")
	return p
}

// SetParams writes them, with authenticator = manual and pref_challs = dns-01; what is empty is removed.
func (c *Conf) SetParams(p Params) error {
	next := *c
	next.items = slices.Clone(c.items)
	texts := p.texts()
	for _, key := range paramOrder {
		text := ""
		switch {
		case key == "pref_challs":
			if err := next.SetList(params, key, []string{"dns-01"}); err != nil {
				return err
			}
			continue
		case key == "authenticator":
			text = "manual"
		case key == "rsa_key_size" && p.RSABits != 0:
			text = strconv.Itoa(p.RSABits)
		case key == "reuse_key" && p.ReuseKey:
			text = "True"
		case texts[key] != nil:
			text = *texts[key]
		}
		if text == "" {
			next.Remove(params, key)
		} else if err := next.Set(params, key, text); err != nil {
			return err
		}
	}
	*c = next
	return nil
}
