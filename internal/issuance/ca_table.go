package issuance

import (
	"slices"
	"time"
)

// knownCAs is the one table of what is different at which CA. Each line has its source: [S] the CA's own source code, [D]
// its documentation, [L] logs and reports of its users, [2] second-hand, from another client's documentation or a
// comparison. What is not here is not known, and nothing is refused for it.
//
//nolint:funlen // a table
func knownCAs() []CAFacts { return slices.Concat(publicCAs(), paidCAs(), customersCAs(), endedCAs()) }

// publicCAs are those that give everyone certificates with wildcards for nothing.
func publicCAs() []CAFacts {
	return []CAFacts{
		{
			Name: "letsencrypt", Company: "Let's Encrypt", Operator: "letsencrypt.org",
			Directory: "https://acme-v02.api.letsencrypt.org/directory",         // [D] letsencrypt.org/docs/acme-protocol-updates
			Staging:   "https://acme-staging-v02.api.letsencrypt.org/directory", // [D] letsencrypt.org/docs/staging-environment
			Wildcards: Offered,                                                  // [D] letsencrypt.org/docs/faq
			Names:     100,                                                      // [D] letsencrypt.org/docs/profiles, classic: the default
			ProfileNames: map[string]int{ // [D] letsencrypt.org/docs/profiles (2026-08)
				"classic": 100, "tlsserver": 25, "shortlived": 25,
			},
			Binding: BindingNone,                 // [S] boulder wfe2/wfe.go: no externalAccountRequired, ever
			CAA:     []string{"letsencrypt.org"}, // [D] letsencrypt.org/docs/caa
			Reasons: []uint{0, 1, 4, 5},          // [S] boulder revocation/reasons.go: others are badRevocationReason

			CoveredRefused: true,             // [S] boulder policy/pa.go: a wildcard together with a name it covers, 400 malformed
			NoContact:      true,             // [D] since 2025 a contact is checked and thrown away
			Memory:         60 * time.Second, // [L] community.letsencrypt.org 126670: min(TTL, 60 s), "no" too
		},
		{
			Name: "google", Company: "Google Trust Services", Operator: "pki.goog",
			Directory: "https://dv.acme-v02.api.pki.goog/directory",      // [D] cloud.google.com, public CA tutorial
			Staging:   "https://dv.acme-v02.test-api.pki.goog/directory", // [D] the same; it wants a binding of its own [2]
			Wildcards: Offered,                                           // [D]
			Names:     100, NamesUnsure: true,                            // [2] comparisons say 100, others "100 and more"
			Binding: BindingWanted,        // [D] each key is good for one account, and for 7 days
			CAA:     []string{"pki.goog"}, // [D]
			NoIDN:   true,                 // [2]
			Memory:  defaultMemory,
		},
		{
			Name: "zerossl", Company: "ZeroSSL", Operator: "sectigo.com",
			Directory: "https://acme.zerossl.com/v2/DV90", // [D] zerossl.com/documentation/acme
			Wildcards: Offered,                            // [D]
			Names:     100, NamesUnsure: true,             // [2] as for Google
			Binding: BindingWanted,           // [D]
			CAA:     []string{"sectigo.com"}, // [D] one platform with Sectigo
			Memory:  defaultMemory,
		},
	}
}

// paidCAs are those at which some or all of it is paid for.
func paidCAs() []CAFacts {
	return []CAFacts{
		{
			Name: "sectigo", Company: "Sectigo", Operator: "sectigo.com",
			Directory: "https://acme.sectigo.com/v2/DV", // [2] lego's list; OV and EV have other paths
			Hosts:     []string{"acme.sectigo.com"},
			Binding:   BindingWanted,           // [L] per customer; the product decides what may be on a certificate
			CAA:       []string{"sectigo.com"}, // [D]
			Memory:    defaultMemory,
		},
		{
			Name: "sslcom", Company: "SSL.com", Operator: "ssl.com",
			Directory: "https://acme.ssl.com/sslcom-dv-ecc", // [D] ssl.com, guide to ACME
			Hosts:     []string{"acme.ssl.com"},
			Wildcards: Paid,                // [2] acme.sh's wiki: "No wildcard certs" where nothing is paid
			Free:      1,                   // [2] the same: one name and its www.
			Binding:   BindingUnsaid,       // [L] Posh-ACME: the directory once said none while it was needed
			CAA:       []string{"ssl.com"}, // [2]

			EmailWanted:  true, // [L] Posh-ACME: else badCSR at finalize
			AddsWWW:      true, // [L]
			InPost:       true, // [L] acme.sh#6660, #3600: a miss is an error reply, and a new answer is a new try
			NoAccountURL: true, // [L] Posh-ACME#372: "Missing Authentication Token"
			Memory:       defaultMemory,
		},
		{
			Name: "sslcom-rsa", Company: "SSL.com", Operator: "ssl.com",
			Directory: "https://acme.ssl.com/sslcom-dv-rsa", // as sslcom, with RSA above the certificate
			Wildcards: Paid, Free: 1, Binding: BindingUnsaid, CAA: []string{"ssl.com"},
			EmailWanted: true, AddsWWW: true, InPost: true, NoAccountURL: true, Memory: defaultMemory,
		},
		{
			Name: "actalis", Company: "Actalis", Operator: "actalis.it",
			Directory: "https://acme-api.actalis.com/acme/directory", // [D]
			Wildcards: NotOffered,                                    // [D] not by ACME
			Names:     5,                                             // [D] with a paid account
			Free:      1,                                             // [D] one name and its www.
			Binding:   BindingWanted,                                 // [L] lego#2634: a key with padding
			CAA:       []string{"actalis.it"},                        // [2]
			AddsWWW:   true,                                          // [L]
			Memory:    defaultMemory,
		},
	}
}

// customersCAs are those of companies' customers, many of whom have a directory of their own, and of resellers.
func customersCAs() []CAFacts {
	return []CAFacts{
		{
			Name: "digicert", Company: "DigiCert", Operator: "digicert.com",
			Directory: "https://one.digicert.com/mpki/api/v1/acme/v2/directory", // [2] lego's list; customers have their own, too
			Hosts:     []string{"one.digicert.com"},
			Wildcards: Offered,       // [2]
			Binding:   BindingWanted, // [2]
			CAA: []string{ // [2] and its brands
				"digicert.com", "www.digicert.com", "digicert.ne.jp", "geotrust.com", "rapidssl.com", "thawte.com", "symantec.com",
			},
			CommonName: true, // [L] certbot#4922
			Memory:     defaultMemory,
		},
		{
			Name: "globalsign", Company: "GlobalSign", Operator: "globalsign.com",
			Directory: "https://emea.acme.atlas.globalsign.com/directory", // [2] lego's list
			Hosts:     []string{"acme.atlas.globalsign.com"},
			Wildcards: Offered,                    // [2]
			Binding:   BindingWanted,              // [2]
			CAA:       []string{"globalsign.com"}, // [2]
			Memory:    defaultMemory,
		},
		{
			Name: "litessl", Company: "LiteSSL", Operator: "litessl.com",
			Directory: "https://acme.litessl.com/acme/v2/directory", // [2] lego's list
			Binding:   BindingWanted,                                // [2]
			Memory:    defaultMemory,
		},
		{
			Name: "freessl", Company: "FreeSSL", Operator: "freessl.cn",
			Directory: "https://acmepro.freessl.cn/v2/DV", // [2] lego's list
			Binding:   BindingWanted,                      // [2]
			Memory:    defaultMemory,
		},
		{
			Company: "HARICA", Operator: "harica.gr",
			Hosts:   []string{"harica.gr"}, // [L] every customer has a directory of their own
			Binding: BindingWanted,         // [L] ansible-collections/community.crypto#923
			CAA:     []string{"harica.gr"}, // [2]
			Memory:  defaultMemory,
		},
		{
			Company: "GoDaddy", Operator: "godaddy.com",
			Hosts:   []string{"godaddy.com", "starfieldtech.com"}, // [L] Posh-ACME#611: per customer
			Binding: BindingWanted,
			CAA:     []string{"godaddy.com", "starfieldtech.com"}, // [2]
			Memory:  defaultMemory,
		},
	}
}

// endedCAs are those that issue nothing any more.
func endedCAs() []CAFacts {
	return []CAFacts{
		{
			Name: "buypass", Company: "Buypass", Operator: "buypass.com",
			Directory: "https://api.buypass.com/acme/directory",
			Staging:   "https://api.test4.buypass.no/acme/directory",
			Hosts:     []string{"api.buypass.com", "api.test4.buypass.no"},
			CAA:       []string{"buypass.com"},
			Ended:     &Ended{When: "no account is opened since 2025-09-15, and nothing is issued since 2025-10-31"}, // [L] Buypass' announcement
			Memory:    defaultMemory,
		},
		{
			Company: "Let's Encrypt", Operator: "letsencrypt.org", // [D] letsencrypt.org, end of life plan for ACMEv1
			Hosts: []string{"acme-v01.api.letsencrypt.org", "acme-staging.api.letsencrypt.org"},
			Ended: &Ended{
				When:    "its first protocol (ACMEv1) has had no service since 2021-06-01",
				Instead: "https://acme-v02.api.letsencrypt.org/directory",
			},
			Memory: 60 * time.Second,
		},
		{
			Company: "DigiCert", Operator: "digicert.com", // [2]
			Hosts: []string{"acme.digicert.com"},
			Ended: &Ended{
				When:    "this server was closed on 2026-02-24",
				Instead: "https://one.digicert.com/mpki/api/v1/acme/v2/directory",
			},
			Memory: defaultMemory,
		},
	}
}
