"""`make bench-service`: the compared servers send the same responses, and its ratios are right."""

from __future__ import annotations

import re
import statistics

import pytest

from bench import __main__ as bench
from bench.servers import SERVERS
from lab import ROOT


def pins(folder: str) -> set[str]:
    return set(re.findall(r"^\S+==\S+", (ROOT / folder / "requirements.txt").read_text(), re.MULTILINE))


def test_the_benchmark_uses_the_versions_of_the_image():
    assert pins("service") < pins("bench")


def test_compared_servers_send_equal_responses(monkeypatch):
    """Except for servers that need packages which only the benchmark installs."""
    for name in ("exporter", "opentelemetry"):
        monkeypatch.delitem(SERVERS, name)
    sizes = set()
    size = bench.Running._response_size
    monkeypatch.setattr(
        bench.Running, "_response_size", lambda server: sizes.add(found := size(server)) or found
    )
    bursts = list(bench.measure(rounds=2, requests=8))
    assert len(bursts) == 2
    assert len(sizes) == 1
    for burst in bursts:
        assert burst.keys() == SERVERS.keys()
        assert all(0 < cpu < 1 and throughput > 1 for cpu, throughput in burst.values())
    rows = bench.table(bursts).splitlines()[1:]
    for row, (description, _) in zip(rows, SERVERS.values(), strict=True):
        assert row.startswith(f"{description} ")


def test_a_ratio_compares_servers_of_the_same_round():
    """Differences between rounds do not matter."""
    bursts = [
        {"a": bench.Burst(cpu * 1.05, 50), "b": bench.Burst(cpu, 100)}
        for cpu in (0.001, 0.002, 0.001, 0.01, 0.005, 0.003)
    ]
    assert bench.Ratios(bursts, "cpu", "a", "b").median == pytest.approx(1.05)
    assert str(bench.Ratios(bursts, "throughput", "a", "b")) == "0.500 (0.500-0.500)"


def test_the_interval_contains_the_median():
    """For 1 to 400 these are 20 ranks on each side of the median: 200.5 +- 0.98 * sqrt(400)."""
    bursts = [{"a": bench.Burst(rank, 1), "b": bench.Burst(1, 1)} for rank in range(1, 401)]
    ratios = bench.Ratios(bursts, "cpu", "a", "b")
    assert ratios.median == statistics.median(range(1, 401)) == 200.5
    assert ratios.interval == (181, 221)
