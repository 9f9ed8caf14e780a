// Package designate publishes challenges at OpenStack's DNS service, Designate (API v2), after a login at Keystone (v3).
//
// An env file for it, /etc/letsencrypt/designate/.env (mode 0600), with the variable names that OpenStack's own tools use,
// so that the openrc file of an application credential will do as Horizon lets one download it:
//
//	# Keystone, with or without /v3.
//	OS_AUTH_URL=https://keystone.example.com/v3
//	# An application credential, which is what a server should have:
//	# openstack application credential create --role member certificates
//	OS_APPLICATION_CREDENTIAL_ID=21dced0fd20347869b93710d2b98aae0
//	OS_APPLICATION_CREDENTIAL_SECRET=made-by-keystone-and-shown-once
//	# Or a user with a project (or OS_USER_ID, OS_PROJECT_ID), and domains unless they are "default":
//	#OS_USERNAME=certificates
//	#OS_PASSWORD='a long one'
//	#OS_PROJECT_NAME=dns
//	#OS_USER_DOMAIN_NAME=Default
//	#OS_PROJECT_DOMAIN_NAME=Default
//	# Or, in place of all these lines, the name of a cloud in clouds.yaml (and in secure.yaml beside it).
//	#OS_CLOUD=openstack
//	#OS_CLIENT_CONFIG_FILE=/etc/openstack/clouds.yaml
//	# Where the catalogue has several of them, and the CA of a private cloud.
//	#OS_REGION_NAME=RegionOne
//	#OS_INTERFACE=public
//	#OS_CACERT=/etc/ssl/certs/cloud.pem
//	# TTL of the records, and how long to wait for one answer and for publication, in seconds.
//	#DESIGNATE_TTL=60
//	#DESIGNATE_HTTP_TIMEOUT=30
//	#DESIGNATE_PROPAGATION_TIMEOUT=900
//
// [Families] has all of them. If several of the three ways are there in full, the cloud is taken first, then the user.
//
// # How records are changed
//
// Designate has record sets: one object for a name and a type, with all values in it, and a second one of the same name and
// type is refused (409). So adding a value is reading the set and writing it back with one value more, and a program that writes at
// the same time writes over it. Therefore:
//
//   - a lock for each name keeps our own threads and processes from each other, whichever account they use;
//   - after each change the set is read again, and the change repeated if another program has written over it;
//   - a value that was in the set stays in it, as it was written; the last value is taken out by deleting the set, and
//     whatever else the reply to that says was in it is put back.
//
// Designate has no conditional requests. A program that is not ours and changes a set of several values between our reading
// and our writing can therefore lose its value to us, as we to it; we notice and repeat, it may not.
//
// # Decisions
//
//   - A handle is "ZONE-ID|VALUE"; it saves a list of zones. The set itself is looked up by name, since it may have been made
//     anew in between.
//   - clouds.yaml is read from OS_CLIENT_CONFIG_FILE, CONFIG_DIR/designate, ~/.config/openstack and /etc/openstack, under the
//     rules for files with secrets; never from the working directory, which others may choose. Profiles are not read.
//   - Tokens live as long as the process: a login costs little beside what Designate takes to publish.
//   - http:// only to loopback addresses; a password in the open is worse than no certificate. OS_INSECURE is refused, since
//     OS_CACERT does it right.
//   - A login, a look and a list are tried a few times while the service is out of order; a change is not repeated before
//     another look.
//   - A reply without the list that was asked for is an error, not an empty list: what is not seen would not be deleted.
//   - Links that the service sends (paging) are not followed; the next page is asked for by its marker. So the token goes to
//     the endpoint of the catalogue and nowhere else.
//   - Zones of type SECONDARY are not listed: nothing can be written in them.
package designate
