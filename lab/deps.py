"""Downloads the chart's dependencies into charts/, as Chart.lock pins them."""

import os
import subprocess

from lab import ROOT, toolchain
from lab.errors import LabError
from lab.folders import tools_folder
from lab.render.chart import DEPENDENCY, load_yaml


def download() -> None:
    """Runs `helm dependency build`; raises LabError and ToolError."""
    chart = load_yaml((ROOT / "Chart.yaml").read_text(encoding="utf-8"))
    (stack,) = [each for each in chart["dependencies"] if each["name"] == DEPENDENCY]
    commands = [
        ["repo", "add", "prometheus-community", stack["repository"], "--force-update"],
        ["dependency", "build", "."],
    ]
    homes = {
        f"HELM_{name}_HOME": str(tools_folder() / "helm" / name.lower())
        for name in ("CACHE", "CONFIG", "DATA")
    }
    for arguments in commands:
        done = subprocess.run(
            [str(toolchain.helm()), *arguments],
            cwd=ROOT,
            env=os.environ | homes,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode != 0:
            lines = [line.strip() for line in done.stderr.splitlines() if line.strip()] or [
                "helm printed no message"
            ]
            package = f"{DEPENDENCY}-{stack['version']}.tgz"
            reason = lines[-1].removeprefix("Error: ")
            raise LabError(
                f"{package} can't be downloaded from {stack['repository']}: {reason}; "
                "if you have the package already, put it into charts/"
            )
