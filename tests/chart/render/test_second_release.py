"""A second release in the same cluster, without the stack, must not duplicate objects of the first."""

import json

import pytest

from lab import ROOT
from lab.render.chart import load_yaml
from tests.support.chart.axes import presets
from tests.support.chart.notes import notes

STACK = "kube-prometheus-stack"
WITHOUT_STACK = {STACK: {"enabled": False}}


def dashboards(render):
    """The uid of each of our dashboards."""
    texts = [text for o in render.ours if o["kind"] == "ConfigMap" for text in o["data"].items()]
    return [json.loads(text)["uid"] for name, text in texts if name.endswith(".json")]


def test_two_releases_install_each_dashboard_once(rendered):
    """Grafana stops updating all dashboards of a provider if one is present twice."""
    first, second = rendered(release="one"), rendered(WITHOUT_STACK, release="two", namespace="other")
    brought = [*dashboards(first), *dashboards(second)]
    assert len(brought) == len(list((ROOT / "dashboards").glob("*.json")))
    assert len(set(brought)) == len(brought)


def test_two_releases_share_no_object(rendered):
    def names(render):
        return {(o["kind"], o["metadata"]["namespace"], o["metadata"]["name"]) for o in render.ours}

    assert not names(rendered(release="one")) & names(rendered(WITHOUT_STACK, release="two"))


@pytest.mark.parametrize(
    ("values", "brings"),
    [
        ({}, True),
        (WITHOUT_STACK, False),
        ({STACK: {"grafana": {"enabled": False}}}, False),
        ({"dashboards": {"enabled": True}, **WITHOUT_STACK}, True),
        (
            {
                "dashboards": {"enabled": False},
                STACK: {"grafana": {"grafana.ini": {"users": {"home_page": ""}}}},
            },
            False,
        ),
    ],
)
def test_dashboards_are_installed_with_grafana_by_default(rendered, values, brings):
    assert bool(dashboards(rendered(values))) == brings
    said = notes(values)
    grafana = values.get(STACK, {}).get("enabled", True) and values.get(STACK, {}).get("grafana", {}).get(
        "enabled", True
    )
    assert ("This chart's dashboards are not installed" in said) == (not grafana and not brings)
    assert ("Install them with one release only" in said) == (not grafana and brings)
    assert ('dashboards in the folder "' in said) == (grafana and brings)


@pytest.mark.parametrize("preset", presets())
def test_a_preset_without_the_stack_enables_the_dashboards(preset):
    """These presets are for a Grafana that the user runs; nothing else would install our dashboards there."""
    for path in presets()[preset]:
        values = load_yaml(path.read_text())
        if values.get(STACK, {}).get("enabled") is False:
            assert values["dashboards"]["enabled"] is True
