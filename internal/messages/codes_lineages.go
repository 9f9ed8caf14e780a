package messages

import "wildcard/internal/fault"

// codesOfLineages are about certificates and accounts on disk.
var codesOfLineages = []Code{
	{
		Name: "lineage.name", Exits: []int{2},
		Cause: "This cannot be the name of a certificate's folder.",
		Next:  "choose one of letters, digits, hyphens and dots: --cert-name example.com",
	},
	{
		Name: "lineage.not-found", Exits: []int{2, 78},
		Cause: "There is no certificate, version or account of that name in the configuration directory.",
		Next:  fault.Verbatim("wildcard list"),
	},
	{
		Name: "lineage.not-owned", Exits: []int{2},
		Cause: "The certificate is certbot's to renew. We change only what we made or took over.",
		Next:  "take it over as it is: wildcard adopt NAME",
	},
	{
		Name: "lineage.exists", Exits: []int{78, 1},
		Cause: "Files of that certificate or account are there already, and would have been overwritten.",
		Next:  "wildcard doctor names what is there, and the command that moves it away; another name: --cert-name NAME",
	},
	{
		Name: "lineage.damaged", Exits: []int{78, 1},
		Cause: "Files or links of the certificate are missing, do not match, or lead elsewhere.",
		Next:  "wildcard renew --cert-name NAME repairs ours; certbot's own need certbot",
	},
	{
		Name: "lineage.bad-certificate", Exits: []int{1},
		Cause: "Certificate, chain and key do not make a set that can be kept; what is live was not touched.",
		Next:  fault.Verbatim("wildcard renew"),
	},
	{
		Name: "lineage.conf", Exits: []int{78, 2},
		Cause: "A renewal/NAME.conf cannot be read as certbot writes it, or a setting cannot be written into it.",
		Next:  "correct the line that is named, or restore the file from a backup; then: wildcard list",
	},
	{
		Name: "lineage.store", Exits: []int{78},
		Cause: "The configuration directory cannot be read or written. Found before anything was ordered.",
		Next:  "run it as root, or name a folder of your own: --config-dir DIR",
	},
	{
		Name: "lineage.no-space", Exits: []int{78},
		Cause: "The disk, its inodes or the quota are used up. An issued certificate is kept, and stored by the next run.",
		Next:  fault.Verbatim("df -h /etc/letsencrypt /var/lib/wildcard; df -i /etc/letsencrypt"),
	},
	{
		Name: "lineage.locked", Exits: []int{75},
		Cause: "certbot, or another run of ours, is at work on it.",
		Next:  "wait until that has ended, then the same command again",
	},
	{
		Name: "lineage.account", Exits: []int{78, 1, 2},
		Cause: "The files of an account cannot be used: unreadable, not ours, or not of the form that certbot writes.",
		Next:  fault.Verbatim("ls -lR /etc/letsencrypt/accounts"),
	},
	{
		Name: "lineage.account-choice", Exits: []int{2},
		Cause: "Several accounts exist for this CA, and none was chosen.",
		Next:  "wildcard account show lists them; choose with --account ID",
	},
	{
		Name: "lineage.unsafe-path", Exits: []int{78},
		Cause: "Another user owns or may change a folder, link or file on the way, and could redirect what is read or written.",
		Next:  "give what is named back to root: chown -h root:root PATH; and, unless it is a link: chmod go-w PATH",
	},
	{
		Name: "lineage.staging", Exits: []int{2},
		Cause: "A certificate for tries would take the place of a real one, and browsers would refuse it.",
		Next:  fault.Verbatim("wildcard issue --dry-run NAME"),
	},
	{
		Name: "adopt.impossible", Exits: []int{78},
		Cause: "certbot does something for this certificate that is not done here. Nothing was changed.",
		Next:  "leave it with certbot; or change the line that is named, then: wildcard adopt NAME",
	},
	{
		Name: "import.impossible", Exits: []int{78, 1},
		Cause: "A certificate or account of another client cannot be used as it is. The others are taken over all the same.",
		Next:  "do what the line says, then the same command again: what came before is not taken twice",
	},
	{
		Name: "import.nothing", Exits: []int{2},
		Cause: "The client's folder is somewhere else, or it was another client's.",
		Next:  "name the folder: wildcard import CLIENT PATH",
	},
	{
		Name: "release.impossible", Exits: []int{1},
		Cause: "certbot has no option for how this certificate is renewed, so it could not renew it.",
		Next:  "keep it with wildcard renew, or issue it anew with certbot under another name",
	},
}
