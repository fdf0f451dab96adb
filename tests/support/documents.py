"""The shipped dashboards' JSON, and what tests want to know of it."""

import json
from typing import Any

import pytest

from dashboards.document import panels
from lab import ROOT

FOLDER = ROOT / "dashboards"
DOCUMENTS: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))
}
"""File name without `.json` -> dashboard."""

each_dashboard = pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)

# Example values of Grafana's own variables, which a parser of PromQL does not know.
_DURATIONS = {"$__rate_interval": "2m", "$__interval": "30s", "$__range": "1h"}


def data_panels(document: dict) -> list[dict]:
    """The panels of a dashboard that show data."""
    return [panel for panel in panels(document) if panel["type"] != "row"]


def variables(document: dict) -> dict[str, dict]:
    """Name of each variable -> its definition."""
    return {variable["name"]: variable for variable in document["templating"]["list"]}


def parsable(query: str) -> str:
    """The query with the variables that stand for durations filled in; the others stand in quoted strings."""
    for name, value in _DURATIONS.items():
        query = query.replace(name, value)
    return query


def expressions(document: dict) -> dict[str, str]:
    """Where it stands -> PromQL, for each expression of panels, annotations and variables."""
    found = {
        f"{panel['title']} {target['refId']}": target["expr"]
        for panel in data_panels(document)
        for target in panel["targets"]
    }
    found |= {f"annotation {note['name']}": note["expr"] for note in document["annotations"]["list"]}
    for name, variable in variables(document).items():
        if variable["type"] == "query":
            found[f"variable {name}"] = (
                variable["query"]["query"].removeprefix("label_values(").rpartition(",")[0]
            )
    return {where: parsable(expression) for where, expression in found.items()}
