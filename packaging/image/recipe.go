package main

// recipe is what makes one image different from another.
type recipe struct {
	name      string   // of the program
	module    string   // folder of its module, below the top of the repository
	path      string   // where it lies, without the slash at the beginning
	arguments []string // unless others are given
	folders   []file   // that its user may write in
	environ   []string
}

// recipes are all images that there are.
var recipes = []recipe{
	{
		// What is in /etc/letsencrypt and /var/lib/wildcard is to outlive the container: a new volume there gets the folder's owner.
		name: "wildcard", module: ".", path: "usr/bin/wildcard", arguments: []string{"renew", "--every", "6h"},
		folders: []file{
			{name: "etc/letsencrypt/", mode: 0o755}, {name: "var/lib/wildcard/", mode: 0o700},
			{name: "run/wildcard/", mode: 0o700}, {name: "tmp/", mode: 0o1777},
		},
		// Where its user would have it otherwise is not for a container: in a home.
		environ: []string{
			"WILDCARD_CONFIG_DIR=/etc/letsencrypt", "WILDCARD_STATE_DIR=/var/lib/wildcard", "WILDCARD_RUN_DIR=/run/wildcard",
		},
	},
	// It lies where plugins may be added: in the folder that they are looked for in.
	{name: "wildcard-webhook", module: "cmd/wildcard-webhook", path: "usr/local/lib/wildcard/wildcard-webhook"},
}
