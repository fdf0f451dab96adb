"""The table of alerts that are pending or firing, which several dashboards have."""

from grafana_foundation_sdk.builders import table

from dashboards.colors import CRITICAL, DRILL, WARNING, values
from dashboards.config import RUNBOOKS
from dashboards.tables import Column, table_of

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


def alert_table(title: str, description: str, selector: str, *, drills: bool = False) -> table.Panel:
    """The alerts that `selector` selects, oldest first; with `drills` also faults that are switched on."""
    state = {"label": "alertstate", "width": 90, "background": {}, "mappings": [values(STATES)]}
    columns = [
        Column("Alert", label="alertname", width=280),
        Column("State", faults(selector) if drills else "", **state),
        Column("Age", age(selector), unit="s", width=110),
        Column("Severity", label="severity", width=90),
        Column("Runbook", label="runbook", link=("Open the runbook", f"{RUNBOOKS}/${{__value.text}}")),
        Column("Service", label="slo_service"),
        Column("Namespace", label="namespace"),
    ]
    return table_of(title, description, columns, ["Age"], empty="nothing").height(6)
