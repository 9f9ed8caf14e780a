// Wildcard-dns-lego is a plugin ([wildcard/providers/plugin]) that offers the DNS services of lego v4
// (https://go-acme.github.io/lego/dns/) as providers: --provider example.com=lego:NAME. It is a program and a module of its own,
// because lego's services take 200 modules that have no place beside private keys.
//
//	cd cmd/wildcard-dns-lego && CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o /usr/local/lib/wildcard/wildcard-dns-lego .
//
// With -tags one,NAME[,NAME...] it has these services alone, and is a fraction as large ([wildcard/cmd/wildcard-dns-lego/services]).
//
// # Settings
//
// A service gets the variables that lego knows for it, from where credentials are found: @ENVFILE of the spec, the environment,
// CONFIG_DIR/lego/.env. lego's metadata ([wildcard/cmd/wildcard-dns-lego/catalogue]) are the list; each may also come as NAME_FILE.
//
//   - required is what lego misses in any case. Where there are several ways to log in, none is marked, and one variable must be set.
//   - secret is what is called one: KEY, TOKEN, PASSWORD, SECRET, HMAC and the like at the end of a word of its name, unless the
//     last word says that it is the name of a file or an address. Secrets are cut out of all that lego says.
//   - …_PROPAGATION_TIMEOUT, …_POLLING_INTERVAL and …_SEQUENCE_INTERVAL are accepted, and used by lego only where a service waits for
//     its own API with them. Publication is awaited by wildcard, at the zone's name servers.
//
// # What is different from lego
//
//   - lego asks resolvers for the zone of a name, beginning at the challenge's name itself, which resolvers then remember as
//     absent. Here it asks this program, which answers with the ZONE= of the spec, over UDP on a loopback port. A child zone needs
//     a spec of its own.
//   - lego follows CNAMEs through resolvers. That is off; wildcard has done so at the authoritative servers. A name that they lead to
//     must begin with _acme-challenge, since lego makes names no other way; else the call is refused, as is a
//     value that is not that of the key authorization.
//   - lego never calls a service for two names at once. Here this is done, except for services that ask for one at a time
//     (their Sequential method) or need it (traits), and never twice for one name, as many services read, change and write all its values. The
//     pause that lego makes after a name of such a service has no use: it is for the checks that lego makes of publication.
//   - lego has no deadlines. A call that is late is answered as temporary, and goes on; what comes next for the same name waits
//     for it.
//   - What lego logs goes to standard error, without secrets. A service that panics has failed; the others go on.
//   - lego:exec runs a program only if no other user can change it, as exec: does. It gets the EXEC_… variables and no others.
//   - lego's "manual" is left out, since it asks at a terminal.
//
// # What cannot be mended
//
//   - Many services keep the ids of their records in memory. One process serves a run, so that its records are removed. After a
//     crash another one has to, from the journal: services that look the record up succeed, and the others say that they do not know
//     it; then it must be removed by hand, and the error tells its name and value. There is no handle: name, type, value and key
//     authorization are all that lego takes.
//   - Some services hold one value at a name and replace it: see traits. They cannot serve a certificate for example.com and
//     *.example.com; the second value is refused, so that it does not replace the first.
//   - Present of a value that is there already, made by an earlier process, is a success only where it is known how the service
//     says so.
package main
