#!/usr/bin/python3
"""A new Keystone in one process: what keystone-manage does for one, four times, and keystone-wsgi-public. Importing Keystone
is most of the work, and is done once.

usage: run_keystone.py KEYSTONE.CONF PORT ADMIN-PASSWORD
"""
import os
import socketserver
import sqlite3
import sys
import traceback
from wsgiref import simple_server

from keystone.cmd import cli
from keystone.server.flask import core


def manage(*arguments):
    """Is keystone-manage, in a process of its own."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            cli.main(['keystone-manage', '--config-file', config, *arguments])
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    if os.waitpid(child, 0)[1] != 0:
        sys.exit('keystone-manage ' + arguments[0] + ' failed')


class Server(socketserver.ThreadingMixIn, simple_server.WSGIServer):
    daemon_threads = True
    request_queue_size = 100


config, port, password = sys.argv[1:]
sys.argv[1:] = []  # Keystone would read them
owner = ['--keystone-user', str(os.geteuid()), '--keystone-group', str(os.getegid())]
url = f'http://127.0.0.1:{port}/v3/'
manage('db_sync')
# Without a write-ahead log the second of two writers at once gets "database is locked".
sqlite3.connect(os.path.join(os.path.dirname(config), 'keystone.db')).execute('PRAGMA journal_mode=WAL')
manage('fernet_setup', *owner)
manage('credential_setup', *owner)
manage('bootstrap', '--bootstrap-password', password, '--bootstrap-region-id', 'RegionOne',
       '--bootstrap-public-url', url, '--bootstrap-internal-url', url)
application = core.initialize_application('public', config_files=[config])
simple_server.make_server('127.0.0.1', int(port), application, Server).serve_forever()
