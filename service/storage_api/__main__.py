"""`python -m storage_api`: run the service with the settings in its flags and the environment.

Exit status: 0 after a clean shutdown; 1 if it could not start, or cut off requests at shutdown; 2 for invalid
settings; 128 + n if a signal n ended it at once.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

from storage_api.api.app import create_app
from storage_api.api.auth import TokensError
from storage_api.config import Config, ConfigError, read
from storage_api.http_server.descriptors import LimitError
from storage_api.http_server.listener import ListenError
from storage_api.http_server.server import Server
from storage_api.http_server.threads import ThreadPool
from storage_api.stores import StoreError, open_store
from storage_api.telemetry import log

from . import __version__

if TYPE_CHECKING:
    from storage_api.telemetry.spans import Spans


def main() -> int:
    """Serve until SIGTERM or SIGINT; a second one ends the process at once."""
    for number in (signal.SIGTERM, signal.SIGINT):
        # As PID 1 of a container the process ignores signals that it has no handler for.
        signal.signal(number, _leave)
    # An empty variable counts as unset, also for libraries that read their own variables.
    for name in [name for name, text in os.environ.items() if not text]:
        del os.environ[name]
    try:
        config = read(os.environ, sys.argv[1:])
    except ConfigError as error:
        return _refuse(error, 2)
    log.configure(config)
    try:
        spans = _open_spans(config)
        store = open_store(config)
    except ConfigError as error:
        return _refuse(error, 2)
    except StoreError as error:
        return _refuse(error, 1)
    with contextlib.closing(store):
        try:
            pool = ThreadPool(config.threads)
            app = create_app(config, store, spans, pool)
            server = Server(app, config, pool)
        except (TokensError, LimitError, ListenError) as error:
            return _refuse(error, 1)

        def stop(signum: int, _frame: object) -> None:
            if app.draining.is_set():
                os._exit(128 + signum)
            server.stop()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        fields = {
            "host": config.host,
            "port": server.port,
            "metrics_port": server.metrics_port,
            "store": config.store,
            "version": __version__,
        }
        logging.getLogger(__name__).info("listening", extra={"fields": fields})
        finished = server.run()
        if spans:
            spans.close(server.seconds_left)
        return 0 if finished else 1


def _open_spans(config: Config) -> Spans | None:
    if config.otel_traces_exporter == "none":
        return None
    from storage_api.telemetry.spans import Spans  # noqa: PLC0415 - load OpenTelemetry's SDK only if spans are sent

    return Spans()


def _leave(signum: int, _frame: object) -> NoReturn:
    """Handle a signal during the start: leave with the status that a shell gives a killed process."""
    raise SystemExit(128 + signum)


def _refuse(error: Exception, status: int) -> int:
    for line in str(error).splitlines():
        print(f"storage-api: {line}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
