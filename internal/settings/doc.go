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
//     called (found by PATH if called without a slash), then of the file that leads to;
//  6. PROVIDER/.env in certbot's configuration directory, so /etc/letsencrypt/conoha/.env.
//
// A source with half a set is passed over when another one is complete, and told about when none is. Half a second account
// in the very source that is used is an error, since it was meant to be used too. A file that no setting named and that is not
// there, or not for us to read, is passed over; one that can be read but must not be trusted is an error. Any variable may
// be given as NAME_FILE, the absolute path of a file that holds the value and at most one line end after it. An empty value
// counts as not set.
//
// # Env files
//
// An env file is read with godotenv, and must mean the same to a shell that sources it, as the scripts did: every line is
// first read by the rules of the shell language (POSIX.1 XCU §2.2, §2.3) as far as they allow only one reading, and a line
// that they do not cover, or that godotenv reads differently, is refused with file, line and variable. So
//
//   - a value is one word, and what begins in quotes ends with them, on the same line;
//   - $, backticks and backslashes may stand only in single quotes, and ~ ; & | < > ( ) and white space only in quotes, after
//     export also * ? [ ] { }; elsewhere those six, and ! # % ^ = within a word, mean themselves to every shell;
//   - the last of several assignments counts, and nothing is ever expanded, run, or put into our own environment.
//
// Two things differ from a shell on purpose: a byte order mark and carriage returns at the ends of lines are dropped.
//
// # Files with secrets
//
// A file that others can read or write, that is not root's or ours, or that lies where others could exchange it ([safepath]), is
// refused with the command that mends it; so is what is no regular file, or larger than 64 KiB. Files of $CREDENTIALS_DIRECTORY may
// be readable to their group, as systemd makes them. Mode and size are those of the open file, so nothing can be exchanged between
// looking and reading. No value ever stands in an error.
package settings
