// Package designate publishes challenges at OpenStack's DNS service, Designate (API v2), after a login at Keystone (v3).
//
// # Settings
//
// OpenStack's own: either OS_CLOUD, the name of a cloud in clouds.yaml (and in secure.yaml beside it); or OS_AUTH_URL with
// an application credential (OS_APPLICATION_CREDENTIAL_ID, OS_APPLICATION_CREDENTIAL_SECRET), which is what a server should
// have; or OS_AUTH_URL with OS_USERNAME, OS_PASSWORD and a project. [Families] has all of them.
//
// # How records are changed
//
// Designate has record sets: one object for a name and a type, with all values in it, and a second one of the same name and
// type is refused (409). So adding a value is reading the set and writing it back with one value more, and whoever writes at
// the same time writes over it. Therefore:
//
//   - a lock for each name keeps our own threads and processes from each other;
//   - after each change the set is read again, and the change repeated if somebody has written over it;
//   - a value that was in the set stays in it, as it was written; the last value is taken out by deleting the set.
//
// Designate has no conditional requests. A program that is not ours and writes to the very name between our reading and our
// writing can therefore lose its value to us, as we to it; we notice and repeat, it may not.
//
// # Decisions
//
//   - A handle is "ZONE-ID|VALUE"; it saves a list of zones. The set itself is looked up by name, since it may have been made
//     anew in between.
//   - clouds.yaml is read from OS_CLIENT_CONFIG_FILE, CONFIG_DIR/designate, ~/.config/openstack and /etc/openstack, under the
//     rules for files with secrets; never from the working directory, which may be anybody's. Profiles are not read.
//   - Tokens live as long as the process: a login costs little beside what Designate takes to publish.
//   - http:// only to loopback addresses; a password in the open is worse than no certificate. OS_INSECURE is refused, since
//     OS_CACERT does it right.
//   - Links that the service sends (paging) are not followed; the next page is asked for by its marker. So the token goes to
//     the endpoint of the catalogue and nowhere else.
//   - Zones of type SECONDARY are not listed: nothing can be written in them.
package designate
