package boulder

import (
	"fmt"
	"os"
	"path/filepath"
)

const redisPassword = "redis-of-boulder"

// prepareRedis writes the configuration of the Redis in which limits are counted.
func (c *CA) prepareRedis() error {
	text := fmt.Sprintf(`bind %s
port 0
tls-port %d
dir %s
save ""
appendonly no
loglevel warning
user default off
user boulder on +@all ~* >%s
tls-cert-file %s
tls-key-file %s
tls-ca-cert-file %s
`, c.ip, portRedis, c.dir, redisPassword, c.pki.cert("redis"), c.pki.key("redis"), c.pki.cert("inner"))
	return writeAll(map[string]string{
		filepath.Join(c.dir, "redis.conf"):     text,
		filepath.Join(c.dir, "redis-password"): redisPassword,
	})
}

func writeAll(files map[string]string) error {
	for path, text := range files {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// limits are Boulder's file of limits, with the values that Let's Encrypt publishes (https://letsencrypt.org/docs/rate-limits/).
const limits = `NewRegistrationsPerIPAddress: {count: 10, burst: 10, period: 3h}
NewRegistrationsPerIPv6Range: {count: 500, burst: 500, period: 3h}
NewOrdersPerAccount: {count: 300, burst: 300, period: 3h}
CertificatesPerDomain: {count: 50, burst: 50, period: 168h}
CertificatesPerFQDNSet: {count: 5, burst: 5, period: 168h}
FailedAuthorizationsPerDomainPerAccount: {count: 5, burst: 5, period: 1h}
FailedAuthorizationsForPausingPerDomainPerAccount: {count: 1, burst: 1152, period: 24h}
`

// policy are Boulder's names for which nothing is issued.
const policy = `ExactBlockedNames: [letsencrypt.org]
HighRiskBlockedNames: [arpa, example, invalid, local, localhost, onion, test]
`
