// Wildcard-sandbox is the offline world for people: an ACME server (Pebble), ConoHa's API in both generations and the name
// servers of its zones, all in one process on 127.0.0.1, and a folder in which everything happens. It needs no root, no account
// and no Internet.
//
//	wildcard-sandbox run -- certbot certonly --manual --preferred-challenges dns \
//	    --manual-auth-hook wildcard-auth-hook --manual-cleanup-hook wildcard-cleanup-hook \
//	    -d example.com -d '*.example.com'
//	wildcard-sandbox serve
//
// # What a command is given
//
// Its environment points into the sandbox: our own variables (WILDCARD_*, CONOHA_*, CONOHAV3_*) are replaced, those of ours that
// would lead elsewhere (CNH_*, any other of the same prefixes) are removed. certbot is led by XDG_CONFIG_HOME to a
// letsencrypt/cli.ini with server and directories, and by REQUESTS_CA_BUNDLE to the server's TLS root. TMPDIR and
// PYTHONDONTWRITEBYTECODE keep temporary files and compiled Python where they belong, NO_PROXY is extended by the loopback
// addresses if a proxy is set. PATH begins with the sandbox's bin, where our hook programs are. HOME stays.
//
// certbot reads /etc/letsencrypt/cli.ini first and $XDG_CONFIG_HOME/letsencrypt/cli.ini second; for one setting the second
// wins, and the command line wins over both (run with certbot 2.1.0; its configargparse adds a file's setting only if it is not
// there yet, last file first). So the sandbox's settings hold, but others of the machine's file hold too: where they run a program,
// choose a plugin or another server, the command is refused.
//
// A shell that a person runs by its bare name at a terminal ("run -- bash") is told what is here, and its prompt is marked: by a file that
// reads the user's own first, since these set the prompt anew. Of a folder that is kept, the programs that were built into it are
// removed in the end.
//
// # What is refused
//
// The environment is a signpost, not a wall: a command line can still name the way out. Where the command is certbot or one
// of our own programs, options that do so are refused before anything is run, in every spelling that argparse or package flag
// accepts: another --server, --config-dir, --work-dir, --logs-dir, a -c file, --staging, a plugin other than manual; for ours
// --server, --config-dir, --state-dir, --env-file, --nameserver, --resolver and --provider that lead elsewhere. So is sudo and
// its like, because it drops the environment. certbot's --dry-run is not refused: it goes to Let's Encrypt's staging server only if the
// server is Let's Encrypt's own, and ours comes from cli.ini (read in certbot 2.1 and 5.x, run with 2.1.0). What shells and other
// programs start is led by the environment only.
//
// # Decisions
//
// The folder given with --dir must be new or empty: accounts and orders end with the CA of one run, so certificates of an earlier
// one could not be renewed, and a sandbox over a folder in use (--dir /) would write into the real /etc/letsencrypt.
//
// Our hook programs are taken from beside this program's own file; else, if the working directory is a checkout, built from it, so
// that "go run" runs what is checked out; else from PATH.
//
// A command's exit status is passed on: 128 plus the signal if one killed it, as in shells; 127 if there is no such command and
// 126 if it cannot be run, as in env(1). SIGINT and SIGQUIT are passed on only if they cannot have come from the terminal, which
// sends them to the command itself. serve ends with 0 after SIGINT, SIGTERM or SIGHUP: that is its proper end.
//
// serve closes its standard output once the environment is printed, so that eval "$(wildcard-sandbox serve &)" comes back;
// kill "$WILDCARD_SANDBOX_PID" ends it. The same lines stand in the folder's file "environment", to be read with "." in
// other shells.
package main
