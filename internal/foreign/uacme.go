package foreign

import (
	"path/filepath"
	"strings"

	"wildcard/internal/lineage"
)

// uacme reads uacme's folder: private/key.pem is the account's key, NAME/cert.pem and private/NAME/key.pem a certificate. All else is in the
// line that starts it.
func uacme() client {
	return client{
		name: "uacme", words: []string{"uacme"},
		places: placesOf(nil, nil, []string{"etc/ssl/uacme", "etc/ssl/uacme-*", "usr/local/etc/ssl/uacme"}),
		is:     func(path string) bool { return isFile(filepath.Join(path, "private", "key.pem")) },
		read:   readUacme,
	}
}

func readUacme(r *reader) error {
	source := filepath.Join(r.base, "private", "key.pem")
	account := Account{Source: source}
	account.Key, account.Err = readFile(source)
	var mine []Certificate
	for _, name := range names(r.base) {
		path := filepath.Join(r.base, name, "cert.pem")
		if !isFile(path) {
			continue
		}
		c := Certificate{Source: path, Account: source, ReuseKey: true}
		var err error
		if c.Chain, err = readFile(path); err != nil {
			c.Err = err
		}
		if c.Key, err = readFile(filepath.Join(r.base, "private", name, "key.pem")); err != nil {
			c.Err = err
		}
		for _, job := range r.jobs {
			if words := commandOf(job, "uacme"); words != nil && r.uacmeIsHere(words) {
				r.uacmeJob(&c, job, words, name)
			}
		}
		if c.Server != "" {
			account.Server = c.Server
		}
		mine = append(mine, c)
	}
	for i := range mine { // one key a folder; it may be known to several CAs
		if mine[i].Server == "" {
			mine[i].Server = account.Server
		}
	}
	r.found.Certificates = append(r.found.Certificates, mine...)
	r.found.Accounts = append(r.found.Accounts, account)
	return nil
}

func (r *reader) uacmeIsHere(words []string) bool {
	if dir := lastOf(option(words, "-c", "--confdir")); dir != "" {
		return r.isHere(dir)
	}
	return r.isHere("/etc/ssl/uacme")
}

// uacmeJob takes what a command of uacme's says about a certificate, if it is the one that it issues.
func (r *reader) uacmeJob(c *Certificate, job lineage.Job, words []string, folder string) {
	for i, word := range words {
		if word != "issue" || i+1 >= len(words) {
			continue
		}
		c.Server = uacmeServer(words, c.Server)
		if strings.TrimPrefix(words[i+1], "*.") != folder {
			return
		}
		c.Names = words[i+1:]
		if hook := lastOf(option(words, "-h", "--hook")); hook != "" {
			c.Proof = "hook " + shown(hook)
			c.Lost = append(c.Lost, "--hook "+shown(hook))
		}
		switch kind, bits := lastOf(option(words, "-t", "--type")), lastOf(option(words, "-b", "--bits")); {
		case strings.EqualFold(kind, "EC"):
			c.KeyType = "ec-" + bits
		case bits != "":
			c.KeyType = "rsa-" + bits
		}
		if c.KeyType == "ec-" {
			c.KeyType = "ec-256"
		}
		for _, name := range [][2]string{{"-d", "--days"}, {"-l", "--alternate"}} {
			if value := lastOf(option(words, name[0], name[1])); value != "" {
				c.Lost = append(c.Lost, name[1]+" "+value)
			}
		}
		for j, command := range job.Commands { // what runs when it has renewed
			if j > 0 && commandOf(lineage.Job{Commands: job.Commands[:j]}, "uacme") != nil {
				var quoted []string // so that a value of several words is seen as one
				for _, word := range command {
					quoted = append(quoted, lineage.Quote(word))
				}
				c.Lost = append(c.Lost, "&& "+shown(strings.Join(quoted, " ")))
			}
		}
	}
}

func uacmeServer(words []string, known string) string {
	if url := lastOf(option(words, "-a", "--acme-url")); url != "" {
		return url
	}
	for _, word := range words {
		if word == "-s" || word == "--staging" {
			return "letsencrypt-staging"
		}
	}
	if known != "" {
		return known
	}
	return "letsencrypt"
}
