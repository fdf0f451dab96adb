"""The storage API's and the platform's own alerts fire in their minute and in no other, by promtool."""

from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import yaml

from tests.rules.own_alerts import CASES, TEXTS, Case, neighbours


def evaluate(promtool, folder: Path, rule: dict, case: Case, questions: list[dict]) -> CompletedProcess[str]:
    """Run promtool's unit test of a rule on a case; if that is silent, its neighbours are in trouble."""
    unaffected = case.alert.startswith("StorageApi") and not case.fires
    series = case.series | (neighbours(case) if unaffected else {})
    test = {
        "name": case.about,
        "interval": "30s",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": questions,
    }
    groups = [{"name": "alerts", "rules": [rule]}]
    (folder / "rules.yaml").write_text(yaml.safe_dump({"groups": groups}))
    (folder / "tests.yaml").write_text(
        yaml.safe_dump({"rule_files": ["rules.yaml"], "evaluation_interval": "30s", "tests": [test]})
    )
    return promtool("test", "rules", folder / "tests.yaml")


def asked(case: Case, rule: dict) -> Iterator[dict]:
    """One question for each minute of a case."""
    first, end = case.fires or (0, 0)
    for minute in range(case.minutes + 1):
        alerts = [{"exp_labels": rule["labels"] | case.labels}] if first <= minute < end else []
        yield {"eval_time": f"{minute}m", "alertname": case.alert, "exp_alerts": alerts}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.alert} {case.about}")
def test_an_alert_fires_in_its_minutes_only(own_alerts, promtool, tmp_path, case):
    rule = own_alerts[case.alert]
    bare = {key: value for key, value in rule.items() if key != "annotations"}
    done = evaluate(promtool, tmp_path, bare, case, list(asked(case, rule)))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("alert", TEXTS)
def test_summary_and_description_give_figures(own_alerts, promtool, tmp_path, alert):
    case = next(case for case in CASES if case.alert == alert and case.fires)
    rule = own_alerts[alert]
    fires = {"exp_labels": rule["labels"] | case.labels, "exp_annotations": TEXTS[alert]}
    question = {"eval_time": f"{case.fires[0]}m", "alertname": alert, "exp_alerts": [fires]}
    done = evaluate(promtool, tmp_path, rule, case, [question])
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_case_in_which_it_fires_and_cases_in_which_it_does_not(own_alerts):
    firing = {case.alert for case in CASES if case.fires}
    silent = {case.alert for case in CASES if not case.fires}
    assert firing == silent == TEXTS.keys() == own_alerts.keys()
