// Package units has the units that renew certificates, and puts them on a machine: "wildcard systemd", and the packages,
// which ship the very files of this folder.
//
// wildcard-renew.timer starts wildcard-renew.service four times a day. That runs "wildcard renew" in a box: it may write the
// certificates, the state directory and the locks, and nothing else.
//
// # Decisions
//
// Deploy hooks are commands of the administrator: they reload servers, restart containers, copy files to other machines. No
// sandbox is wide enough for all of them and still one. So the boxed run leaves them waiting, as it would if they had failed
// ("deploy_pending" of the lineage), and when it has ended, whatever came of it, wildcard-deploy.service runs those that
// wait ("wildcard renew --deploy only"), with all that the administrator's own commands have. What fails there waits for
// the next run of the timer, and the failed unit shows it. Pre and post hooks belong to the order and run inside the box;
// what does not fit there is better a deploy hook, or the box is opened with "systemctl edit wildcard-renew.service".
//
// The deploy unit is started by OnSuccess= and OnFailure=, which systemd has since version 249: Install refuses an older one,
// which would never run a hook without a word of it. (ExecStopPost= fails in 252 when LoadCredential= is set, with or without
// a credential: status 226.)
//
// LoadCredential= without a path takes what is in systemd's own places, and is content with nothing; with a path, a machine
// that uses another DNS service could not start the unit. The usual /etc/letsencrypt/conoha/.env is read without it.
//
// Install writes into /etc/systemd/system, with a first line that has a digest of the rest: by that a file which the administrator
// edited is known, of any version of ours, and left alone. Where a package has the same units for the same program, there is
// nothing to write. Remove undoes what Install did; drop-ins belong to their writers.
package units
