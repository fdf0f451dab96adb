"""The GitOps examples: they render, use server-side apply, and the tools' own labels break nothing."""

import copy
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from lab import ROOT
from lab.render.chart import Render
from tests.support.chart.wiring import selects

INSTANCE = "app.kubernetes.io/instance"


@dataclass(frozen=True)
class Example:
    name: str
    """Name of the Application or HelmRelease."""
    release: str
    files: list[str]
    values: dict[str, Any]


def argo_cd():
    application = yaml.safe_load((ROOT / "deploy/gitops/argo-cd.yaml").read_text())
    assert "ServerSideApply=true" in application["spec"]["syncPolicy"]["syncOptions"]
    helm = application["spec"]["source"]["helm"]
    return Example(
        application["metadata"]["name"], helm["releaseName"], helm["valueFiles"], helm["valuesObject"]
    )


def flux():
    _, release = yaml.safe_load_all((ROOT / "deploy/gitops/flux.yaml").read_text())
    spec = release["spec"]
    assert spec["install"]["serverSideApply"] is True
    assert spec["upgrade"]["serverSideApply"] == "enabled"
    assert spec["upgrade"]["crds"] == "CreateReplace"
    files = spec["chart"]["spec"]["valuesFiles"]
    return Example(release["metadata"]["name"], spec["releaseName"], files, spec["values"])


def render_of(example, rendered) -> Render:
    files = [str(ROOT / name) for name in example.files]
    return rendered(example.values, value_files=files, release=example.release)


@pytest.mark.parametrize("read", [argo_cd, flux])
def test_the_examples_render_without_generated_secrets(rendered, read):
    render = render_of(read(), rendered)
    assert render.values["global"]["gitops"] is True
    assert not [o for o in render.ours if o["kind"] == "Secret"]


def labelled(objects, labels):
    """Return the objects as a GitOps tool applies them: its own labels replace those of the same name."""
    changed = copy.deepcopy(objects)
    for o in changed:
        o["metadata"]["labels"] = {**o["metadata"].get("labels", {}), **labels}
    return changed


def scraped(objects):
    """Return the names of the Services that each ServiceMonitor selects, by the monitor's name."""
    services = [o for o in objects if o["kind"] == "Service"]
    return {
        o["metadata"]["name"]: {
            each["metadata"]["name"]
            for each in services
            if selects(o["spec"]["selector"], each["metadata"]["labels"])
        }
        for o in objects
        if o["kind"] == "ServiceMonitor"
    }


def written_by_argo_cd(application):
    return {INSTANCE: application}


def written_by_flux(release):
    prefix = "helm.toolkit.fluxcd.io"
    return {f"{prefix}/name": release, f"{prefix}/namespace": "flux-system"}


@pytest.mark.parametrize(("read", "written"), [(argo_cd, written_by_argo_cd), (flux, written_by_flux)])
def test_labels_of_a_gitops_tool_hide_no_service_from_its_monitor(rendered, read, written):
    example = read()
    objects = render_of(example, rendered).objects
    before = scraped(objects)
    assert before[f"{example.release}-storage-api"] == {f"{example.release}-storage-api"}
    assert scraped(labelled(objects, written(example.name))) == before


def test_an_application_not_named_like_the_release_hides_services(rendered):
    """The example warns of this. It also proves that the test above can fail."""
    render = render_of(argo_cd(), rendered)
    before, after = scraped(render.objects), scraped(labelled(render.objects, written_by_argo_cd("other")))
    lost = {name for name in before if before[name] != after[name]}
    bundled = {
        f"observability-platform-{part}" for part in ("grafana", "kube-state-metrics", "node-exporter")
    }
    assert lost == {"platform-storage-api"} | (set() if render.stand_in else bundled)
