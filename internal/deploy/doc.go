// Package deploy runs the hooks of certbot's that are about certificates which are there already: pre, deploy and post
// (certbot/_internal/hooks.py). Those that talk to DNS services are another matter (wildcard/hooks).
//
// It also makes the bytes of key stores ([PKCS12], [JKS]) and looks at what is served ([wildcard/internal/deploy/target] brings
// certificates to other places).
//
// As with certbot, first the programs in CONFIG_DIR/renewal-hooks/{pre,deploy,post} run, sorted by name, "~" at the end
// passed over, then the command lines of the lineage by /bin/sh -c; a program that stands in the folder is not run again
// when a command line is just its path. Deploy hooks see RENEWED_LINEAGE and RENEWED_DOMAINS, post hooks RENEWED_DOMAINS
// and FAILED_DOMAINS. A hook that fails does not keep the next from running.
//
// # Decisions
//
// The environment is built anew: what a program needs to find its way (PATH, HOME, LANG, TZ, proxies, the session bus) and
// the variables above. Credentials of DNS services are none of a hook's business, and hooks print their environment.
//
// A program in renewal-hooks that a user other than root or us could change, or whose folder he could, is refused, and so
// is a link to one. certbot would run it as root.
//
// A hook has a deadline, ten minutes; it and all that it started are killed then (one process group). Its output comes line
// by line to our standard error, cleaned of control characters, 64 KiB at most; the rest is read and dropped, since a hook
// must not hang on a full pipe. What a hook leaves running in the background, as a server that it starts, is left alone,
// and its output is not waited for.
package deploy
