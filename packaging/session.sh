# What a package goes through in its life, run by the e2e test as root of a fresh Debian: the version before is installed from its
# folder on a web server, $OLD, used with the offline world, upgraded from $NEW, removed and purged.
set -eux -o pipefail
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
conoha=/etc/letsencrypt/conoha
says() { # TEXT COMMAND...: the command fails, and says it
	text=$1
	shift
	if "$@" >/tmp/said 2>&1; then cat /tmp/said; return 1; fi
	grep -F -- "$text" /tmp/said
}

not() { if "$@"; then return 1; fi; }

apt-get install -q -y --no-install-recommends ca-certificates certbot openssl systemd
from() { # URL: what apt installs from
	echo "deb [signed-by=/usr/share/keyrings/wildcard.asc] $1/deb ./" >/etc/apt/sources.list.d/wildcard.list
	apt-get update -q
}
echo 'Acquire::http::Proxy::127.0.0.1 "DIRECT";' >/etc/apt/apt.conf.d/wildcard
from "$OLD"
apt-get install -q -y --no-install-recommends wildcard
wildcard --version | grep -F v0.9.0
man -w wildcard-renew wildcard-auth-hook wildcard-sandbox 2>/dev/null || test ! -x /usr/bin/man
test "$(stat -c %a $conoha $conoha/.env.example /run/wildcard | xargs)" = '700 600 700'
test "$(systemctl is-enabled wildcard-renew.timer)" = enabled
wildcard systemd status | grep 'from the package'
wildcard systemd install | grep 'is enabled'
test ! -e /etc/systemd/system/wildcard-renew.service
bash -c '. /usr/share/bash-completion/completions/wildcard; complete -p wildcard'

# Two certificates in certbot's own place: one is ours, one is certbot's with our hooks.
wildcard-sandbox run -- bash -euxc '
	wildcard issue --agree-tos --config-dir /etc/letsencrypt "*.example.com" example.com
	certbot certonly --config-dir /etc/letsencrypt --manual --preferred-challenges dns \
		--manual-auth-hook wildcard-auth-hook --manual-cleanup-hook wildcard-cleanup-hook -d "*.example.net"'
openssl x509 -in /etc/letsencrypt/live/example.com/cert.pem -noout -ext subjectAltName | grep -F 'DNS:*.example.com'
wildcard list | grep example.net

# An upgrade keeps what the administrator decided.
install -m 600 $conoha/.env.example $conoha/.env
systemctl disable wildcard-renew.timer
from "$NEW"
apt-get upgrade -q -y
wildcard --version | grep -F v1.0.0
test -f $conoha/.env
test "$(systemctl is-enabled wildcard-renew.timer)" = disabled
systemctl enable wildcard-renew.timer
apt-get install -q -y --reinstall wildcard
test "$(systemctl is-enabled wildcard-renew.timer)" = enabled

# certbot needs the hooks, so they stay; without that certificate they can go, and certbot is as well as before.
says 'could not any more: example.net' apt-get remove -q -y wildcard
wildcard list | grep example.net
ln -s /usr/bin/wildcard-auth-hook $conoha/create_conoha_dns_record.sh
sed -i "s,^manual_auth_hook.*,manual_auth_hook = $conoha/create_conoha_dns_record.sh," /etc/letsencrypt/renewal/example.net.conf
sed -i 's,^manual_cleanup_hook.*,manual_cleanup_hook = /bin/true,' /etc/letsencrypt/renewal/example.net.conf
says 'could not any more: example.net' dpkg -r wildcard
rm $conoha/create_conoha_dns_record.sh
certbot delete -n --cert-name example.net
apt-get remove -q -y wildcard 2>&1 | tee /tmp/said
grep -F 'nobody renews these certificates, whose files stay: example.com' /tmp/said
test ! -e /usr/bin/wildcard
certbot certificates 2>&1 | tee /tmp/said
grep -F 'Certificate Name: example.com' /tmp/said
not grep -i -E 'invalid|error' /tmp/said
certbot renew -n --no-random-sleep-on-renew
test -f /etc/letsencrypt/live/example.com/privkey.pem

# Purging keeps what is not only ours, and what nobody else remembers.
mkdir -m 700 -p /var/lib/wildcard/journal
touch /var/lib/wildcard/journal/1.json
dpkg -P wildcard 2>&1 | tee /tmp/said
grep -F '/var/lib/wildcard stays' /tmp/said
test -f /var/lib/wildcard/journal/1.json
rm /var/lib/wildcard/journal/1.json
apt-get install -q -y --no-install-recommends wildcard
certbot delete -n --cert-name example.com
dpkg -P wildcard
test -f $conoha/.env
rm -r $conoha
rm /etc/apt/sources.list.d/wildcard.list /etc/apt/apt.conf.d/wildcard /usr/share/keyrings/wildcard.asc
rm -r /var/lib/apt/lists
find / -xdev -name '*wildcard*' ! -path '/proc/*' ! -path '/var/cache/*' ! -path '/usr/lib/python3/*' ! -path '/var/log/*' | tee /tmp/said
test ! -s /tmp/said
