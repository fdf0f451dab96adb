"""`python -m storage_api.healthcheck`: a health check for containers, which have no curl.

It requests /healthz at the address that HOST and PORT set. Exit status: 0 if the service is alive, else 1.
"""

from __future__ import annotations

import http.client
import os
import sys
from collections.abc import Mapping

from storage_api.config import ConfigError, read
from storage_api.routes import HEALTHZ

SECONDS = 5
# The wildcard addresses can be listened on, not connected to. `::` includes IPv4, even without IPv6.
LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "127.0.0.1"}  # noqa: S104


def check(environ: Mapping[str, str]) -> str | None:
    """The reason why the service that runs with `environ` is unhealthy; None if it is healthy."""
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
