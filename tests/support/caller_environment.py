"""The caller's environment variables: tests see only those that programs and package managers need.

The others, such as METRICS_PORT, VALUES, OTEL_TRACES_EXPORTER or COLUMNS, would change what is tested.
"""

import fnmatch
import os
import sys

PASSED_ON = (
    *("PATH", "HOME", "USER", "SHELL", "TMPDIR", "TZ", "LANG", "LC_*", "LD_LIBRARY_PATH", "XDG_*"),
    *("*_PROXY", "*_proxy", "SSL_CERT_*", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
    *("PIP_*", "UV_*", "GO*", "npm_config_*", "NPM_CONFIG_*", "PYENV_*", "VIRTUAL_ENV"),
    *("NODE_EXTRA_CA_CERTS", "NETRC", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PYTEST_*", "PLAYWRIGHT_*"),
    *("CI", "TOOLS_DIR", "CACHE_DIR", "THOROUGH"),
)


def is_passed_on(name: str) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in PASSED_ON)


def forget() -> None:
    """Remove all other variables, unless the end-to-end tests run: they use the caller's cluster."""
    if not any("tests/e2e" in argument for argument in sys.argv):
        for name in [*os.environ]:
            if not is_passed_on(name):
                del os.environ[name]
