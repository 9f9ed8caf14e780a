"""A plugin of pytest with which certbot's own integration tests (certbot-ci) run in our offline world; see the script "run".

--by hooks lets certbot do everything, with our two hooks in place of its standalone server. --by wildcard runs wildcard issue and
wildcard renew where the tests run certbot for that, and certbot itself for the rest, so that certbot's assertions and its other
commands meet lineages of ours. What wildcard has no words for skips the test.
"""
import os
import subprocess

import pytest

VERBS = {'run', 'certonly', 'auth', 'install', 'renew', 'revoke', 'delete', 'certificates', 'register', 'unregister', 'update_account',
         'show_account', 'plugins'}
KEYS = {None: 'ecdsa-p256', 'secp256r1': 'ecdsa-p256', 'secp384r1': 'ecdsa-p384', 'secp521r1': 'ecdsa-p521'}


def pytest_addoption(parser):
    parser.addoption('--by', default='hooks', choices=['hooks', 'wildcard'])


def pytest_configure(config):
    # What certbot-ci's conftest.py says of the servers that it starts. Nothing listens at these ports.
    http, https = {'primary': 5002}, {'primary': 5001}
    config.acme_xdist = {'acme_server': 'pebble', 'directory_url': os.environ['WILDCARD_SERVER'], 'http_port': http, 'https_port': https,
                         'other_port': http, 'challtestsrv_url': 'http://127.0.0.1:1'}
    config.dns_xdist = None
    from certbot_integration_tests.certbot_tests.context import IntegrationTestsContext
    init = IntegrationTestsContext.__init__

    def with_our_hooks(context, request):
        init(context, request)
        folders = f' --config-dir {context.config_dir} --state-dir {context.workspace}/state'
        # As certbot-ci's own hook does, it fails where the test wants it to.
        context.manual_dns_auth_hook = 'test "${CERTBOT_DOMAIN#fail}" = "$CERTBOT_DOMAIN" && wildcard-auth-hook' + folders
        context.manual_dns_cleanup_hook = 'wildcard-cleanup-hook' + folders

    IntegrationTestsContext.__init__ = with_our_hooks
    IntegrationTestsContext.certbot = by_wildcard if config.option.by == 'wildcard' else by_hooks


def by_hooks(context, args, force_renew=True):
    from certbot_integration_tests.utils import certbot_call
    args = list(args)
    if 'http-01' in args:
        at = args.index('http-01')
        del args[at - 1:at + 1]
    command = ['--authenticator', 'manual', '--preferred-challenges', 'dns', '--manual-auth-hook', context.manual_dns_auth_hook,
               '--manual-cleanup-hook', context.manual_dns_cleanup_hook, '--installer', 'null', *args]
    return certbot_call.certbot_test(command, context.directory_url, context.http_01_port, context.tls_alpn_01_port, context.config_dir,
                                     context.workspace, force_renew=force_renew)


def by_wildcard(context, args, force_renew=True):
    args = list(args)
    verb = next((word for word in args if word in VERBS), 'run')
    if verb in ('revoke', 'delete', 'certificates'):
        return by_hooks(context, args, force_renew)
    if verb not in ('run', 'certonly', 'renew'):
        pytest.skip(f'wildcard has nothing in place of {verb}')
    words, names, key, size, curve = [], [], None, None, None
    rest = iter(args)
    for word in rest:
        if word in VERBS:
            continue
        if word in ('-d', '--domains'):
            names += next(rest).split(',')
        elif word == '--cert-name':
            words += [word, next(rest)]
        elif word == '--key-type':
            key = next(rest)
        elif word == '--rsa-key-size':
            size = next(rest)
        elif word == '--elliptic-curve':
            curve = next(rest)
        elif word == '--deploy-hook' and verb != 'renew':
            words += [word, next(rest)]
        elif word in ('-a', '--preferred-challenges', '--preferred-challenge', '--manual-auth-hook', '--manual-cleanup-hook'):
            next(rest)
        elif word in ('--reuse-key', '--dry-run') and verb != 'renew':
            words.append(word)
        elif word == '--force-renewal':
            force_renew = True
        else:
            pytest.skip(f'wildcard {verb} has no {word}')
    if (key or size or curve) and verb == 'renew':
        pytest.skip('wildcard renew changes no key type')
    if key == 'rsa' or size:
        words += ['--key-type', 'rsa-' + (size or '2048')]
    elif key or curve:
        words += ['--key-type', KEYS[curve]]
    if force_renew and '--dry-run' not in words:
        words.append('--force')
    command = ['wildcard', 'renew', *words] if verb == 'renew' else ['wildcard', 'issue', '--agree-tos', '--yes', *words, *names]
    command += ['--config-dir', context.config_dir, '--state-dir', context.workspace + '/state']
    print('-->', command)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    print(done.stdout, done.stderr)
    done.check_returncode()
    return done.stdout, done.stderr
