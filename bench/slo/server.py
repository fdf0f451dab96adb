"""A Prometheus server on recorded samples."""

from __future__ import annotations

import math
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import requests

from bench.slo.traffic import Series
from lab import toolchain
from lab.errors import LabError
from lab.ports import Ports

TIMEOUT_SECONDS = 120
POINTS = 10_000
"""Points per query, of the 11,000 that Prometheus allows."""


def load(data: Path, series: Iterable[Series]) -> int:
    """Write series into a Prometheus' data folder, which no server may use; return the number of samples."""
    text = data.parent / "samples.txt"
    samples = 0
    with text.open("w") as file:
        for name, values in series:
            file.writelines([f"{name} {value} {when}\n" for when, value in values])
            samples += len(values)
        file.write("# EOF\n")
    if samples:
        # One large block; each block costs one more pass over the file.
        command = [toolchain.promtool(), "tsdb", "create-blocks-from", "--max-block-duration=2000h"]
        done = subprocess.run(
            [*command, "openmetrics", "--quiet", text, data], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise LabError(f"promtool can't load the samples: {done.stdout}{done.stderr}".strip())
    text.unlink()
    return samples


class Server:
    """A Prometheus that scrapes nothing, on a free loopback port, as a context manager."""

    def __init__(self, data: Path, rules: str = "", lookback: str = "5m", pages: Path | None = None) -> None:
        """`rules` is the text of a rules file. `lookback` is how long a sample counts as current.

        The files below `pages` are served at /user/.
        """
        self.url = Ports.free().url("prometheus")
        self._folder = data.parent
        (self._folder / "rules.yaml").write_text(rules or "groups: []\n")
        (self._folder / "prometheus.yaml").write_text("rule_files: [rules.yaml]\n")
        self._command = [
            str(toolchain.prometheus()),
            f"--config.file={self._folder}/prometheus.yaml",
            f"--storage.tsdb.path={data}",
            "--storage.tsdb.retention.time=10y",
            f"--query.lookback-delta={lookback}",
            f"--web.listen-address={self.url.removeprefix('http://')}",
            "--log.level=error",
            *([f"--web.user-assets={pages}"] if pages else []),
        ]

    def __enter__(self) -> Server:
        log = self._folder / "prometheus.log"
        with log.open("w") as output:
            self._process = subprocess.Popen(self._command, stdout=output, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._process.kill()
                raise LabError(f"Prometheus did not start: {log.read_text()}")
            time.sleep(0.05)  # before it is asked again
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()

    def _ready(self) -> bool:
        try:
            return requests.get(f"{self.url}/-/ready", timeout=1).ok
        except requests.RequestException:
            return False

    def get(self, path: str, **parameters: Any) -> Any:
        """The `data` of an answer of the HTTP API; raises LabError with Prometheus' own message."""
        answer = requests.post if path.startswith("query") else requests.get
        body = answer(f"{self.url}/api/v1/{path}", parameters, timeout=TIMEOUT_SECONDS).json()
        if body["status"] != "success":
            raise LabError(f"{parameters}: {body['error']}")
        return body["data"]

    def range(
        self, expr: str, start: int, end: int, step: int
    ) -> list[tuple[dict[str, str], dict[int, float]]]:
        """Labels and values, by second, of each series of an expression evaluated every `step` seconds."""
        found: dict[tuple[tuple[str, str], ...], dict[int, float]] = {}
        for first in range(start, end + 1, step * POINTS):
            last = min(end, first + step * (POINTS - 1))
            for one in self.get("query_range", query=expr, start=first, end=last, step=step)["result"]:
                values = found.setdefault(tuple(sorted(one["metric"].items())), {})
                values.update((int(when), float(value)) for when, value in one["values"])
        return [(dict(labels), values) for labels, values in found.items()]

    def value(self, expr: str, when: int) -> float:
        """The value of an expression's only series; NaN if there is none."""
        result = self.get("query", query=expr, time=when)["result"]
        return float(result[0]["value"][1]) if result else math.nan

    def samples(self, expr: str, when: int) -> tuple[int, int]:
        """The samples that one evaluation touches, and most samples that it holds at once."""
        found = self.get("query", query=expr, time=when, stats="all")["stats"]["samples"]
        return found["totalQueryableSamples"], found["peakSamples"]
