package acmedns

import (
	"errors"
	"strings"

	"wildcard/internal/settings"
	"wildcard/providers"
)

// registration is an account at an acme-dns server: the right to update one name.
type registration struct {
	name      string // fulldomain, canonical
	subdomain string
	username  string
	password  settings.Secret
}

// entry is a registration as it stands in the file and in the reply to /register.
type entry struct {
	FullDomain string `json:"fulldomain"`
	Subdomain  string `json:"subdomain"`
	Username   string `json:"username"`
	Password   string `json:"password"`
	ServerURL  string `json:"server_url,omitempty"`
}

// registration checks an entry.
func (e entry) registration() (registration, error) {
	name, err := providers.ParseZone(e.FullDomain)
	if err != nil {
		return registration{}, err
	}
	r := registration{name: name, subdomain: e.Subdomain, username: e.Username, password: settings.NewSecret(e.Password)}
	return r, r.check()
}

// check refuses what cannot stand in the header of a request, or what is not the account of the name.
func (r registration) check() error {
	for _, text := range []string{r.username, r.password.Reveal(), r.subdomain} {
		if text == "" || len(text) > 255 || strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c > '~' }) {
			return errors.New("user name, password or subdomain is empty or has characters that acme-dns's have not")
		}
	}
	if !strings.HasPrefix(r.name, strings.ToLower(r.subdomain)+".") {
		return errors.New(r.name + " does not begin with the subdomain " + providers.Excerpt(r.subdomain))
	}
	return nil
}
