"""The presets of ci/ in the lab: each one runs, or is refused at once with what it needs."""

import signal
import time

import pytest

from lab import ROOT
from lab.cli import main
from lab.plan import make_plan
from lab.platform import VALUES
from lab.ports import Ports
from lab.render import workload
from lab.render.chart import render_chart
from lab.render.stack import Stack

BUCKET = "access to the bucket storage-api (storage-api.store.type: {})"
SECRETS = "the Secret storage-api-s3, the Secret of storage-api.auth.existingSecret"
REFUSED = {
    "eks": BUCKET.format("s3"),
    "gke": BUCKET.format("gcs"),
    "aks": BUCKET.format("azure"),
    "staging": f"{BUCKET.format('s3').replace('storage-api ', 'storage-api-staging ', 1)}, {SECRETS}",
    "prod": f"{BUCKET.format('s3')}, {SECRETS}",
    "prod-ha": f"{BUCKET.format('s3')}, {SECRETS}",
}
RUN = ("byo-operator", "dev", "kind", "remote-write", "thanos")


@pytest.fixture
def up(tmp_path, monkeypatch, capsys):
    """Return a function that runs `python -m lab up` in this process: its exit status and stderr."""
    handler = signal.getsignal(signal.SIGTERM)
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("LAB_DIR", str(tmp_path / "lab"))

    def run(**variables: str) -> tuple[int, str]:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return main(["up"]), capsys.readouterr().err

    yield run
    signal.signal(signal.SIGTERM, handler)


def rendered(values=None, *presets):
    files = [VALUES, *(ROOT / f"ci/{preset}-values.yaml" for preset in presets)]
    return render_chart(values, value_files=files)


def test_every_preset_is_either_run_or_refused():
    found = {path.name.removesuffix("-values.yaml") for path in (ROOT / "ci").glob("*-values.yaml")}
    assert found == {*RUN, *REFUSED}


@pytest.mark.parametrize("preset, needs", REFUSED.items(), ids=REFUSED)
def test_a_preset_for_a_cloud_is_refused_at_once_in_one_line(up, tmp_path, preset, needs):
    started = time.monotonic()
    status, said = up(VALUES=f"ci/{preset}-values.yaml", PORT="1")  # refused before ports are checked
    assert time.monotonic() - started < 30
    assert status == 1
    (line,) = [each for each in said.splitlines() if each.startswith("up: ")]
    assert line == (
        f"up: these values (ci/{preset}-values.yaml) need {needs}, which the lab does not have; "
        "try ci/dev-values.yaml, or override these values in a file of your own after it"
    )
    assert not (tmp_path / "lab" / "state.json").exists()


@pytest.mark.parametrize("preset", RUN)
def test_presets_that_run_have_no_unmet_needs(preset):
    assert workload.needs(rendered(None, preset)) == []


@pytest.mark.parametrize(
    "store",
    [
        {"type": "s3", "s3": {"bucket": "bucket", "accessKeyId": "key", "secretAccessKey": "secret"}},
        {"type": "s3", "s3": {"bucket": "bucket", "endpoint": "http://127.0.0.1:9000"}},
        {
            "type": "azure",
            "azure": {"account": "account", "container": "objects", "endpoint": "http://127.0.0.1:10000"},
        },
    ],
    ids=["keys", "endpoint", "azure-endpoint"],
)
def test_a_bucket_with_keys_or_an_endpoint_is_not_refused(store):
    assert workload.needs(rendered({"storage-api": {"store": store}})) == []


@pytest.mark.parametrize(
    "values, presets, why",
    [
        (None, ["byo-operator"], "kube-prometheus-stack.enabled: false"),
        (
            {"kube-prometheus-stack": {"prometheus": {"enabled": False}}},
            [],
            "kube-prometheus-stack.prometheus.enabled: false",
        ),
    ],
    ids=["stack", "prometheus"],
)
def test_the_lab_runs_a_prometheus_that_the_values_do_not_install(tmp_path, values, presets, why):
    render = rendered(values, *presets)
    plan = make_plan(render, Ports.free(), tmp_path)
    assert f"these values install no prometheus ({why}); the lab runs one anyway" in plan.notes
    assert not [note for note in plan.notes if "does not select it" in note]
    (prometheus,) = [command for command in plan.commands if command.name == "prometheus"]
    assert (
        "job_name: serviceMonitor/observability/platform-storage-api/0" in prometheus.files["prometheus.yml"]
    )


def test_installed_parts_are_not_reported_as_missing():
    stack = Stack.of(rendered())
    assert [
        stack.not_installed(part) for part in ("storage-api", "prometheus", "alertmanager", "grafana")
    ] == [""] * 4
