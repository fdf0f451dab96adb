"""The options of a panel's fields, as Grafana applies them: units, names, value mappings and colours."""

import re
from collections.abc import Mapping
from typing import Any

from tests.support.dashboard.shown import Unsupported, Value


class FieldOptions:
    """The field options of one series or column: the panel's defaults and the overrides that match it."""

    def __init__(self, panel: Mapping[str, Any], name: str, ref: str) -> None:
        config = panel.get("fieldConfig") or {}
        self._type = panel["type"]
        self._set = dict(config.get("defaults") or {})
        for override in config.get("overrides") or ():
            if _matches(override["matcher"], name, ref):
                self._set |= {item["id"]: item.get("value") for item in override["properties"]}

    def get(self, name: str, default: Any) -> Any:
        return self._set.get(name) or default

    def text(self, value: Value) -> str | None:
        """The text of the first value mapping that applies."""
        for mapping in self._set.get("mappings") or ():
            if result := _mapped(mapping, value):
                return result.get("text")
        return None

    def color(self, value: Value) -> str:
        """The colour of a value: that of its mapping, else of the field's mode, else of its thresholds."""
        for mapping in self._set.get("mappings") or ():
            if (result := _mapped(mapping, value)) and result.get("color"):
                return result["color"]
        given = self._set.get("color") or {}
        mode = given.get("mode") or ("palette-classic" if self._type == "timeseries" else "thresholds")
        if mode != "thresholds":
            return " ".join(filter(None, (mode.removeprefix("fixed"), given.get("fixedColor"))))
        reached = ""
        for step in (self._set.get("thresholds") or {}).get("steps") or ():
            if step.get("value") is None or (isinstance(value, float | int) and value >= step["value"]):
                reached = step["color"]
        return reached

    def cell_color(self, value: Value) -> str:
        """The colour of a table's cell, if its type shows one."""
        shown = (self._set.get("custom.cellOptions") or {}).get("type", "auto").startswith("color-")
        return self.color(value) if shown else ""

    @property
    def hidden(self) -> bool:
        return bool(self._set.get("custom.hidden") or (self._set.get("custom.hideFrom") or {}).get("viz"))


def _matches(matcher: Mapping[str, Any], name: str, ref: str) -> bool:
    kind, wanted = matcher["id"], matcher.get("options")
    if kind == "byName":
        return name == wanted
    if kind == "byRegexp":
        return bool(re.search(re.sub(r"^/(.*)/$", r"\1", wanted), name))
    if kind == "byFrameRefID":
        return ref == wanted
    raise Unsupported(f"overrides with the matcher {kind}")


def _mapped(mapping: Mapping[str, Any], value: Value) -> Mapping[str, Any] | None:
    options = mapping["options"]
    match mapping["type"]:
        case "value":
            key = f"{value:g}" if isinstance(value, float | int) else value
            return options.get(key)
        case "range":
            low, high = options.get("from"), options.get("to")
            inside = (
                isinstance(value, float | int)
                and (low is None or low <= value)
                and (high is None or value <= high)
            )
            return options["result"] if inside else None
        case "regex":
            pattern = re.sub(r"^/(.*)/$", r"\1", options["pattern"])
            return options["result"] if isinstance(value, str) and re.search(pattern, value) else None
        case "special":
            absent = options["match"] in ("null", "null+nan") and value is None
            return options["result"] if absent or (options["match"] == "empty" and value == "") else None
    raise Unsupported(f"value mappings of the type {mapping['type']}")
