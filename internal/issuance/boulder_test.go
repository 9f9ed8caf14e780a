package issuance_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/miekg/dns"

	"wildcard/internal/testkit/acmetest"
)

// nameServersOf are the addresses of the servers that a name's zone is delegated to.
func (w *world) nameServersOf(_ int, name string) (addresses []string) {
	for _, zone := range []string{"example.com.", "example.net."} {
		if !dns.IsSubDomain(zone, name) {
			continue
		}
		for _, host := range w.conoha.NameServers(2) {
			addresses = append(addresses, w.conoha.NameServer(host).Addr())
		}
	}
	return addresses
}

// A CA as Let's Encrypt's, whose five perspectives ask the name servers themselves, remember for a minute what they found, and look
// at CAA; one look in five is at a replica that lags, one POST in twenty has a bad nonce, and the reply to the first answer is lost.
// Each challenge is answered once.
func TestObtain_Boulder(t *testing.T) {
	t.Parallel()
	for _, names := range []int{1, 2, 20} {
		for _, takes := range []time.Duration{500 * time.Millisecond, 5 * time.Second, 30 * time.Second} {
			t.Run(fmt.Sprintf("%d names, %v", names, takes), func(t *testing.T) {
				t.Parallel()
				var w *scripted
				w = newScripted(t, acmetest.Options{
					Resolver: acmetest.NameServers{Timeout: 5 * time.Second, Zone: func(perspective int, name string) []string {
						return w.nameServersOf(perspective, name)
					}},
					ValidationTime: acmetest.Takes(takes), StaleReads: 5, BadNonces: 20,
				})
				w.ca.On(acmetest.Challenge, acmetest.Once(acmetest.Lost))
				w.succeeds(manyNames(names)...)
				if answers, failed := w.ca.Answers(), w.ca.Failed(); len(answers) != names || failed > 0 {
					t.Errorf("%d failed validations; answers: %v", failed, answers)
				}
				for name, posts := range w.ca.Answers() {
					if len(posts) != 1 || posts[0] != 1 {
						t.Errorf("%s: answered %v times", name, posts)
					}
				}
			})
		}
	}
}
