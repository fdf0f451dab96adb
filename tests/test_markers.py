"""A test that starts a server without the marker `live` fails, so `make check` starts none."""

import sys

import pytest

from lab import ROOT

SERVICE = ["python", "-m", "storage_api"]
STARTS = {
    "a program": ["/tools/prometheus", "--config.file=prometheus.yml"],
    "a module": SERVICE,
    "by a loader": ["/image/ld-linux.so", "--library-path", "/image/lib", *SERVICE],
    "by a shell": ["bash", "-c", 'ulimit -n 200 && exec "$@"', "bash", *SERVICE],
}


def start(command: list[str]) -> None:
    """Raise the audit event of a start, without starting anything."""
    sys.audit("subprocess.Popen", command[0], command, None, None)


@pytest.mark.parametrize("command", STARTS.values(), ids=STARTS)
def test_a_server_fails_a_test_that_is_not_marked_live(command):
    with pytest.raises(AssertionError, match=r"is a server: mark .* as live$"):
        start(command)


@pytest.mark.parametrize("command", STARTS.values(), ids=STARTS)
@pytest.mark.live
def test_a_test_that_is_marked_live_may_start_a_server(command):
    start(command)


@pytest.mark.parametrize(
    "command", [["prometheus", "--version"], ["python", "-m", "storage_api.healthcheck"], ["promtool"]]
)
def test_a_program_that_ends_by_itself_needs_no_marker(command):
    start(command)


def test_tests_draw_cases_only_in_ways_that_mark_them_as_thorough():
    """By the fixture `draws` or by `sample`: the function behind the fixture adds no marker."""
    direct = [
        path.name
        for path in (ROOT / "tests").rglob("*.py")
        if "tests.support.draws import draws\n" in path.read_text(encoding="utf-8")
    ]
    assert direct == []
