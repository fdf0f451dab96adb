"""The dashboards in Grafana: their ConfigMaps, the folders, the home page and the datasources."""

import json
import re
import shutil

import pytest
import yaml

from dashboards import DASHBOARDS
from dashboards.config import RUNBOOKS
from lab import ROOT
from lab.render.chart import RenderError, render_chart

STACK = "kube-prometheus-stack"
BUNDLED = yaml.safe_load((ROOT / "files/stack-dashboards.yaml").read_text())
# Values with which kube-prometheus-stack installs all of its dashboards.
ALL_BUNDLED = {
    STACK: {
        "coreDns": {"enabled": True},
        "kubeEtcd": {"enabled": True},
        "windowsMonitoring": {"enabled": True},
        "nodeExporter": {"operatingSystems": {"aix": {"enabled": True}, "darwin": {"enabled": True}}},
        "prometheus": {"prometheusSpec": {"remoteWriteDashboards": True}},
        "grafana": {
            "sidecar": {
                "dashboards": {"multicluster": {"global": {"enabled": True}, "etcd": {"enabled": True}}}
            }
        },
    }
}


def configmaps(objects):
    """The ConfigMaps that Grafana's sidecar loads as dashboards."""
    return [
        o
        for o in objects
        if o["kind"] == "ConfigMap" and "grafana_dashboard" in o["metadata"].get("labels", {})
    ]


def documents(objects):
    return [json.loads(text) for o in configmaps(objects) for text in o["data"].values()]


# --- kube-prometheus-stack's dashboards ---------------------------------------------------------------


def test_our_list_of_the_stacks_dashboards_is_complete(rendered, needs_package):
    render = rendered(ALL_BUNDLED)
    theirs = [o for o in render.objects if o not in render.ours]
    assert {each["uid"]: each["title"] for each in documents(theirs)} == BUNDLED


# --- ConfigMaps ---------------------------------------------------------------------------------------


WITHOUT_STACK = {STACK: {"enabled": False}}
WITHOUT_GRAFANA = {STACK: {"grafana": {"enabled": False}}}
WITHOUT_API = {"storage-api": {"enabled": False}}


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ({}, DASHBOARDS),
        (WITHOUT_GRAFANA, ()),
        (WITHOUT_STACK, ()),
        ({**WITHOUT_STACK, "dashboards": {"enabled": True}}, DASHBOARDS),
        ({**WITHOUT_GRAFANA, "dashboards": {"enabled": True}}, DASHBOARDS),
        (WITHOUT_API, DASHBOARDS.keys() - {"storage-api"}),
        ({"slo": {"enabled": False}}, DASHBOARDS),
    ],
)
def test_a_dashboard_is_a_configmap_of_its_own(rendered, values, names):
    found = configmaps(rendered(values).ours)
    assert {o["metadata"]["name"]: list(o["data"]) for o in found} == {
        f"platform-dashboard-{name}": [f"{name}.json"] for name in names
    }


def test_labels_folder_and_annotations_come_from_the_values(rendered):
    given = {
        "enabled": True,
        "labels": {"grafana_dashboard": "yes", "team": "a"},
        "folderAnnotation": "k8s-sidecar-target-directory",
        "folder": "Shop: 100 % #1",
        "annotations": {"argocd.argoproj.io/sync-options": "ServerSideApply=true"},
    }
    found = configmaps(rendered({**WITHOUT_STACK, "dashboards": given}).ours)
    assert len(found) == len(DASHBOARDS)
    for o in found:
        assert o["metadata"]["labels"].items() >= given["labels"].items()
        assert o["metadata"]["annotations"] == {
            "k8s-sidecar-target-directory": "Shop: 100 % #1",
            "argocd.argoproj.io/sync-options": "ServerSideApply=true",
        }


@pytest.mark.parametrize("folder", ["", " ", "/srv/shop", "Team/Shop", "Shop/", "..", ".shop", "Shop "])
def test_a_folder_that_grafana_would_not_show_is_refused(folder):
    """Grafana names a folder by the last part of its path, and skips hidden ones."""
    with pytest.raises(RenderError, match=r"dashboards[./]folder"):
        render_chart({"dashboards": {"folder": folder}})


def test_helm_test_expects_exactly_the_installed_dashboards(rendered):
    render = rendered()
    (pod,) = render.find("Pod", "platform-test-grafana")
    environment = {each["name"]: each.get("value") for each in pod["spec"]["containers"][0]["env"]}
    assert json.loads(environment["EXPECTED"])["dashboards"] == {
        each["uid"]: "Observability Platform" for each in documents(render.ours)
    }


# --- links to runbooks --------------------------------------------------------------------------------


def test_the_template_replaces_the_address_that_the_dashboards_use():
    assert f'"{RUNBOOKS}"' in (ROOT / "templates/_dashboards.tpl").read_text()


@pytest.fixture
def linked(tmp_path):
    """A chart with one more dashboard, whose links to runbooks have links before, after and around them."""
    for entry in ROOT.iterdir():
        if entry.name != "dashboards":
            (tmp_path / entry.name).symlink_to(entry)
    shutil.copytree(ROOT / "dashboards", tmp_path / "dashboards")
    runbook = {"title": "Runbook", "url": RUNBOOKS + "/${__data.fields.runbook}", "targetBlank": True}
    other = {"title": "{{service}}", "url": "/d/x?${__url_time_range}", "targetBlank": True}
    lists = [[runbook], [runbook, other], [other, runbook], [other, runbook, other], [other], [runbook] * 2]
    document = {"uid": "x", "title": "X", "links": lists}
    for name, indent in (("wide", 2), ("compact", None)):
        text = json.dumps(document, indent=indent, sort_keys=True)
        (tmp_path / f"dashboards/{name}.json").write_text(text)
    return tmp_path


@pytest.mark.parametrize("name", ["wide", "compact"])
@pytest.mark.parametrize(
    ("address", "link"),
    [
        ("https://git.example/runbooks", "https://git.example/runbooks/${__data.fields.runbook}"),
        ("https://git.example/runbooks/", "https://git.example/runbooks/${__data.fields.runbook}"),
        ('https://git.example/?a="1"&b=', 'https://git.example/?a="1"&b=/${__data.fields.runbook}'),
        ("", None),
    ],
)
def test_links_to_runbooks_have_the_address_of_the_values(linked, name, address, link):
    """Without an address they are left out: a link must lead somewhere."""
    render = render_chart({"global": {"monitoring": {"runbookUrl": address}}}, root=linked)
    (text,) = [o["data"][f"{name}.json"] for o in configmaps(render.ours) if f"{name}.json" in o["data"]]
    counts = [[each["url"] for each in links] for links in json.loads(text)["links"]]
    other = "/d/x?${__url_time_range}"
    expected = [[link], [link, other], [other, link], [other, link, other], [other], [link, link]]
    assert counts == [[url for url in urls if url] for urls in expected]


@pytest.mark.parametrize("address", ["", "https://git.example/runbooks"])
def test_dashboards_differ_from_their_files_in_links_to_runbooks_only(rendered, address):
    render = rendered({"global": {"monitoring": {"runbookUrl": address}}})
    for o in configmaps(render.ours):
        for name, text in o["data"].items():
            assert RUNBOOKS not in text
            document = json.loads((ROOT / "dashboards" / name).read_text())
            assert json.loads(text) == _linked(document, address)


def _linked(value, address):
    """A dashboard with the address of the runbooks in its links, or without these links."""
    if isinstance(value, list):
        gone = [each for each in value if isinstance(each, dict) and RUNBOOKS in each.get("url", "")]
        return [_linked(each, address) for each in value if address or each not in gone]
    if isinstance(value, dict):
        return {key: _linked(each, address) for key, each in value.items()}
    return re.sub(re.escape(RUNBOOKS), address, value) if isinstance(value, str) else value
