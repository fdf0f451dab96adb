"""`python -m storage_api`: run the service as its flags and the environment say.

Exit status: 0 after an orderly end, 1 when it could not start or had to cut off requests, 2 for a bad
setting.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys

from . import __version__, log
from .app import create_app
from .config import ConfigError, read
from .server import ListenError, Server
from .stores import StoreError, open_store


def main() -> int:
    """Run until SIGTERM or SIGINT; a second one ends the process at once."""
    try:
        config = read(os.environ, sys.argv[1:])
    except ConfigError as error:
        return _refuse(error, 2)
    log.configure(config)
    try:
        store = open_store(config)
    except StoreError as error:
        return _refuse(error, 1)
    with contextlib.closing(store):
        try:
            app = create_app(config, store)
            server = Server(app, config)
        except ListenError as error:
            return _refuse(error, 1)

        def stop(signum: int, _frame: object) -> None:
            if app.draining.is_set():
                os._exit(128 + signum)
            server.stop()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        fields = {"host": config.host, "port": server.port, "store": config.store, "version": __version__}
        logging.getLogger(__name__).info("listening", extra={"fields": fields})
        return 0 if server.run() else 1


def _refuse(error: Exception, status: int) -> int:
    for line in str(error).splitlines():
        print(f"storage-api: {line}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
