"""Conversion of a dashboard builder to the JSON document that the chart ships."""

import json
from collections.abc import Iterator
from string import ascii_uppercase

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.config import DATASOURCE


def panels(document: dict) -> Iterator[dict]:
    """Yield every panel of a dashboard's JSON, including rows and the panels inside collapsed rows."""
    for panel in document.get("panels", []):
        yield panel
        yield from panel.get("panels", [])


def render(builder: Builder[Dashboard]) -> str:
    """Return the dashboard as JSON text, adding what the SDK omits: panel ids, refIds and data sources."""
    document = json.loads(json.dumps(builder.build(), cls=JSONEncoder))
    _remove_surplus(document)
    datasource = {"type": "prometheus", "uid": DATASOURCE}
    for number, panel in enumerate(panels(document), start=1):
        panel["id"] = number
        for ref, target in zip(ascii_uppercase, panel.get("targets", []), strict=False):
            target |= {"refId": ref, "datasource": datasource}
        if panel["type"] != "row":
            panel["datasource"] = datasource
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _remove_surplus(document: dict) -> None:
    """Remove fields of the SDK that Grafana 13 does not know, and the one that hides links in a menu."""
    for link in document.get("links", []):
        del link["placement"]
    for variable in document["templating"]["list"]:
        for field in ("auto", "auto_min", "auto_count"):
            variable.pop(field, None)
    for panel in panels(document):
        if panel["type"] == "table":
            del panel["options"]["footer"]
