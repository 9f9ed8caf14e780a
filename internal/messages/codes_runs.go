package messages

import "wildcard/internal/fault"

// codesOfRuns are about what happens around an order: limits, hooks, clean-up, and ourselves.
var codesOfRuns = []Code{
	{
		Name: "serve.client", Exits: []int{2},
		Cause: "There is no client of this name for wildcard serve, or there is one already.",
		Next:  fault.Verbatim("wildcard client list"),
	},
	{
		Name: "serve.policy", Exits: []int{78},
		Cause: "The file that says what a client may have cannot be read or has a line that is not known. Until it is mended, the client gets nothing.",
		Next:  "correct the line; or: wildcard client remove CLIENT, and add it again",
	},
	{
		Name: "serve.listen", Exits: []int{78, 1},
		Cause: "The server cannot listen at its address: another program has the port, or ports below 1024 are not allowed to this user.",
		Next:  "find the other program (ss -ltnp), or choose another port: wildcard serve --listen ADDRESS:PORT",
	},
	{
		Name: "ledger.validations", Exits: []int{75},
		Cause: "Validations of a name failed so often within an hour that the CA would soon stop answering. We stop before.",
		Next:  "fix the cause first (wildcard doctor), try with --dry-run, then wait until the time in the line",
	},
	{
		Name: "ledger.rate-limited", Exits: []int{75},
		Cause: "The CA asked to come back later, and it is not later yet.",
		Next:  "wait until the time in the line; the timer does",
	},
	{
		Name: "ledger.back-off", Exits: []int{75},
		Cause: "The last attempts failed, so unattended runs wait longer each time, as the CA asks clients to do.",
		Next:  "wildcard show NAME tells the last failure; by hand it is tried at once: wildcard renew --force --cert-name NAME",
	},
	{
		Name: "ledger.held", Exits: []int{1},
		Cause: "The CA issued a certificate that is not what was asked for. It is kept in the state directory; a further order would cost another one like it, so none is made.",
		Next:  "ask for what the CA gives (with the names in the line above), or choose another CA; to order again all the same: wildcard issue --force NAME...",
	},
	{
		Name: "hook.failed", Exits: []int{1, 78},
		Cause: "The certificate is stored; a hook that runs before or after it could not be run, failed, or took too long. A deploy hook is run again by the next run.",
		Next:  "run the hook by hand, fix it, then: wildcard renew",
	},
	{
		Name: "hook.unsafe", Exits: []int{78},
		Cause: "Another user could change a hook that would run with our rights.",
		Next:  "chown root:root FILE; chmod go-w FILE (and the folders above it)",
	},
	{
		Name: "hook.unusable", Exits: []int{78},
		Cause: "The program of a hook is not there or cannot be run, so nothing was ordered and the hook is not kept.",
		Next:  "correct the hook, or put its program there and make it executable: chmod +x FILE",
	},
	{
		Name: "deploy.key-store", Exits: []int{1},
		Cause: "The certificate is stored, and its key store (--pkcs12, --jks) was not made: what is in the file would not have been what belongs there. The former key store is as it was.",
		Next:  "please report it, with the type of the key; meanwhile: --pkcs12 '' or --jks '' with wildcard issue",
	},
	{
		Name: "deploy.password", Exits: []int{78},
		Cause: "The password of a key store cannot be used: some program that is to open it would not take it.",
		Next:  "put six or more letters and digits into the file, or remove it to have one made; then: wildcard deploy NAME",
	},
	{
		Name: "target.failed", Exits: []int{1},
		Cause: "The certificate is stored, and was not brought to the target in the line. Other targets are not touched by that; each run tries this one again.",
		Next:  "look at what the line says, then: wildcard deploy NAME",
	},
	{
		Name: "target.host-key", Exits: []int{78},
		Cause: "A machine does not show the key that known_hosts has of it, or none is known. Nothing was sent to it, neither login nor files.",
		Next:  "find out why; where the new key is right, write it into known_hosts, then: wildcard doctor",
	},
	{
		Name: "target.login", Exits: []int{77},
		Cause: "A machine did not let the user of the target in.",
		Next:  "put the public key of SSH_IDENTITY into the user's authorized_keys there, and look at its log; then: wildcard doctor",
	},
	{
		Name: "target.place", Exits: []int{1},
		Cause: "The directory on the other machine is not there, cannot be written, or is full. What was there before goes on.",
		Next:  "make the directory, or room in it, for the user of the target; then: wildcard doctor",
	},
	{
		Name: "target.unusable", Exits: []int{78},
		Cause: "A target could not take a certificate as things are: what it needs is not there, cannot be run, or does not let us in.",
		Next:  "correct the target, or what the line names; then: wildcard doctor",
	},
	{
		Name: "deploy.not-served", Exits: []int{1},
		Cause: "The new certificate is stored, and its hooks ran; yet 15 seconds later an address of --verify still served another certificate, or no TLS at all. Each run does the deployment again.",
		Next:  "reload the server, look whether it reads the files in live/, then: wildcard deploy NAME",
	},
	{
		Name: "deploy.rolled-back", Exits: []int{1},
		Cause: "The new certificate was not served where --verify looks, so the former one was put back (--rollback). The new one is kept; no other one is ordered before the last day of the former.",
		Next:  "look why the server refused it (its log, wildcard doctor), then: wildcard deploy NAME",
	},
	{
		Name: "systemd.failed", Exits: []int{1, 78},
		Cause: "systemctl failed or a unit could not be written; what it said is in the line above.",
		Next:  "run it as root; then: wildcard systemd status",
	},
	{
		Name: "systemd.edited", Exits: []int{78},
		Cause: "A unit of ours was edited in place, so it is neither replaced nor removed.",
		Next:  "move the changes into a drop-in (systemctl edit wildcard-renew.service), remove the file, then: wildcard systemd install",
	},
	{
		Name: "cleanup.pending", Exits: []int{75},
		Cause: "A TXT record of ours could not be deleted yet. The journal knows it; every later run tries again.",
		Next:  fault.Verbatim("wildcard clean"),
	},
	{
		Name: "csr.invalid", Exits: []int{2},
		Cause: "The file is no certificate signing request for DNS names that can be used.",
		Next:  fault.Verbatim("openssl req -in FILE -noout -text -verify"),
	},
	{
		Name: "output.unwritable", Exits: []int{1, 78},
		Cause: "The file that was asked for cannot be written there.",
		Next:  "name a file in a folder that exists and that you may write to",
	},
	{
		Name: "notify.failed", Exits: []int{1},
		Cause: "A channel of --notify did not take a message; the line says why. The renewal itself is not touched, and the next run tries again.",
		Next:  fault.Verbatim("wildcard renew --notify-test"),
	},
	{
		Name: "notify.invalid", Exits: []int{2},
		Cause: "A channel is not written as one can be.",
		Next:  "write mailto:ADDRESS, exec:/PROGRAM or https://HOST/PATH, separated by spaces in WILDCARD_NOTIFY",
	},
	{
		Name: "confirm", Exits: []int{1, 2},
		Cause: "What takes something away is asked about first. The question was not answered with y, or there was no terminal to ask at, as under cron or with --json. Nothing was changed.",
		Next:  "the same command with --yes does not ask",
	},
	{
		Name: "internal", Exits: []int{70},
		Cause: "A defect of this program. What stands in the DNS is in the journal and removed by the next run.",
		Next:  "please report it, with the output of the same command with -vv",
	},
}
