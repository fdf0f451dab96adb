"""Mutants of rules: rules with one small fault each, which the proof has to notice."""

import re
from collections.abc import Iterator

from tests.support.mutation.expressions import changes
from tests.support.slo.rules import RECORDED, Rule


def mutants(rule: Rule) -> Iterator[tuple[str, Rule]]:
    """Each mutant of a rule, with what was changed."""
    for what, expr in changes(rule["expr"]):
        yield what, {**rule, "expr": expr}
    for name in ("for", "keep_firing_for"):
        if name in rule:
            yield f"without {name}", {key: value for key, value in rule.items() if key != name}
            doubled = re.sub(r"\d+", lambda number: str(2 * int(number[0])), rule[name])
            yield f"{name} {doubled}", {**rule, name: doubled}
    for label in rule["labels"]:
        kept = {name: value for name, value in rule["labels"].items() if name != label}
        # test_texts.py checks runbooks. A record's own labels stay if a rule reads it.
        inherited = label in ("namespace", "slo", "slo_indicator", "slo_service") and RECORDED.search(
            rule["expr"]
        )
        if label != "runbook" and not inherited:
            yield f"without the label {label}", {**rule, "labels": kept}
    if "alert" in rule:
        yield "with a name that all services share", {**rule, "alert": rule["alert"].removeprefix("Checkout")}
    if found := re.match(r"sum_over_time\(slo:bad_requests:rate5m(\{.*?\})(\[\w+\])\)\s*/", rule["expr"]):
        average = f"avg_over_time(slo:bad_requests_per_requests:ratio_rate5m{found[1]}{found[2]})"
        yield "the average of ratios", {**rule, "expr": average}
