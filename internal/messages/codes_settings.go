package messages

import "wildcard/internal/fault"

// codesOfSettings are about the command line, settings, files with secrets, and DNS services.
var codesOfSettings = []Code{
	{
		Name: "usage", Exits: []int{2},
		Cause: "The command line cannot be carried out as it is; nothing was done.",
		Next:  fault.Verbatim("wildcard --help"),
	},
	{
		Name: "provider.spec", Exits: []int{2},
		Cause: "A DNS service is named as [ZONE=]NAME[:ARG][@ENVFILE]; this is something else, or a service that this program cannot use here.",
		Next:  "wildcard providers lists what can stand there",
	},
	{
		Name: "provider.unknown", Exits: []int{2, 78},
		Cause: "There is no DNS service of that name in this program, and no plugin.",
		Next:  fault.Verbatim("wildcard providers"),
	},
	{
		Name: "provider.not-installed", Exits: []int{78},
		Cause: "lego's DNS services are a program of their own, so that none of it runs beside the keys: the package wildcard-dns-lego, which is not installed.",
		Next:  "install the package wildcard-dns-lego, or build it in a checkout with the services that you want, such as cloudflare (8 MB, one minute on two cores), into a folder that the line names: install -d -m 755 /usr/local/lib/wildcard && CGO_ENABLED=0 go -C cmd/wildcard-dns-lego build -trimpath -ldflags '-s -w' -tags one,cloudflare -o /usr/local/lib/wildcard/wildcard-dns-lego .",
	},
	{
		Name: "settings.missing", Exits: []int{78},
		Cause: "The DNS service needs settings that were found nowhere; all of them are named above. They are taken as a set from one place.",
		Next:  "put them into the last file that the line names (mode 600), then: wildcard doctor",
	},
	{
		Name: "settings.invalid", Exits: []int{78},
		Cause: "A setting is there but cannot be used as it is; the line names it, with its file and line where it has one.",
		Next:  "correct it (passwords in single quotes), then: wildcard doctor",
	},
	{
		Name: "settings.unsafe-file", Exits: []int{78},
		Cause: "A file or folder with secrets can be read or changed by others, or belongs to another user. It is not used until that is fixed.",
		Next:  "run the chmod or chown of the line above, then the same command again",
	},
	{
		Name: "manual.nobody", Exits: []int{78},
		Cause: "The provider manual asks a person to set the records, and there is no terminal to ask at.",
		Next:  "run it in a terminal, or use a provider that works by itself: wildcard providers",
	},
	{
		Name: "credentials.refused", Exits: []int{77},
		Cause: "The DNS service does not accept user, password or tenant. It was tried once, so that no account is locked.",
		Next:  "compare them with the API page of the service's control panel, then: wildcard doctor",
	},
	{
		Name: "service.failed", Exits: []int{1, 70, 75, 78},
		Cause: "The DNS service answered with an error; its status and words are in the line above.",
		Next:  "run it again with -v to see the requests; wildcard doctor checks account and zones",
	},
	{
		Name: "service.unavailable", Exits: []int{75},
		Cause: "The DNS service cannot be reached, does not answer, or asks to come back later.",
		Next:  "the timer tries again by itself; by hand, some minutes later: wildcard renew",
	},
	{
		Name: "rfc2136.clock", Exits: []int{78},
		Cause: "TSIG signatures carry the time, and the name server's clock and this machine's differ by more than it allows (RFC 8945, mostly 5 minutes).",
		Next:  fault.Verbatim("timedatectl"),
	},
	{
		Name: "state.unusable", Exits: []int{78, 1, 70},
		Cause: "The state or run directory cannot be made, read or written, or it belongs to another user. Without the journal no record is created.",
		Next:  fault.Verbatim("ls -ld /var/lib/wildcard /run/wildcard; df -h /var/lib/wildcard"),
	},
	{
		Name: "clock.wrong", Exits: []int{78},
		Cause: "This machine's clock contradicts the CA's, or a certificate's dates. Nothing is decided by such a clock.",
		Next:  fault.Verbatim("timedatectl set-ntp true"),
	},
}
