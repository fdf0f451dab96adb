"""What every test shares: a missing part is said in one loud line, and in CI it is a failure."""

import fnmatch
import os
import signal
import sys

import pytest

from lab.render.chart import DEPENDENCY, dependency_package

# What tests take from the caller's environment: what programs and package managers need on this machine. The
# rest, such as METRICS_PORT, VALUES, OTEL_TRACES_EXPORTER or COLUMNS, would change what they test.
PASSED_ON = (
    *("PATH", "HOME", "USER", "SHELL", "TMPDIR", "TZ", "LANG", "LC_*", "LD_LIBRARY_PATH", "XDG_*"),
    *(
        "*_PROXY",
        "*_proxy",
        "SSL_CERT_*",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "NODE_EXTRA_CA_CERTS",
        "NETRC",
    ),
    *(
        "PIP_*",
        "UV_*",
        "GO*",
        "npm_config_*",
        "NPM_CONFIG_*",
        "PYENV_*",
        "VIRTUAL_ENV",
        "PYTHONPATH",
        "PYTHONDONTWRITEBYTECODE",
    ),
    *("PYTEST_*", "PLAYWRIGHT_*", "CI", "TOOLS_DIR", "CACHE_DIR"),
)


def is_passed_on(name: str) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in PASSED_ON)


# At import, before anything reads it. The end-to-end tests use the caller's cluster, with all that it takes.
if not any("tests/e2e" in argument for argument in sys.argv):
    for name in [*os.environ]:
        if not is_passed_on(name):
            del os.environ[name]


def pytest_configure() -> None:
    # A run in the background ignores SIGINT, and so would the processes that tests interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def missing_part():
    """Return a function that ends a test because a part of the machine is missing.

    Calling it with a line that names the part and how to get it skips the test, or fails it where `CI` is
    set: there every part must be present.
    """

    def end(line: str) -> None:
        if os.environ.get("CI"):
            pytest.fail(f"MISSING in CI: {line}", pytrace=False)
        pytest.skip(f"MISSING: {line}")

    return end


@pytest.fixture(scope="session")
def needs_package() -> None:
    """End a test, in CI too, where kube-prometheus-stack's package is not in charts/: no registry has it."""
    if dependency_package() is None:
        pytest.skip(f"MISSING: {DEPENDENCY} is not in charts/ (make deps reaches its repository)")
