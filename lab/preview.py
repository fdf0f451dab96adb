"""The dashboards' preview of a running platform, served by its Prometheus at /user/."""

import contextlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any

from lab import ROOT
from lab.figures import FIGURES, STATE, STATES
from lab.platform import Platform
from lab.preview_bundle import build
from lab.render.stack import Stack
from lab.servers import PARTS, grafana

RUNBOOKS = ROOT / "docs" / "runbooks"
ORDER = ("services", "service", "storage-api", "workload", "platform")
"""The chart's dashboards in the order in which people open them: all services, one of them, its pods, ..."""


def url(platform: Platform) -> str:
    return f"{platform.url('prometheus')}/user/"


def published(platform: Platform) -> bool:
    """True if the platform's Prometheus serves a preview now."""
    return (platform.folder / "user" / "index.html").is_file() and platform.ready("prometheus")


def publish(platform: Platform, extra: Mapping[str, str] = MappingProxyType({})) -> None:
    """Publishes the page, the rendered dashboards, and `platform.json` with facts about the platform.

    `extra` holds further dashboards by path `<folder>/<file>`. Raises LabError and ToolError.
    """
    render = platform.render()
    stack = Stack.of(render)
    ports = platform.ports
    source, *_ = grafana.datasources(stack, ports.url("prometheus"), ports.url("alertmanager"))
    parts = [
        {"name": name, "url": platform.url(name), "pages": part.pages}
        for name, part in PARTS.items()
        if platform.ready(name)
    ]
    files = grafana.dashboards(stack, render.ours) | dict(extra)
    write(platform.folder / "user", files, source["jsonData"]["timeInterval"], parts)


def write(target: Path, files: Mapping[str, str], scrape_interval: str, parts: list[dict[str, Any]]) -> None:
    """Writes the page and the runbooks into a folder, for a Prometheus to serve them at /user/.

    `files` are the dashboards by path `<folder>/<file>`, `scrape_interval` is the data source's, such as
    `30s`, and `parts` are the running servers with `name`, `url` and `pages`. Raises LabError and ToolError.
    """
    bundle = build()
    about = {
        "scrapeInterval": scrape_interval,
        "parts": parts,
        "runbooks": sorted(path.stem for path in RUNBOOKS.glob("*.md")),
        "services": {
            "state": STATE,
            "states": STATES,
            "figures": [{"name": name} | asdict(figure) for name, figure in FIGURES.items()],
        },
        "dashboards": entries(files),
    }
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(bundle, target)
    shutil.copytree(RUNBOOKS, target / "runbooks")
    for path, text in files.items():
        file = target / "dashboards" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    (target / "platform.json").write_text(json.dumps(about, indent=2), encoding="utf-8")


def entries(files: Mapping[str, str]) -> list[dict[str, Any]]:
    """The dashboards as the start page lists them: in each folder those of ORDER, then the others by name."""

    def place(path: str) -> tuple[str, int, str]:
        name = PurePosixPath(path)
        return str(name.parent), ORDER.index(name.stem) if name.stem in ORDER else len(ORDER), path

    return [_entry(path, files[path]) for path in sorted(files, key=place)]


def _entry(path: str, text: str) -> dict[str, Any]:
    """The start page's entry for a dashboard; a file that is not a dashboard is listed by its name."""
    name = PurePosixPath(path)
    place = {"file": path, "folder": str(name.parent) if name.parent.name else "General"}
    with contextlib.suppress(ValueError):
        found = json.loads(text)
        if isinstance(found, dict) and {"uid", "title"} <= found.keys():
            about = {key: found.get(key, []) for key in ("uid", "title", "tags")}
            return place | about
    return place | {"uid": name.stem, "title": name.name, "tags": []}
