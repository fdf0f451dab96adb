"""The chart's NOTES, which Helm prints after an installation."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lab.render.chart import NAMESPACE, RELEASE, RenderError, shared_chart
from lab.render.helm import run_helm


def notes(
    values: Mapping[str, Any] | None = None,
    *,
    value_files: Iterable[Path] = (),
    release: str = RELEASE,
    namespace: str = NAMESPACE,
) -> str:
    """Render the NOTES of the chart and its subcharts; raises RenderError."""
    command = ["install", release, shared_chart(), "--namespace", namespace, "--dry-run=client"]
    command += ["--output", "json", "--render-subchart-notes"]
    for path in value_files:
        command += ["--values", path]
    done = run_helm(*command, "--values", "-", given=json.dumps(values or {}, ensure_ascii=False))
    if done.returncode:
        raise RenderError(done.stderr)
    return json.loads(done.stdout)["info"]["notes"]
