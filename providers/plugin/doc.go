// Package plugin has providers that are programs of their own: the kinds plugin:, lego:, exec: and certbot-hook: of a spec.
//
// # exec:/PATH
//
// The program is called as lego's provider "exec" calls it, so a script written for that works unchanged:
//
//	/PATH present FQDN VALUE
//	/PATH cleanup FQDN VALUE
//
// FQDN ends with a dot. Exit status 0 is success. The first line of present's standard output is the record's handle, if it can
// be one (printable ASCII without spaces, 512 bytes at most); cleanup has it in WILDCARD_HANDLE. cleanup must succeed when there
// is nothing to clean up.
//
// # certbot-hook:/AUTH[,/CLEANUP]
//
// Any manual hooks of certbot, with their arguments, as they stand in its renewal/NAME.conf: absolute paths first. A line with
// arguments is run by /bin/sh, as certbot does it. Without a clean-up hook nothing is run to clean up, and the record is the hook's
// own affair. They are called with certbot's variables: CERTBOT_DOMAIN, CERTBOT_VALIDATION,
// CERTBOT_REMAINING_CHALLENGES, CERTBOT_ALL_DOMAINS, and for the cleanup hook CERTBOT_AUTH_OUTPUT. CERTBOT_DOMAIN is what the record's
// name has after "_acme-challenge."; a CNAME that leads to a name of another form cannot be served.
//
// # plugin:NAME
//
// The program wildcard-dns-NAME, from WILDCARD_PLUGIN_DIR, from beside our own program, from /usr/local/lib/wildcard or from
// /usr/lib/wildcard; never from PATH. It runs once to describe itself, then once for a run. Each request is one line of JSON on its
// standard input, each reply one line on its standard output (64 KiB at most); it ends when its input ends. This is version 1:
//
//	→ {"protocol":1,"id":1,"op":"describe","service":""}
//	← {"protocol":1,"id":1,"variables":[{"name":"FOO_TOKEN","help":"API token","required":true,"secret":true}],"concurrent":true}
//
// variables (name, help, default, required, secret) are those it takes; it gets the values of these and of no others, in its environment, when it runs for the second
// time. A reply to describe may also have "services" (for plugins that stand for several: name, title, link), "lists_zones":true (it answers
// op "zones"), "key_authorization":true (it works out the record's name and value itself, from domain and from those of the
// challenge's ACME inputs that certbot does not tell; it is only asked for names that begin with "_acme-challenge."), and
// "concurrent":true (requests may overlap, and replies come in any order; without it there is one at a time).
//
//	→ {"protocol":1,"id":2,"op":"present","service":"","zone":"example.com.","domain":"example.com","fqdn":"_acme-challenge.example.com.","value":"…","token":"…","key_authorization":"…","seconds":300}
//	← {"protocol":1,"id":2,"fqdn":"_acme-challenge.example.com.","handle":"a1b2"}
//	→ {"protocol":1,"id":3,"op":"cleanup",… as above …,"handle":"a1b2"}
//	← {"protocol":1,"id":3,"fqdn":"_acme-challenge.example.com."}
//	→ {"protocol":1,"id":4,"op":"zones","service":"","seconds":60}
//	← {"protocol":1,"id":4,"zones":["example.com."]}
//	→ {"protocol":1,"id":5,"op":"close"}
//	← {"protocol":1,"id":5}
//
// A reply with "error" is a failure: {"class":"…","message":"…"}, class one of temporary, refused, misconfigured, usage and failed.
// zone is the zone that holds fqdn, as far as we know it: of those that the plugin lists, or the ZONE= of its spec, within which there
// may be several. It may be absent.
// seconds is how long the answer is waited for. When that is over the plugin is killed; it also is when we give up earlier,
// unless it is concurrent, whose answer then no longer counts. The rules of package providers hold: present adds and never replaces, also
// when it is asked twice; cleanup removes that one value, and what is not there any more is a success. examples/wildcard-dns-nsupdate
// is a whole plugin in shell.
//
// # lego:NAME
//
// plugin:lego with NAME as service: each of lego's DNS services. The program is cmd/wildcard-dns-lego, a module of its own; its
// package comment says what lego's services can do and cannot.
//
// # Decisions
//
// A program is run only if root and we alone can change it ([subprocess.Trusted]); its environment is made from nothing: PATH,
// HOME, TZ, LANG, proxies, SSL_CERT_FILE and SSL_CERT_DIR, and its own variables. Those of exec: and certbot-hook: are the lines of the @ENVFILE of their spec; those of
// plugin: are what it describes, found where other credentials are. None stands on a command line.
// A plugin may describe no variable of the system (HOME, PWD, TMPDIR, XDG_*, those of systemd) and none of wildcard (WILDCARD_*).
//
// plugin: and lego: run without a view of keys, state and credentials that are not theirs (package confine): a file that a plugin needs
// is named by one of its variables, and so is a folder that it writes to. exec: and certbot-hook: are the operator's own commands, as
// deploy hooks are, and so is the script of lego:exec: they source files and use keys of ssh(1) that no one can list, so they see what
// we see.
//
// What these programs write to cannot be listed, so they serve only the ZONE= of their spec; a plugin that answers "zones" may do
// without.
//
// Garbage, a reply for another request or name, another protocol version, an endless line: the plugin is killed, the call is a
// failure that says so, and the next call starts it anew. What a call that was lost has done is not known, so errors of this kind
// are temporary and the journal keeps the record, as with any service whose reply is lost.
package plugin
