package plugin

import (
	"slices"
	"strings"

	"wildcard/internal/messages"
	"wildcard/providers"
)

// LegoServices are the services of lego's that wildcard-dns-lego offers, by all their names: known without the plugin, for those who ask
// for one by its name. internal/repotest compares them with its catalogue.
func LegoServices() []string {
	return strings.Fields(`
		acme-dns acmedns active24 alidns aliesa allinkl alwaysdata anexia artfiles arvancloud auroradns autodns axelname
		azion azure azuredns baiducloud beget binarylane bindman bluecat bluecatv2 bookmyname brandit bunny checkdomain
		civo clouddns cloudflare cloudns cloudru cloudxns com35 conoha conohav3 constellix corenetworks cpanel czechia
		ddnss derak desec designate digitalocean directadmin dnsexit dnshomede dnsimple dnsmadeeasy dnspod dnsupdate
		dode domainnameshop domeneshop dreamhost duckdns dyn dyndnsfree dynu easydns edgecenter edgedns edgeone
		efficientip epik eurodns excedo exec exoscale f5xc fastdns freemyip gandi gandiv5 gcloud gcore gigahostno glesys
		godaddy googledomains gravity hetzner hostingde hostinger hostingnl hosttech httpnet httpreq huaweicloud
		hurricane hyperone ibmcloud iij iijdpf infoblox infomaniak internetbs inwx ionos ionoscloud ipv64 ispconfig
		ispconfigddns iwantmyname jdcloud joker keyhelp leaseweb liara lightsail limacity linode linodev4 liquidweb
		loopia luadns mailinabox manageengine metaname metaregistrar mijnhost mittwald myaddr mydnsjp mythicbeasts
		namecheap namedotcom namesilo namesurfer nearlyfreespeech neodigit netcup netlify netnod nicmanager nicru
		nifcloud njalla nodion ns1 octenium onecloudru onlinenet oraclecloud otc ovh pdns plesk porkbun rackspace
		rainyun rcodezero regfish regru rfc2136 rimuhosting route53 safedns sakuracloud scaleway selectel selectelv2
		selfhostde servercow shellrent simply sonic spaceship stackpath syse technitium tencentcloud timewebcloud
		todaynic transip ucloud ultradns uniteddomains variomedia vegadns vercel versio vinyldns virtualname vkcloud
		volcengine vscale vultr webnames webnamesca webnamesru websupport wedos westcn yandex yandex360 yandexcloud
		zoneedit zoneee zonomi
	`)
}

// LegoService is the service of lego's that a word means: its name, or certbot's plugin for it (dns-NAME), or one of these mistyped; ""
// if there is none.
func LegoService(word string) string {
	word = strings.TrimPrefix(strings.ToLower(word), "dns-")
	for _, spelled := range []string{word, strings.ReplaceAll(word, "-", "")} {
		if slices.Contains(LegoServices(), spelled) {
			return spelled
		}
	}
	return messages.Nearest(word, LegoServices())
}

// legoMissing is the error of a machine without the plugin of lego's services, of which one is wanted; "" for none.
func legoMissing(service string, dirs []string) error {
	other := ""
	if meant := LegoService(service); service != "" && meant == "" {
		other = "; lego has no service " + providers.Excerpt(service)
	} else if meant != service {
		other = "; did you mean lego:" + meant + "?"
	}
	return providers.Errorf(providers.CodeNotInstalled, providers.Misconfigured,
		"there is no %slego in %s: it is installed separately%s", prefix, strings.Join(dirs, ", "), other)
}
