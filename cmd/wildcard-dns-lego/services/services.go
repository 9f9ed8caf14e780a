// Package services has the constructors of lego's DNS services, of all or of those that build tags name:
//
//	go build -tags one,cloudflare,route53
//
// Each service has a generated file that build tags leave out, so nothing else can name what is in it, and it has to say itself
// that it is there: the one use of init in these programs. lego's own registry imports all services, so it is not used. (lego v5 has a
// build tag for that, lego_dnslight; the engine is made with v4, which gets corrections, and a second lego would bring each service twice.)
package services

import (
	"fmt"

	"github.com/go-acme/lego/v4/challenge"
)

// built has the constructors, by the services' first names. Nothing writes it once main has begun.
var built = map[string]func() (challenge.Provider, error){}

func add[P challenge.Provider](name string, open func() (P, error)) {
	built[name] = func() (challenge.Provider, error) { return open() }
}

// Has reports whether this program was built with a service.
func Has(name string) bool { return built[name] != nil }

// Open opens a service with what the environment says.
func Open(name string) (challenge.Provider, error) {
	open := built[name]
	if open == nil {
		return nil, fmt.Errorf("this program was built without %s", name)
	}
	return open()
}
