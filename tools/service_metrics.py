"""Generate the tables in docs/metrics.md from the service's registry, with every family enabled.

python -m tools.service_metrics             write them
python -m tools.service_metrics --check     fail with one line if they are out of date
"""

import sys

from prometheus_client.metrics_core import Metric

from lab import ROOT
from tools.doc_sections import main

sys.path.insert(0, str(ROOT / "service"))

from storage_api.api.app import create_app
from storage_api.config import METRIC_FAMILIES, STORES, Config
from storage_api.http_server.threads import ThreadPool
from storage_api.stores import MemoryStore
from storage_api.telemetry.metrics import watch_server
from storage_api.telemetry.metrics.labels import OTHER, TIMED, UNTIMED, label_sets

DOCUMENT = ROOT / "docs/metrics.md"
INFO_FAMILIES = {"python_info", "storage_build"}
"""Families whose labels describe the running program: one series, whose values are left out of the table."""
DURATIONS = ("http_request_duration_seconds", "http_server_request_duration_seconds")


def families() -> list[Metric]:
    """Every family that the service can have, sorted by name, with all its series."""
    app = create_app(Config(store="memory", faults_enabled=True), MemoryStore())
    watch_server(ThreadPool(0), (), app.registry)
    return sorted(app.registry.collect(), key=lambda family: family.name)


def exposed_name(family: Metric) -> str:
    """The name that the family has in the text format."""
    return family.name + {"counter": "_total", "info": "_info"}.get(family.type, "")


def labels(family: Metric) -> str:
    """The labels of `family` in Markdown, with their values unless it is one of INFO_FAMILIES."""
    values: dict[str, set[str]] = {}
    for sample in family.samples:
        for name, value in sample.labels.items():
            if name != "le":
                values.setdefault(name, set()).add(value)
    if "backend" in values:
        values["backend"] = set(STORES)
    if family.name in INFO_FAMILIES:
        return ", ".join(f"`{name}`" for name in values)
    return "; ".join(f"`{name}`: {code(*sorted(found))}" for name, found in values.items())


def code(*texts: str) -> str:
    """`texts` as code in Markdown, separated by commas."""
    return ", ".join(f"`{text}`" for text in texts)


def series(family: Metric) -> str:
    """The number of series of `family`, for a histogram with its derivation."""
    bounds = {sample.labels["le"] for sample in family.samples if "le" in sample.labels} - {"+Inf"}
    if not bounds:
        return str(len(family.samples))
    sets, rest = divmod(len(family.samples), len(bounds) + 3)
    if rest:
        raise ValueError(f"{family.name}: its label sets have different numbers of series")
    return f"{sets} x ({len(bounds)} + 3) = {len(family.samples)}"


def row(family: Metric) -> str:
    """The row of `family` in the table of families."""
    switch = "yes" if family.name in METRIC_FAMILIES else ""
    cells = (
        code(exposed_name(family)), family.type, family.unit, labels(family), series(family), switch,
        family.documentation,
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def label_sets_of(path: str, methods: dict[str, tuple[int, ...]], timed: str) -> str:
    """The row of a route in the table of label sets."""
    statuses = "; ".join(f"`{method}`: {', '.join(map(str, known))}" for method, known in methods.items())
    number = sum(map(len, methods.values()))
    return f"| `{path}` | {statuses} | {number} | {timed} |"


def document() -> str:
    """The generated section."""
    found = families()
    numbers = {family.name: len(family.samples) for family in found}
    every = sum(numbers.values())
    timed, untimed = len(label_sets(TIMED)), len(label_sets(UNTIMED)) + 1
    rows = "\n".join(map(row, found))
    routes = "\n".join(
        [label_sets_of(path, methods, "yes") for path, methods in TIMED.items()]
        + [label_sets_of(path, methods, "") for path, methods in UNTIMED.items()]
    )
    return f"""
## Families

| name | type | unit | labels and their values | series | can be switched off | description |
|---|---|---|---|---|---|---|
{rows}

## Label sets of HTTP metrics

| `path` | `method`: each `status` | label sets | timed |
|---|---|---|---|
{routes}
| `{OTHER.path}` | `{OTHER.method}`: `{OTHER.status}` (anything not in this table) | 1 | |

Together these are {timed} timed label sets and {untimed} that are only counted. A response that is not in the
table is counted under its route and status with the method `_OTHER`, or if there is no such row, as
`unmatched` with its status.

## Number of series

For each label set, a histogram has one series per bound and three more: the bound `+Inf`, the sum and the
count. The series of all families, in the order of the table:

    {" + ".join(map(str, numbers.values()))} = {every}

So the service has **{every} series** with every family, and **{every - numbers[DURATIONS[0]]}** with only one
of `{DURATIONS[0]}` and `{DURATIONS[1]}`.

"""


if __name__ == "__main__":
    sys.exit(main("tools.service_metrics", DOCUMENT, document()))
