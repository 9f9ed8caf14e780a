package plugin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"wildcard/internal/messages"
	"wildcard/providers"
)

// Protocol is the version of the session protocol.
const Protocol = 1

// Request is one line to a plugin.
type Request struct {
	Protocol         int    `json:"protocol"`
	ID               int    `json:"id"`
	Op               string `json:"op"` // describe, present, cleanup, zones, close
	Service          string `json:"service"`
	Zone             string `json:"zone,omitempty"`
	Domain           string `json:"domain,omitempty"`
	FQDN             string `json:"fqdn,omitempty"`
	Value            string `json:"value,omitempty"`
	Token            string `json:"token,omitempty"`
	KeyAuthorization string `json:"key_authorization,omitempty"`
	Handle           string `json:"handle,omitempty"`
	Seconds          int    `json:"seconds,omitempty"` // how long the answer is waited for
}

// Reply is one line from a plugin.
type Reply struct {
	Protocol int      `json:"protocol"`
	ID       int      `json:"id"`
	FQDN     string   `json:"fqdn,omitempty"`
	Handle   string   `json:"handle,omitempty"`
	Zones    []string `json:"zones,omitempty"`
	Error    *Failure `json:"error,omitempty"`
	Description
}

// Description is what a plugin says about itself, or about one of its services.
type Description struct {
	Variables        []Variable `json:"variables,omitempty"`
	Services         []Service  `json:"services,omitempty"`
	Title            string     `json:"title,omitempty"`
	Link             string     `json:"link,omitempty"`
	Zoned            bool       `json:"lists_zones,omitempty"`
	KeyAuthorization bool       `json:"key_authorization,omitempty"`
	Concurrent       bool       `json:"concurrent,omitempty"`
}

// Variable is a setting that a plugin takes from its environment.
type Variable struct {
	Name     string `json:"name"`
	Help     string `json:"help,omitempty"`
	Default  string `json:"default,omitempty"` // what holds if it is not set
	Required bool   `json:"required,omitempty"`
	Secret   bool   `json:"secret,omitempty"`
}

// Service is one of several that a plugin stands for.
type Service struct {
	Name  string `json:"name"`
	Title string `json:"title,omitempty"`
	Link  string `json:"link,omitempty"`
}

// Failure is why a request was not carried out.
type Failure struct {
	Class   string `json:"class"` // temporary, refused, misconfigured, usage or failed
	Message string `json:"message"`
}

// Classes are the words for error classes in a [Failure].
func Classes() map[string]providers.Class {
	return map[string]providers.Class{
		"temporary": providers.Temporary, "refused": providers.Refused, "misconfigured": providers.Misconfigured,
		"usage": providers.Usage, "failed": providers.Failed,
	}
}

// err makes an error of a failure.
func (f *Failure) err() error {
	class, ok := Classes()[f.Class]
	code := providers.CodeService
	switch {
	case !ok:
		class = providers.Failed
	case class == providers.Temporary:
		code = providers.CodeUnavailable
	case class == providers.Refused:
		code = providers.CodeCredentials
	case class == providers.Misconfigured:
		code = providers.CodeBadSettings
	case class == providers.Usage:
		code = providers.CodeBadChallenge
	}
	return providers.Errorf(code, class, "%w", providers.Foreign(messages.Short(f.Message, mostMessage)))
}

const (
	mostReply   = 64 << 10
	mostMessage = 400
)

// parseReply reads a line. Members that are not known are passed over: a newer plugin may have more to say.
func parseReply(line []byte) (Reply, error) {
	var r Reply
	decoder := json.NewDecoder(bytes.NewReader(line))
	if err := decoder.Decode(&r); err != nil || decoder.More() {
		return r, fmt.Errorf("its reply is not one line of JSON: %s", providers.Excerpt(string(line)))
	}
	if r.Protocol != Protocol {
		return r, fmt.Errorf("it speaks version %d of the protocol, and we speak %d", r.Protocol, Protocol)
	}
	return r, nil
}

var (
	handleForm   = regexp.MustCompile(`^[!-~]{0,512}$`)
	variableForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,127}$`)
	nameForm     = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{0,63}$`)
)

// check looks at what a plugin says about itself. Names of variables that could change how programs run are refused.
func (d *Description) check() error {
	for _, v := range d.Variables {
		if !variableForm.MatchString(v.Name) || strings.HasPrefix(v.Name, "LD_") || v.Name == "PATH" ||
			v.Name == "BASH_ENV" || v.Name == "ENV" || v.Name == "GODEBUG" {
			return fmt.Errorf("it describes a variable %s", providers.Excerpt(v.Name))
		}
	}
	for _, s := range d.Services {
		if !nameForm.MatchString(s.Name) {
			return fmt.Errorf("it describes a service %s", providers.Excerpt(s.Name))
		}
	}
	if len(d.Variables) > 200 || len(d.Services) > 1000 {
		return errors.New("it describes more than a service could have")
	}
	return nil
}

// reaches is an error for a variable that is no setting of a DNS service: by what it has from others, the system's or our own folders
// would be named to the plugin, with credentials and state in them.
func (d *Description) reaches() error {
	for _, v := range d.Variables {
		switch v.Name {
		case "HOME", "PWD", "OLDPWD", "TMPDIR",
			// Those of systemd (systemd.exec(5)).
			"CREDENTIALS_DIRECTORY", "STATE_DIRECTORY", "CONFIGURATION_DIRECTORY",
			"RUNTIME_DIRECTORY", "CACHE_DIRECTORY", "LOGS_DIRECTORY":
		default:
			if !strings.HasPrefix(v.Name, "WILDCARD_") && !strings.HasPrefix(v.Name, "XDG_") {
				continue
			}
		}
		return fmt.Errorf("it describes a variable %s", providers.Excerpt(v.Name))
	}
	return nil
}
