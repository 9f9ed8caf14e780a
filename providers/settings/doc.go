// Package settings finds what users set: credentials, as complete sets from one place; ordinary settings; and the folders
// the programs work in.
//
// # Credentials
//
// A credential is a set of values that belong together: tenant, user, password, and with them the generation of the
// service. All of a set come from one source and from one family of variable names; they are never merged, since half of
// one account with half of another is a password sent to the wrong place. The sources, of which the first with a complete
// set wins, are
//
//  1. the file named in the provider spec (conoha@/path/to/file), and then nothing else;
//  2. --env-file or WILDCARD_ENV_FILE, which must then be complete;
//  3. the process environment;
//  4. PROVIDER.env in systemd's $CREDENTIALS_DIRECTORY;
//  5. .env or conoha_id beside the program, where the shell scripts kept theirs: in the folder of the program as it was
//     called, then of the file that leads to;
//  6. PROVIDER/.env in certbot's configuration directory, so /etc/letsencrypt/conoha/.env.
//
// A source with half a set is passed over when another one is complete, and told about when none is. Half a second account
// in the very source that is used is an error, since it was meant to be used too. Any variable may be given as NAME_FILE,
// the path of a file that holds the value. An empty value counts as not set.
//
// # Env files
//
// An env file is read with godotenv, and must mean the same to a shell that sources it, as the scripts did: every line is
// first read by the rules of the shell language (POSIX.1 XCU §2.2, §2.3) as far as they allow only one reading, and a line
// that they do not cover, or that godotenv reads differently, is refused with file, line and variable. So $, backticks and
// backslashes may stand only in single quotes; a value is one word; what begins in quotes ends with them. Two things differ
// from a shell on purpose: a byte order mark and carriage returns at the ends of lines are dropped.
//
// A file that others can read or write, or that is not ours or root's, is refused with the command that mends it: it is
// opened first and then looked at, so that nothing can be exchanged in between. A symbolic link is followed if the link is
// ours or root's too. No value ever stands in an error.
package settings
