"""`python -m storage_api.healthcheck`: whether the service in this container answers, without curl.

It is asked where HOST and PORT say that it listens. Exit status: 0 when it answers that it is alive, else 1.
"""

from __future__ import annotations

import http.client
import os
import sys
from collections.abc import Mapping

from storage_api.config import ConfigError, read
from storage_api.routes import HEALTHZ

SECONDS = 5
# An address that means all of them is listened on, not connected to. `::` includes IPv4, also without IPv6.
LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "127.0.0.1"}  # noqa: S104


def check(environ: Mapping[str, str]) -> str | None:
    """Why the service that runs with `environ` is not healthy; None: it is."""
    try:
        config = read(environ)
    except ConfigError as error:
        return str(error)
    host = LOOPBACK.get(config.host, config.host)
    connection = http.client.HTTPConnection(host, config.port, timeout=SECONDS)
    try:
        connection.request("GET", HEALTHZ.path)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"{host} port {config.port}: {error or type(error).__name__}"
    finally:
        connection.close()
    return None if status == 200 else f"{host} port {config.port}: {HEALTHZ.path} answered {status}"


if __name__ == "__main__":
    if reason := check(os.environ):
        print(f"not healthy: {reason}", file=sys.stderr)
        sys.exit(1)
