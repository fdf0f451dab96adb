"""The packaged chart as a dependency of another chart, under its own name and under an alias."""

import json
import subprocess

import pytest
import yaml

from lab.render.chart import NAMESPACE, RELEASE, KubernetesLoader

CHART = "observability-platform"
# A fixed password, so that renders are equal.
VALUES = {"kube-prometheus-stack": {"grafana": {"adminPassword": "fixed"}}}
# Labels with the chart's name, which an alias changes.
NAME_LABELS = ("app.kubernetes.io/name", "helm.sh/chart")


@pytest.fixture(scope="module")
def package(helm, staged, tmp_path_factory):
    folder = tmp_path_factory.mktemp("package")
    done = helm("package", staged, "--destination", folder)
    assert done.returncode == 0, done.stderr
    (file,) = folder.glob("*.tgz")
    return file


@pytest.fixture(scope="module", params=[None, "monitoring"], ids=["own name", "alias"])
def parent(request, package, tmp_path_factory):
    """A chart that depends on the package, and the name or alias of that dependency."""
    folder = tmp_path_factory.mktemp("parent")
    name = request.param or CHART
    version = package.name.removeprefix(f"{CHART}-").removesuffix(".tgz")
    dependency = {"name": CHART, "version": version, "repository": "", "condition": f"{name}.enabled"}
    if request.param:
        dependency["alias"] = request.param
    chart = {"apiVersion": "v2", "name": "company", "version": "1.2.3", "dependencies": [dependency]}
    (folder / "Chart.yaml").write_text(json.dumps(chart))
    (folder / "charts").mkdir()
    (folder / "charts" / package.name).write_bytes(package.read_bytes())
    return folder, name


def template(helm, chart, values, *options):
    command = ["template", RELEASE, chart, "--namespace", NAMESPACE, "--values", "-", *options]
    return helm(*command, given=json.dumps(values))


def objects(text):
    return [o for o in yaml.load_all(text, Loader=KubernetesLoader) if o]


def identity(o):
    return o["kind"], o["metadata"].get("namespace", ""), o["metadata"]["name"]


def without_name(o):
    """Remove the labels with the chart's name from an object, and return it."""
    labels = o["metadata"].get("labels", {})
    for key in NAME_LABELS if labels.get("app.kubernetes.io/part-of") == CHART else ():
        labels.pop(key)
    return o


@pytest.fixture(scope="module")
def objects_alone(helm, package):
    done = template(helm, package, VALUES)
    assert done.returncode == 0, done.stderr
    return [without_name(o) for o in objects(done.stdout)]


def test_a_parent_chart_renders_the_same_objects_as_the_chart_alone(helm, parent, objects_alone):
    """Includes test pods with their scripts and expectations, dashboards and the dependency's objects."""
    chart, name = parent
    done = template(helm, chart, {name: {**VALUES, "enabled": True}})
    assert done.returncode == 0, done.stderr
    found = [without_name(o) for o in objects(done.stdout)]
    assert sorted(map(identity, found)) == sorted(map(identity, objects_alone))
    ours = [
        o for o in objects_alone if o["metadata"].get("labels", {}).get("app.kubernetes.io/part-of") == CHART
    ]
    assert {"ConfigMap", "Pod", "PrometheusRule", "StatefulSet"} <= {o["kind"] for o in ours}
    assert [o for o in ours if o not in found] == []


def test_the_condition_of_the_dependency_disables_the_chart(helm, parent):
    chart, name = parent
    done = template(helm, chart, {name: {"enabled": False}})
    assert done.returncode == 0, done.stderr
    assert objects(done.stdout) == []


def test_the_notes_of_a_parent_chart_name_the_services(helm, parent):
    chart, name = parent
    options = ["--namespace", NAMESPACE, "--dry-run=client", "--output", "json", "--render-subchart-notes"]
    done = helm("install", RELEASE, chart, *options, "--values", "-", given=json.dumps({name: VALUES}))
    assert done.returncode == 0, done.stderr
    notes = json.loads(done.stdout)["info"]["notes"]
    assert "port-forward service/platform-storage-api 5000:5000" in notes
    assert "port-forward service/observability-platform-prometheus 9090:9090" in notes


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"storage-api": {"replicas": 2}}, "storage-api.replicas"),
        ({"storage-api": {"ingress": {"enabled": True}}}, "storage-api.ingress.hosts"),
        ({"alerting": {"enabled": True}}, "alerting.critical"),
    ],
)
def test_a_contradiction_is_refused_with_its_path_in_the_parent_chart(helm, parent, values, path):
    chart, name = parent
    done = template(helm, chart, {name: values})
    assert done.returncode != 0
    assert f"{name}.{path}: " in done.stderr


def test_other_global_values_of_the_parent_are_accepted(helm, parent):
    chart, _ = parent
    shared = {"imageRegistry": "registry.example", "storageClass": "fast", "domain": "a.example"}
    done = template(helm, chart, {"global": shared})
    assert done.returncode == 0, done.stderr
    images = [c["image"] for o in objects(done.stdout) if o["kind"] == "Pod" for c in o["spec"]["containers"]]
    assert images
    assert [image for image in images if not image.startswith("registry.example/")] == []


def test_no_template_is_included_by_the_path_of_a_file(staged):
    """Such a path begins with the installed chart's name, which is not ours if ours is a dependency."""
    done = subprocess.run(
        ["grep", "-rnE", r'include +"[^"]*/', staged / "templates", staged / "charts/storage-api"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == ""
