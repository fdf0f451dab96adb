"""The chart's NOTES, which Helm prints after an installation."""

import json
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lab import toolchain
from lab.render.chart import NAMESPACE, RELEASE, RenderError, stage_chart


def notes(
    values: Mapping[str, Any] | None = None,
    *,
    value_files: Iterable[Path] = (),
    release: str = RELEASE,
    namespace: str = NAMESPACE,
) -> str:
    """Render the NOTES of the chart and its subcharts; raises RenderError."""
    with tempfile.TemporaryDirectory(prefix="chart-") as temporary:
        chart = stage_chart(Path(temporary))
        command = [toolchain.helm(), "install", release, chart, "--namespace", namespace, "--dry-run=client"]
        command += ["--output", "json", "--render-subchart-notes"]
        for path in value_files:
            command += ["--values", path]
        done = subprocess.run(
            [*command, "--values", "-"],
            input=json.dumps(values or {}, ensure_ascii=False),
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise RenderError(done.stderr)
    return json.loads(done.stdout)["info"]["notes"]
