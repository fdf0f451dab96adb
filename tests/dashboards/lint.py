"""Checks of a dashboard's JSON alone, without data: each returns a line for each fault."""

import re
from typing import Any

import promql_parser as promql

from tests.support.documents import data_panels, expressions, parsable, variables
from tests.support.promql import labels, selectors

# The labels that a variable may select.
LABELS = {"namespace": {"namespace"}, "service": {"slo_service", "job"}, "pod": {"pod"}, "job": {"job"}}


def unfiltered_queries(document: dict[str, Any]) -> list[str]:
    """Queries that do not filter by the dashboard's variables, or not as the variables allow.

    Raises ValueError for a query that is not PromQL.
    """
    known, found = variables(document), []
    for where, expression in expressions(document).items():
        # A variable depends on those before it.
        before = list(known)[: [*(f"variable {name}" for name in known), where].index(where)]
        for selector in selectors(promql.parse(expression)):
            used = {m.value[1:]: m for m in selector.matchers.matchers if m.value.startswith("$")}
            found += [f"{where}: there is no variable {name}" for name in sorted(used.keys() - known.keys())]
            for name in used.keys() & known.keys():
                several = known[name].get("multi", False)
                if used[name].op != (promql.MatchOp.Re if several else promql.MatchOp.Equal):
                    found.append(f"{where}: wrong operator for the variable {name}")
                if used[name].name not in LABELS[name]:
                    found.append(f"{where}: {selector.prettify()}: wrong label for the variable {name}")
            needed = {"namespace", "service"}
            if selector.name.startswith("service:pod") and not where.startswith("annotation "):
                needed |= {"pod"}
            if missing := (needed & set(before)) - used.keys():
                found.append(f"{where}: {selector.prettify()} does not filter by {sorted(missing)}")
    return found


def missing_labels(document: dict[str, Any]) -> list[str]:
    """Legends and columns that name a label which the query does not keep."""
    found = []
    for panel in data_panels(document):
        kept: set[str] = set()
        unknown = False
        for target in panel["targets"]:
            of_query = labels(promql.parse(parsable(target["expr"])))
            used = set(re.findall(r"\{\{\s*(\w+)\s*\}\}", target.get("legendFormat") or ""))
            if of_query is not None and not used <= of_query:
                found.append(f"{panel['title']}: {target['legendFormat']}")
            unknown, kept = unknown or of_query is None, kept | (of_query or set())
        for transformation in panel.get("transformations", []):
            names = transformation["options"].get("include", {}).get("names", [])
            columns = {name for name in names if not name.startswith(("Time", "Value"))}
            if not unknown and not columns <= kept:
                found.append(f"{panel['title']}: columns {sorted(columns - kept)}")
    return found


def missing_columns(document: dict[str, Any]) -> list[str]:
    """Links in tables that use a column which the table does not have."""
    found = []
    for panel in data_panels(document):
        renames = [t["options"].get("renameByName", {}) for t in panel.get("transformations", [])]
        columns = {title for names in renames for title in names.values()}
        used = {name for url in links(panel) for name in re.findall(r'__data\.fields\["(.+?)"\]', url)}
        found += [f"{panel['title']}: {name}" for name in sorted(used - columns)]
    return found


def links(part: object) -> list[str]:
    """Every URL in a dashboard's JSON."""
    if isinstance(part, dict):
        own = [part["url"]] if part.get("url") else []
        return own + [url for value in part.values() for url in links(value)]
    return [url for value in part for url in links(value)] if isinstance(part, list) else []
