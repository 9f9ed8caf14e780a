#!/usr/bin/python3
"""A new Designate in one process: all five services, which the in-memory transport of oslo.messaging (fake://) then joins
without RabbitMQ, after what designate-manage does for a new one.

usage: run_designate.py DESIGNATE.CONF POOLS.YAML
"""
import eventlet

eventlet.monkey_patch(os=False)  # before all else

import os
import sqlite3
import sys

from oslo_log import log as logging
from oslo_service import service

import designate.conf
from designate import rpc
from designate import utils
from designate.api import service as api
from designate.central import service as central
from designate.manage import database
from designate.manage import pool
from designate.mdns import service as mdns
from designate.producer import service as producer
from designate.worker import service as worker

config, pools = sys.argv[1:]
utils.read_config('designate', ['designate', '--config-file', config])
logging.setup(designate.conf.CONF, 'designate')
database.DatabaseCommands().sync()
# Without a write-ahead log the second of two writers at once gets "database is locked".
sqlite3.connect(os.path.join(os.path.dirname(config), 'designate.db')).execute('PRAGMA journal_mode=WAL')
launcher = service.ServiceLauncher(designate.conf.CONF)
launcher.launch_service(central.Service())
initialize, rpc.init = rpc.init, lambda conf: None  # the central service has done it
pool.PoolCommands().update(pools, False)
rpc.init = initialize
for module in (mdns, worker, producer, api):
    launcher.launch_service(module.Service())
launcher.wait()
