"""The table of alerts that are pending or firing, which several dashboards have."""

from grafana_foundation_sdk.builders import table

from dashboards.colors import CRITICAL, DRILL, WARNING, values
from dashboards.config import RUNBOOKS
from dashboards.tables import Column, table_of

NOTHING = {
    False: "no pending or firing alert is recorded",
    True: "no pending or firing alert is recorded, and no fault",
}
"""Texts of empty tables. They say "recorded", because without rules there are no alerts either."""
STATES = {"firing": (None, CRITICAL), "pending": (None, WARNING), "drill": (None, DRILL)}


def age(selector: str) -> str:
    """PromQL for the seconds since each alert became active, with the labels that the table shows."""
    alerts = f'{selector}, severity=~"critical|warning"'
    return (
        "max by (alertname, alertstate, severity, namespace, slo_service, runbook) (\n"
        f"  (time() - ALERTS_FOR_STATE{{{alerts}}})\n"
        f"  * ignoring (alertstate) group_right () ALERTS{{{alerts}}}\n)"
    )


def faults(selector: str) -> str:
    """PromQL for the faults that are switched on, with their names where alerts have theirs."""
    named = f'label_replace(service:fault:active{{{selector}}} > 0, "alertname", "$1", "fault", "(.+)")'
    return f'label_replace({named}, "alertstate", "drill", "", "")'


def alert_table(title: str, description: str, selector: str, *, of_one_service: bool = False) -> table.Panel:
    """The alerts that `selector` selects, oldest first; of one service also faults that are on."""
    state = {"label": "alertstate", "background": {}, "mappings": [values(STATES)]}
    runbook = ("Open the runbook", f"{RUNBOOKS}/${{__value.text}}")
    columns = [
        Column("Alert", label="alertname", width=170, wide=True),
        Column("State", faults(selector) if of_one_service else "", **state),
        Column("Age", age(selector), unit="s"),
        Column("Severity", label="severity"),
        # Faults have no runbook, and a dash would be a link.
        Column("Runbook", label="runbook", width=150, wide=True, link=runbook, nothing=" "),
    ]
    if not of_one_service:
        columns += [
            Column("Service", label="slo_service", width=180),
            Column("Namespace", label="namespace", width=130),
        ]
    return table_of(title, description, columns, ["Age"], empty=NOTHING[of_one_service]).height(6)
