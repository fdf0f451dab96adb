"""Write deploy/manifests: the objects of each preset, to be reviewed as a diff and applied as they are.

python -m tools.manifests             write them
python -m tools.manifests --check     fail with one line if one is out of date

They are the objects of the chart's own templates, without hooks and tests, and without Secrets, because
passwords do not belong in files.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab import ROOT
from lab.render.chart import CHART, DEPENDENCY, Render, render_chart
from tools import generated_files, yaml_text

FOLDER = ROOT / "deploy" / "manifests"
DASHBOARDS = FOLDER / "dashboards.yaml"
HEAD = "# Written by `make manifests` from the rendered chart.\n"
# Labels for objects that Helm manages.
_HELM = {"app.kubernetes.io/managed-by", "helm.sh/chart"}
_VALUES = "-values.yaml"


def presets() -> dict[str, list[Path]]:
    """Value files of each preset: one in ci/ each, and none for `default`, the chart's default values."""
    files = sorted((ROOT / "ci").glob(f"*{_VALUES}"))
    return {"default": [], **{path.name.removesuffix(_VALUES): [path] for path in files}}


def objects(preset: str, render: Render) -> dict[Path, list[dict[str, Any]]]:
    """The objects of each file of a preset. The dashboards' file is the same for all presets."""
    files: dict[Path, list[dict[str, Any]]] = {}
    for item, source in zip(render.objects, render.sources, strict=True):
        theirs, metadata = source.startswith(f"{CHART}/charts/{DEPENDENCY}/"), item["metadata"]
        if theirs or item["kind"] == "Secret" or "helm.sh/hook" in metadata.get("annotations", {}):
            continue
        if metadata["labels"].get("app.kubernetes.io/component") == "dashboard":
            path = DASHBOARDS
        else:
            service = source.startswith(f"{CHART}/charts/storage-api/")
            path = FOLDER / preset / ("storage-api.yaml" if service else "platform.yaml")
        files.setdefault(path, []).append(_without_helm(item))
    return files


def settings_file(preset: str) -> Path:
    """The file with the values of a preset for kube-prometheus-stack."""
    return FOLDER / DEPENDENCY / f"{preset}.yaml"


def settings(render: Render) -> Mapping[str, Any]:
    """Values for kube-prometheus-stack from chart and preset, including its defaults if it was rendered."""
    return render.values.get(DEPENDENCY, {})


def all_files() -> dict[Path, str]:
    """The files of all presets, text by path."""
    documents: dict[Path, list[dict[str, Any]]] = {}
    texts: dict[Path, str] = {}
    for preset, values in presets().items():
        render = render_chart(value_files=values)
        documents |= objects(preset, render)
        path = settings_file(preset)
        if not render.stand_in:  # our values cannot be told from its defaults
            texts |= {path: path.read_text(encoding="utf-8")} if path.is_file() else {}
        elif settings(render)["enabled"]:
            texts[path] = HEAD + yaml_text.dump(settings(render), sort_keys=True)
    return texts | {path: HEAD + yaml_text.dump_all(items) for path, items in documents.items()}


def _without_helm(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_helm(each) for key, each in value.items() if key not in _HELM}
    return [_without_helm(each) for each in value] if isinstance(value, list) else value


if __name__ == "__main__":
    folders = [path for path in FOLDER.iterdir() if path.is_dir()] if FOLDER.is_dir() else []
    sys.exit(generated_files.main("tools.manifests", all_files, folders))
