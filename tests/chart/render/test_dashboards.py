"""The dashboards in Grafana: their ConfigMaps, the folders, the home page and the datasources."""

import configparser
import json
import re
import shutil

import pytest
import yaml

from dashboards import DASHBOARDS
from dashboards.config import RUNBOOKS
from lab import ROOT
from lab.render.chart import RenderError, render_chart
from tests.support.documents import DOCUMENTS

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


# --- the user's own dashboards ------------------------------------------------------------------------


def own(uid="shop", title="Shop", **more):
    """The JSON of a dashboard."""
    return json.dumps({"uid": uid, "title": title, "panels": [], **more})


@pytest.mark.parametrize(
    "values",
    [
        {"enabled": "auto", "stack": True},
        {"enabled": "auto", "stack": False},
        {"enabled": False, "stack": True},
        {"enabled": True, "stack": False},
    ],
)
def test_own_dashboards_are_configmaps_like_ours(rendered, values):
    """They are installed whether or not this chart's are: only one release has those."""
    awkward = '\n\n   {"uid": "b", "title": "{{ fail \\"a template\\" }} Größe %d", "panels": []}\r\n\t'
    extra = {"shop": {"json": own()}, "cart": {"json": awkward, "folder": "Team: Cart"}}
    render = rendered(
        {
            "dashboards": {"enabled": values["enabled"], "extra": extra, "annotations": {"a": "b"}},
            STACK: {"enabled": values["stack"], "grafana": {"grafana.ini": {"users": {"home_page": ""}}}},
        }
    )
    found = {o["metadata"]["name"]: o for o in configmaps(render.ours)}
    assert found["platform-dashboard-extra-shop"]["data"] == {"extra-shop.json": own()}
    assert found["platform-dashboard-extra-cart"]["data"] == {"extra-cart.json": awkward}
    for name, folder in (("shop", "Observability Platform"), ("cart", "Team: Cart")):
        metadata = found[f"platform-dashboard-extra-{name}"]["metadata"]
        assert metadata["labels"]["grafana_dashboard"] == "1"
        assert metadata["labels"]["app.kubernetes.io/component"] == "dashboard"
        assert metadata["annotations"] == {"grafana_folder": folder, "a": "b"}
    ours = (
        DASHBOARDS if values["enabled"] is True or (values["enabled"] == "auto" and values["stack"]) else ()
    )
    assert len(found) == 2 + len(ours)


def test_helm_test_expects_own_dashboards_too(rendered):
    extra = {"shop": {"json": own()}, "cart": {"json": own("cart", "Cart"), "folder": "Cart"}}
    render = rendered({**home("/d/shop"), "dashboards": {"enabled": False, "extra": extra}})
    (pod,) = render.find("Pod", "platform-test-grafana")
    environment = {each["name"]: each.get("value") for each in pod["spec"]["containers"][0]["env"]}
    assert json.loads(environment["EXPECTED"]) == {
        "dashboards": {"shop": "Observability Platform", "cart": "Cart"}
    }


def refusals(extra, **values):
    """What the chart says about the user's own dashboards, a line for each error."""
    with pytest.raises(RenderError) as refused:
        render_chart({"dashboards": {"extra": extra}, **values})
    return str(refused.value).split("; dashboards.")


UNUSABLE = [
    ("{", "not a JSON object (unexpected end of JSON input); set it to the JSON of one dashboard"),
    ("shop.json", "not a JSON object (invalid character 's' looking for beginning of value); "),
    ("[]", "not a JSON object (json: cannot unmarshal array"),
    ("null", "has no title; "),
    (own(title=""), "has no title; "),
    (own(title=7), "has no title; "),
    (json.dumps({"dashboard": {"uid": "a", "title": "A"}}), "has no title; "),
    (
        json.dumps({"apiVersion": "dashboard.grafana.app/v2beta1", "spec": {}}),
        "in Grafana's export, choose",
    ),
    (json.dumps({"title": "Shop"}), "has no uid, "),
    (own(uid=None), "has no uid, "),
    (own(uid="a b"), 'Grafana does not accept the uid "a b"; use at most 40 letters, digits, - and _'),
    (own(uid="a" * 41), "Grafana does not accept the uid "),
    (own(uid="a\n"), 'Grafana does not accept the uid "a\\n"; '),
    (own(__inputs=[{"name": "DS_PROMETHEUS"}]), "was exported for sharing, "),
]
"""(the JSON of a dashboard that Grafana would not show, what the chart says about it)"""


def test_an_own_dashboard_that_grafana_would_not_show_is_refused():
    extra = {f"n{index:02}": {"json": text} for index, (text, _) in enumerate(UNUSABLE)}
    for index, (line, (_, message)) in enumerate(zip(refusals(extra), UNUSABLE, strict=True)):
        assert line.removeprefix("dashboards.").startswith(f"extra.n{index:02}.json: ")
        assert message in line


def test_an_own_dashboard_may_not_have_the_uid_of_another():
    taken = {each["uid"]: f"this chart's dashboard {each['title']}" for each in DOCUMENTS.values()}
    taken |= {uid: f"kube-prometheus-stack's dashboard {title}" for uid, title in BUNDLED.items()}
    extra = {f"n{index:02}": {"json": own(uid, f"{index}")} for index, uid in enumerate(taken)}
    lines = refusals(extra)
    assert [re.search(r"the uid (\S+) is also that of (.+), so", line).groups() for line in lines] == list(
        taken.items()
    )


def test_an_own_dashboard_may_have_the_title_of_ours_in_another_folder_only(rendered):
    titles = [each["title"] for each in DOCUMENTS.values()]
    same = {f"n{index}": {"json": own(f"n{index}", title)} for index, title in enumerate(titles)}
    for title, line in zip(titles, refusals(same), strict=True):
        assert f'the title "{title}" is also that of this chart\'s dashboard {title} in the folder' in line
    rendered({"dashboards": {"extra": {name: {**each, "folder": "Shop"} for name, each in same.items()}}})


def test_an_own_dashboard_may_have_the_title_of_the_stacks_in_another_folder_only(rendered):
    text = own(title="etcd")
    (line,) = refusals({"shop": {"json": text, "folder": "Kubernetes"}})
    assert 'is also that of kube-prometheus-stack\'s dashboard etcd in the folder "Kubernetes"' in line
    rendered({"dashboards": {"extra": {"shop": {"json": text}}}})


def test_own_dashboards_may_not_share_a_uid_or_a_title_in_a_folder():
    same = {"a": {"json": own()}, "b": {"json": own()}, "c": {"json": own(uid="c"), "folder": "Elsewhere"}}
    lines = refusals(same)
    assert [line.partition(": ")[2].partition(", so")[0] for line in lines] == [
        "the uid shop is also that of dashboards.extra.a",
        'the title "Shop" is also that of dashboards.extra.a in the folder "Observability Platform"',
    ]
    assert all("extra.b.json: " in line for line in lines)


@pytest.mark.parametrize(
    "values",
    [
        WITHOUT_STACK,
        WITHOUT_GRAFANA,
        {STACK: {"grafana": {"defaultDashboardsEnabled": False}}},
    ],
)
def test_an_own_dashboard_may_replace_one_of_the_stacks_that_is_not_installed(rendered, values):
    rendered({**values, "dashboards": {"extra": {"etcd": {"json": own(*next(iter(BUNDLED.items())))}}}})


def test_the_stacks_dashboards_count_if_they_are_installed_without_grafana():
    values = {STACK: {"grafana": {"enabled": False, "forceDeployDashboards": True}}}
    (line,) = refusals({"shop": {"json": own(uid="vkQ0UHxik")}}, **values)
    assert "kube-prometheus-stack's dashboard CoreDNS" in line


def test_an_own_dashboard_must_fit_into_a_configmap(rendered):
    """The API server counts the bytes of keys and values."""
    limit = 1048576 - len("extra-shop.json")
    text = json.dumps({"uid": "shop", "title": "Shop", "d": "x"})
    text = text.replace('"x"', '"' + "x" * (limit - len(text) + 1) + '"')
    assert len(text) == limit
    rendered({"dashboards": {"extra": {"shop": {"json": text}}}})
    (line,) = refusals({"shop": {"json": text + " "}})
    assert f"has {limit + 1} bytes, more than fit in a ConfigMap (1 MiB)" in line


@pytest.mark.parametrize("folder", ["General", "general"])
def test_grafanas_reserved_folder_is_refused(folder):
    with pytest.raises(RenderError, match=r"dashboards\.folder: Grafana reserves the name"):
        render_chart({"dashboards": {"folder": folder}})
    (line,) = refusals({"shop": {"json": own(), "folder": folder}})
    assert line.startswith("dashboards.extra.shop.folder: Grafana reserves the name")


@pytest.mark.parametrize(
    "extra",
    [
        {"a": {}},
        {"a": {"json": {}}},
        {"a": {"json": own(), "file": "a.json"}},
        {"a": own()},
    ],
)
def test_the_shape_of_own_dashboards_is_checked(extra):
    (line,) = refusals(extra)
    assert "/dashboards/extra" in line


def test_the_names_of_own_dashboards_are_checked():
    (line,) = refusals({"a/b": {"json": own()}})
    assert "'a/b' does not match pattern" in line


def test_a_sidecar_that_would_not_load_own_dashboards_is_refused():
    values = {STACK: {"grafana": {"sidecar": {"dashboards": {"resource": "secret"}}}}}
    with pytest.raises(RenderError, match=r"enabled to false and remove dashboards\.extra"):
        render_chart({"dashboards": {"enabled": False, "extra": {"shop": {"json": own()}}}, **values})


# --- Grafana's home page ------------------------------------------------------------------------------


def home(page, **grafana):
    """Values with a home page of Grafana, and other values of Grafana."""
    return {STACK: {"grafana": {"grafana.ini": {"users": {"home_page": page}}, **grafana}}}


@pytest.mark.parametrize("folder", ["Observability Platform", "Ops & Dev: 100 %"])
def test_grafana_opens_with_the_dashboard_services(rendered, folder):
    """By its address, which does not depend on the folder into which the sidecar writes the file."""
    render = rendered({"dashboards": {"folder": folder}})
    page = render.values[STACK]["grafana"]["grafana.ini"]["users"]["home_page"]
    (services,) = [each for each in documents(render.ours) if each["title"] == "Services"]
    assert page == f"/d/{services['uid']}"
    if not render.stand_in:
        (config,) = render.find("ConfigMap", "observability-platform-grafana")
        ini = configparser.ConfigParser()
        ini.read_string("[DEFAULT]\n" + config["data"]["grafana.ini"])
        assert ini["users"]["home_page"] == page
        assert "default_home_dashboard_path" not in config["data"]["grafana.ini"]


PATH = f"{STACK}.grafana.grafana.ini.users.home_page"
FILE = "/dashboards/home.json"


@pytest.mark.parametrize(
    "values",
    [
        home("/d/observability-platform-service"),
        home("/d/shop/shop?var-service=cart"),
        home("/dashboards"),
        home("", **{"env": {"GF_USERS_HOME_PAGE": "/d/observability-platform-service"}}),
        {**home(""), "dashboards": {"enabled": False}},
        {**home("/d/shop"), "dashboards": {"enabled": False}},
        {**home("/d/observability-platform-services", enabled=False), "dashboards": {"enabled": False}},
        {
            STACK: {
                "grafana": {
                    "grafana.ini": {
                        "users": {"home_page": ""},
                        "dashboards": {"default_home_dashboard_path": FILE},
                    }
                }
            }
        },
        home("", env={"GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH": FILE}),
    ],
)
def test_other_home_pages_are_possible(rendered, values):
    rendered(values)


@pytest.mark.parametrize(
    ("values", "line"),
    [
        (
            {"dashboards": {"enabled": False}},
            f"{PATH}: leads to /d/observability-platform-services, but this dashboard is not installed with "
            'dashboards.enabled: false; set it to "" for Grafana\'s own page, or to the address of another ',
        ),
        (
            {**home("/d/observability-platform-storage-api"), **WITHOUT_API},
            f"{PATH}: leads to /d/observability-platform-storage-api, but this dashboard is not installed; ",
        ),
        (
            home("/d/observability-platform-servcies"),
            f"{PATH}: leads to /d/observability-platform-servcies, ",
        ),
        (
            home("/d/x", env={"GF_USERS_HOME_PAGE": "/d/observability-platform-slo"}),
            f"{STACK}.grafana.env.GF_USERS_HOME_PAGE: leads to /d/observability-platform-slo, ",
        ),
        (
            {STACK: {"grafana": {"grafana.ini": {"dashboards": {"default_home_dashboard_path": FILE}}}}},
            f"{PATH}: is /d/observability-platform-services, so Grafana would ignore its home dashboard",
        ),
        (
            home("/d/a", env={"GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH": FILE}),
            f"{PATH}: is /d/a, so Grafana would ignore its home dashboard {FILE}; ",
        ),
    ],
)
def test_a_home_page_that_grafana_would_not_show_is_refused(values, line):
    with pytest.raises(RenderError) as refused:
        render_chart(values)
    assert str(refused.value).startswith(line)


# --- datasources --------------------------------------------------------------------------------------


TEMPO = {"name": "Tempo", "type": "tempo", "uid": "tempo", "url": "http://tempo.tracing:3200"}
LINK = {"datasourceUid": "tempo", "traceIdLabelName": "trace_id", "urlDisplayLabel": "Trace"}


def traced(link=LINK, sources=(TEMPO,)):
    """Values with datasources of the user's own, and exemplars that lead to one."""
    datasources = {"exemplarTraceIdDestinations": link}
    return {
        STACK: {"grafana": {"additionalDataSources": list(sources), "sidecar": {"datasources": datasources}}}
    }


def test_the_datasources_are_those_that_the_values_name(rendered, needs_package):
    """Dashboards choose theirs by a variable; exemplars lead to the tracing datasource."""
    render = rendered(traced())
    (config,) = render.find("ConfigMap", "observability-platform-grafana-datasource")
    found = {each["uid"]: each for each in yaml.safe_load(config["data"]["datasource.yaml"])["datasources"]}
    assert {uid: each["type"] for uid, each in found.items()} == {
        "prometheus": "prometheus",
        "alertmanager": "alertmanager",
        "tempo": "tempo",
    }
    services = {o["metadata"]["name"] for o in render.find("Service")}
    for uid in ("prometheus", "alertmanager"):
        assert found[uid]["url"].removeprefix("http://").partition(".")[0] in services
    assert found["prometheus"]["jsonData"]["exemplarTraceIdDestinations"] == [
        {"datasourceUid": "tempo", "name": "trace_id", "urlDisplayLabel": "Trace"}
    ]
    (prometheus,) = render.find("Prometheus")
    assert prometheus["spec"]["enableFeatures"] == ["exemplar-storage"]


def test_the_datasource_of_alertmanager_can_be_left_out(rendered, needs_package):
    values = {STACK: {"grafana": {"sidecar": {"datasources": {"alertmanager": {"enabled": False}}}}}}
    (config,) = rendered(values).find("ConfigMap", "observability-platform-grafana-datasource")
    found = yaml.safe_load(config["data"]["datasource.yaml"])["datasources"]
    assert [each["uid"] for each in found] == ["prometheus"]


@pytest.mark.parametrize(
    ("values", "line"),
    [
        (traced({"datasourceUid": "tempo"}), "exemplarTraceIdDestinations: lacks traceIdLabelName"),
        (traced({"traceIdLabelName": "trace_id"}), "exemplarTraceIdDestinations: lacks datasourceUid"),
        (
            {STACK: traced()[STACK] | {"prometheus": {"prometheusSpec": {"enableFeatures": []}}}},
            "prometheusSpec.enableFeatures: lacks exemplar-storage",
        ),
        (
            traced(sources=[TEMPO, {**TEMPO, "name": "Other"}]),
            "additionalDataSources: Other has the uid of another datasource, tempo; ",
        ),
        (
            traced(sources=[TEMPO, {**TEMPO, "uid": "other"}]),
            "additionalDataSources: Tempo has the name of another datasource, Tempo; ",
        ),
        (
            traced(sources=[TEMPO, {**TEMPO, "name": "Mine", "uid": "prometheus"}]),
            "additionalDataSources: Mine has the uid of another datasource, prometheus; ",
        ),
        (
            traced(sources=[TEMPO, {**TEMPO, "name": "Alertmanager", "uid": "mine"}]),
            "additionalDataSources: Alertmanager has the name of another datasource, Alertmanager; ",
        ),
    ],
)
def test_datasources_that_contradict_each_other_are_refused(values, line):
    with pytest.raises(RenderError) as refused:
        render_chart(values)
    assert str(refused.value).startswith(f"{STACK}.")
    assert line in str(refused.value)


def test_a_datasource_may_have_the_uid_of_one_that_is_not_created(rendered):
    values = traced(sources=[TEMPO, {**TEMPO, "name": "Alertmanager", "uid": "alertmanager"}])
    values[STACK]["grafana"]["sidecar"]["datasources"]["alertmanager"] = {"enabled": False}
    rendered(values)
