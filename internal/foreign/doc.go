// Package foreign reads what other ACME clients keep on disk: certificates with their keys, accounts at CAs, and with which DNS service
// they were proven. A file per client; the formats were read in the clients' sources and seen in trees that they made.
//
// It only reads: nothing of theirs is changed, not even the time of a file's last reading where the system lets us, and nothing is
// run or sourced. Shell files are read as far as they are plain assignments; the rest is named, and not guessed. Each setting that
// is not understood, or that nothing here does, is named in [Certificate.Lost] or [Found.Lost]. Names alone: values may be secrets.
//
// What is found is not judged here: whether a key fits its certificate is for who takes it.
package foreign
