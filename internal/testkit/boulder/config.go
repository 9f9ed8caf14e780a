package boulder

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// object is one of a configuration's.
type object = map[string]any

const (
	issuerDomain = "ca.example.net" // of CAA records
	termsURL     = "https://ca.example.net/terms"
	innerDomain  = "boulder"       // of the services' certificates
	srvDomain    = "nonce.boulder" // below which the SRV records are
	dnsTimeout   = "10s"           // so that a resolver may be slow; three tries
)

// config makes the configurations of a CA's services.
type config struct{ of *CA }

// perspective is a place from which a name is looked at.
type perspective struct{ name, rir string }

// remotes are the places beside the primary one.
func remotes() []perspective {
	return []perspective{{"frankfurt", "RIPE"}, {"ohio", "ARIN"}, {"singapore", "APNIC"}}
}

func (c config) tls(service string) object {
	pki := c.of.pki
	return object{"caCertFile": pki.cert("inner"), "certFile": pki.cert(service), "keyFile": pki.key(service)}
}

// client is how one service finds another.
func (c config) client(service string, port int, timeout string) object {
	return object{"serverAddress": at(c.of.ip, port), "hostOverride": service + "." + innerDomain, "timeout": timeout}
}

// server has what a service offers, and to whom.
func (c config) server(port int, services map[string][]string) object {
	offered := object{"grpc.health.v1.Health": object{"clientNames": []string{"health." + innerDomain}}}
	for service, clients := range services {
		var names []string
		for _, client := range clients {
			names = append(names, client+"."+innerDomain)
		}
		offered[service] = object{"clientNames": names}
	}
	return object{"address": at(c.of.ip, port), "maxConnectionAge": "30s", "services": offered}
}

func (c *CA) file(name string) string { return filepath.Join(c.dir, name) }

func (c config) limiter() object {
	return object{
		"redis": object{
			"username": "boulder", "passwordFile": c.of.file("redis-password"),
			"shardAddrs":  object{"one": at(c.of.ip, portRedis)},
			"readTimeout": "5s", "writeTimeout": "5s", "poolSize": 20, "tls": c.tls("wfe"),
		},
		"defaults": c.of.file("limits.yml"),
	}
}

func (c config) chainFiles() (all [][]string) {
	for _, chain := range chains() {
		var files []string
		for _, name := range chain {
			files = append(files, c.of.pki.cert(name))
		}
		all = append(all, files)
	}
	return all
}

// policyAuthority has the challenges that are offered.
func (c config) policyAuthority() object {
	challenges := object{"http-01": true, "dns-01": true, "tls-alpn-01": true}
	if c.of.options.Variant == Next {
		challenges["dns-account-01"], challenges["dns-persist-01"] = true, true
	}
	return object{"challenges": challenges, "identifiers": object{"dns": true, "ip": true}}
}

// features are the switches of a service in the variant that runs.
func (c config) features(service string) object {
	all := map[Variant]map[string][]string{
		Today: {"wfe": {"CheckIdentifiersPaused"}, "ra": {"AutomaticallyPauseZombieClients"}},
		Next: {
			"wfe": {"CheckIdentifiersPaused", "PropagateCancels"},
			"ra": {
				"AutomaticallyPauseZombieClients", "CAARechecksFailOrder", "DNSAccount01Enabled", "DNSPersist01Enabled",
				"SetAuthzProcessing",
				"RevokeAuthzsUponRevokeCert",
			},
			"va": {"DNSAccount01Enabled", "DNSPersist01Enabled"},
			"ca": {"UnsignLintCerts"},
		},
		Async: {"wfe": {"CheckIdentifiersPaused"}, "ra": {"AutomaticallyPauseZombieClients", "AsyncFinalize"}},
	}
	on := object{}
	for _, feature := range all[c.of.options.Variant][service] {
		on[feature] = true
	}
	return on
}

// syslog sends all that a service says to its output.
func syslog() object { return object{"stdoutlevel": 6, "sysloglevel": -1} }

// configurations are those of all services, by the name of the file.
func (c config) configurations() map[string]any {
	all := map[string]any{
		"sa":        c.sa(),
		"ca":        c.ca(),
		"ra":        c.ra(portRA),
		"ra-sct":    c.ra(portSCT),
		"va":        c.va(),
		"publisher": c.publisher(),
		"nonce-a":   c.nonce(portNonceA),
		"nonce-b":   c.nonce(portNonceB),
		"wfe":       c.wfe(),
	}
	for i := range remotes() {
		all[fmt.Sprintf("rva-%d", i)] = c.rva(i)
	}
	return all
}

func (c config) sa() object {
	return object{
		"sa": object{
			"db": object{"dbConnectFile": c.of.file("database"), "maxOpenConns": 100}, "lagFactor": "200ms", "tls": c.tls("sa"),
			"features": object{},
			"grpc": c.server(portSA, map[string][]string{
				"sa.StorageAuthority": {"ca", "ra"}, "sa.StorageAuthorityReadOnly": {"wfe", "ra"},
			}),
		},
		"syslog": syslog(),
	}
}

func (c config) ca() object {
	profile := func(validity string, short bool) object {
		ignored := []string{"w_subject_common_name_included", "w_ext_subject_key_identifier_not_recommended_subscriber"}
		if short {
			ignored = []string{"w_ext_subject_key_identifier_missing_sub_cert"}
		}
		return object{
			"omitCommonName": short, "omitKeyEncipherment": short, "omitSKID": short, "maxValidityPeriod": validity,
			"maxValidityBackdate": "1h5m",
			"ignoredLints":        ignored,
		}
	}
	issuer := func(name string) object {
		return object{
			"profiles": []string{"classic", "tlsserver", "shortlived"}, "crlShards": 10,
			"issuerURL": "http://i.example.net/" + name, "crlURLBase": "http://c.example.net/" + name + "/",
			"location": object{"file": c.of.pki.key(name), "certFile": c.of.pki.cert(name), "numSessions": 2},
		}
	}
	return object{
		"ca": object{
			"tls": c.tls("ca"), "hostnamePolicyFile": c.of.file("policy.yml"),
			"grpcCA":     c.server(portCA, map[string][]string{"ca.CertificateAuthority": {"ra"}}),
			"sctService": c.client("ra", portSCT, "15s"), "saService": c.client("sa", portSA, "15s"),
			"issuance": object{
				"certProfiles": object{"classic": profile("2160h", false), "tlsserver": profile("1080h", true),
					"shortlived": profile("160h", true)},
				"crlProfile": object{"validityInterval": "216h", "maxBackdate": "1h5m"},
				"issuers":    []object{issuer(issuerE), issuer(issuerR)},
			},
			"serialPrefixHex": "6e", "goodkey": object{}, "ocspLogMaxLength": 4000, "ctLogListFile": c.of.file("logs.json"),
			"disableCRLService": true,
			"features":          c.features("ca"),
		},
		"pa":     c.policyAuthority(),
		"syslog": syslog(),
	}
}

func (c config) ra(port int) object {
	profile := func(pending, valid, order string, names int, kinds ...string) object {
		return object{
			"pendingAuthzLifetime": pending, "validAuthzLifetime": valid, "orderLifetime": order, "maxNames": names,
			"identifierTypes": kinds,
		}
	}
	services := map[string][]string{"ra.RegistrationAuthority": {"wfe"}, "ra.SCTProvider": {"ca"}}
	return object{
		"ra": object{
			"limiter": c.limiter(), "maxContactsPerRegistration": 3, "hostnamePolicyFile": c.of.file("policy.yml"),
			"goodkey":     object{},
			"issuerCerts": []string{c.of.pki.cert(issuerE), c.of.pki.cert(issuerR)}, "finalizeTimeout": "30s",
			"validationProfiles": object{ // https://letsencrypt.org/docs/profiles/
				"classic":    profile("168h", "720h", "168h", 100, "dns"),
				"tlsserver":  profile("1h", "7h", "8h", 25, "dns"),
				"shortlived": profile("1h", "7h", "8h", 25, "dns", "ip"),
			},
			"defaultProfileName": "classic", "tls": c.tls("ra"), "grpc": c.server(port, services), "features": c.features("ra"),
			"vaService": c.client("va", portVA, "20s"), "caService": c.client("ca", portCA, "15s"),
			"saService":        c.client("sa", portSA, "15s"),
			"publisherService": c.client("publisher", portPublisher, "300s"),
			"ctLogs": object{
				"stagger": "500ms", "logListFile": c.of.file("logs.json"), "sctLogs": logNames(), "finalLogs": []string{},
			},
		},
		"pa":     c.policyAuthority(),
		"syslog": syslog(),
	}
}

// validation is what all validation authorities have in common; the first resolver is the primary's.
func (c config) validation(service string, port, resolver int, clients ...string) object {
	return object{
		"userAgent": "boulder", "dnsTries": 3, "dnsStaticResolvers": []string{at(c.of.ip, portDoH+resolver)},
		"dnsTimeout":   dnsTimeout,
		"issuerDomain": issuerDomain, "tls": c.tls(service), "features": c.features("va"),
		"grpc":               c.server(port, map[string][]string{"va.VA": clients, "va.CAA": clients}),
		"accountURIPrefixes": []string{c.of.accounts()},
	}
}

func (c config) va() object {
	var others []object
	for i, place := range remotes() {
		client := c.client("rva", portRemote+i, "15s")
		client["perspective"], client["rir"] = place.name, place.rir
		others = append(others, client)
	}
	config := c.validation("va", portVA, 0, "ra")
	config["remoteVAs"] = others
	if c.of.options.Variant == Next {
		config["slowRemoteTimeout"] = "2s"
	}
	return object{"va": config, "syslog": syslog()}
}

func (c config) rva(i int) object {
	config := c.validation("rva", portRemote+i, 1+i, "va")
	config["perspective"], config["rir"] = remotes()[i].name, remotes()[i].rir
	return object{"rva": config, "syslog": syslog()}
}

func (c config) publisher() object {
	var first [][]string // one chain of each issuer
	seen := map[string]bool{}
	for _, chain := range c.chainFiles() {
		if !seen[chain[0]] {
			first = append(first, chain)
		}
		seen[chain[0]] = true
	}
	return object{
		"publisher": object{
			"userAgent": "boulder/1.0", "chains": first, "tls": c.tls("publisher"), "features": object{},
			"grpc": c.server(portPublisher, map[string][]string{"Publisher": {"ra"}}),
		},
		"syslog": syslog(),
	}
}

func (c config) nonce(port int) object {
	return object{"NonceService": object{
		"maxUsed": 65536, "nonceHMACKey": object{"keyFile": c.of.file("nonce-key")}, "syslog": syslog(),
		"tls": c.tls("nonce"), "grpc": c.server(port, map[string][]string{"nonce.NonceService": {"wfe"}}),
	}}
}

func (c config) wfe() object {
	nonces := func(extra object) object {
		config := object{"dnsAuthority": at(c.of.ip, portNames), "timeout": "15s", "hostOverride": "nonce." + innerDomain}
		for key, value := range extra {
			config[key] = value
		}
		return config
	}
	lookup := object{"service": "nonces", "domain": srvDomain}
	config := object{
		"timeout": "30s", "listenAddress": at(c.of.ip, portWFE), "shutdownStopTimeout": "10s",
		"subscriberAgreementURL": termsURL,
		"directoryCAAIdentity":   issuerDomain, "directoryWebsite": "https://" + issuerDomain, "legacyKeyIDPrefix": c.of.url() + "/acme/reg/",
		"goodkey": object{}, "tls": c.tls("wfe"), "raService": c.client("ra", portRA, "15s"),
		"saService":          c.client("sa", portSA, "15s"),
		"getNonceService":    nonces(object{"srvLookup": lookup}),
		"redeemNonceService": nonces(object{"srvLookups": []object{lookup}, "srvResolver": "nonce-srv-v2"}),
		"nonceHMACKey":       object{"keyFile": c.of.file("nonce-key")}, "chains": c.chainFiles(), "staleTimeout": "5m",
		"limiter":  c.limiter(),
		"features": c.features("wfe"),
		"certProfiles": object{
			"classic": "https://" + issuerDomain + "/profiles#classic", "tlsserver": "https://" + issuerDomain + "/profiles#tlsserver",
			"shortlived": "https://" + issuerDomain + "/profiles#shortlived",
		},
		"unpause": object{"hmacKey": object{"keyFile": c.of.file("unpause-key")}, "jwtLifetime": "336h", "url": unpauseURL},
	}
	if c.of.options.Variant == Next {
		config["accountURIPrefix"] = c.of.accounts()
	}
	return object{"wfe": config, "syslog": syslog()}
}

// unpauseURL is where the CA sends a person whose names are paused.
const unpauseURL = "https://unpause.example.net"

// url is that of the front, without a path; accounts is what accounts' URLs begin with.
func (c *CA) url() string      { return "https://" + at(c.ip, portFront) }
func (c *CA) accounts() string { return c.url() + "/acme/acct/" }

// write writes NAME.json for each service.
func (c config) write() error {
	for name, config := range c.configurations() {
		text, err := json.MarshalIndent(config, "", "\t")
		if err != nil {
			return err
		}
		if err := os.WriteFile(c.of.file(name+".json"), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}
