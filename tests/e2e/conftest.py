"""Fixtures of the end-to-end tests: the cluster, the image, the packaged chart, the operator's Prometheus.

The report of a failed test includes the pods, events and logs of the namespaces that this run created.
"""

import copy
import os
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab import toolchain
from lab.render.chart import stage_chart
from tests.support import image as images
from tests.support.cluster.cluster import Cluster, CommandError, Object, Release, run
from tests.support.cluster.monitoring import NAMESPACE, ModeError, Monitoring, mode
from tests.support.previous import NoHistoryError, Previous

CLUSTER = pytest.StashKey[Cluster]()
FACTS = pytest.StashKey[list[str]]()
EXPLAINED = pytest.StashKey[set[str]]()
NO_CLUSTER = "no cluster is reachable: set KUBECONFIG to a cluster that these tests may install into"
LOADERS = {
    "kind-": "kind load image-archive {archive} --name ",
    "k3d-": "k3d image import {archive} --cluster ",
}


def pytest_configure(config: pytest.Config) -> None:
    config.stash[FACTS] = []
    config.stash[EXPLAINED] = set()
    try:
        mode()
    except ModeError as error:
        raise pytest.UsageError(str(error)) from None
    try:
        config.stash[CLUSTER] = Cluster()
    except (CommandError, toolchain.ToolError) as error:
        config.stash[FACTS].append(f"{NO_CLUSTER} ({str(error).splitlines()[-1]})")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Look at the cluster before anything is installed, and start the measured pods early.

    Their rates are complete only after some minutes, so they are looked at late; in mode bundled their
    Prometheus exists only once the release is installed. The stack of test_upgrade.py must be gone before
    another one is installed. The manifests' target takes a minute or two to appear, in which other tests
    run. The tests that kill Prometheus, and with it the samples that others need, come last.
    """
    first = ["test_doctor.py", "test_the_workloads_start", "test_upgrade.py"]
    rest = "every other test"
    last = [
        "test_the_manifests_start",
        rest,
        "test_manifests.py",
        "test_workload.py",
        "test_watched_service.py",
    ]
    if mode() == "bundled":
        first.remove("test_the_workloads_start")
    places = {name: place for place, name in enumerate([*first, *last])}

    def order(item: pytest.Item) -> int:
        return places.get(item.name, places.get(item.path.name, places[rest]))

    items.sort(key=order)


def pytest_report_header(config: pytest.Config) -> str:
    cluster = config.stash.get(CLUSTER, None)
    return f"E2E MODE: {mode()} | " + (
        f"cluster: {cluster.context}, Kubernetes {cluster.version}" if cluster else NO_CLUSTER
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Iterator[None]:
    report = yield
    cluster = item.config.stash.get(CLUSTER, None)
    # A failed fixture fails every test that uses it: explain the same error only once.
    if report.failed and cluster and str(call.excinfo.value) not in item.config.stash[EXPLAINED]:
        item.config.stash[EXPLAINED].add(str(call.excinfo.value))
        report.sections.append(("the cluster at that time", cluster.explain()))
    return report


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if config.stash[FACTS]:
        terminalreporter.section(f"end to end, mode {mode()}")
        for fact in config.stash[FACTS]:
            terminalreporter.line(fact)


@pytest.fixture(scope="session")
def fact(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """A function that adds a line to the summary."""
    return request.config.stash[FACTS].append


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest, missing_part) -> Iterator[Cluster]:
    """The cluster; at the end, the namespaces that the tests created in it are removed."""
    cluster = request.config.stash.get(CLUSTER, None)
    if cluster is None:
        missing_part(NO_CLUSTER)
    yield cluster
    cluster.close()


@pytest.fixture(scope="session")
def image(cluster: Cluster, fact, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Name of the service's image: given by E2E_IMAGE, or built here and loaded into the cluster."""
    name = os.environ.get("E2E_IMAGE") or images.default_name()
    if not (load := os.environ.get("LOAD_IMAGE") or _load_command(cluster.context)):
        if not os.environ.get("E2E_IMAGE"):
            pytest.fail(
                f"cannot load an image into {cluster.context}, which is neither kind nor k3d: set LOAD_IMAGE "
                "to a command with {archive}, or E2E_IMAGE to an image that the cluster can pull",
                pytrace=False,
            )
        fact(f"image: {name}, provided by the cluster or its registry")
        return name
    archive = tmp_path_factory.mktemp("image") / "image.tar"
    started = time.monotonic()
    try:
        builder = images.build(archive, name)
    except images.ImageError as error:
        pytest.fail(str(error), pytrace=False)
    built = time.monotonic()
    _load(load, archive, name)
    fact(
        f"image: {name} built by {builder} in {built - started:.1f} s, "
        f"loaded in {time.monotonic() - built:.1f} s with {load.split()[0]}"
    )
    return name


def _load(command: str, archive: Path, name: str) -> None:
    """Load an image into the cluster with LOAD_IMAGE or the command of kind or k3d."""
    command = command.replace("{archive}", shlex.quote(str(archive))).replace("{image}", shlex.quote(name))
    done = subprocess.run(
        ["/bin/sh", "-c", command], capture_output=True, text=True, errors="replace", timeout=300, check=False
    )
    if done.returncode != 0:
        pytest.fail(f"{command}\n{done.stderr.strip() or done.stdout.strip()}", pytrace=False)


def _load_command(context: str) -> str:
    """Command that loads an archive into kind or k3d, recognized by the context's name; empty for others."""
    return next(
        (c + shlex.quote(context.removeprefix(p)) for p, c in LOADERS.items() if context.startswith(p)), ""
    )


@pytest.fixture(scope="session")
def previous(tmp_path_factory: pytest.TempPathFactory, fact) -> Previous | None:
    """The version before this one; None, which the summary says, if there is no git history."""
    try:
        return Previous.extract(tmp_path_factory.mktemp("previous"))
    except NoHistoryError as error:
        fact(f"PREVIOUS VERSION: NOT TESTED, upgrades start from this version ({error})")
        return None


@pytest.fixture(scope="session")
def previous_image_values(
    *, previous: Previous | None, image: str, image_values: Object, cluster: Cluster, fact, tmp_path_factory
) -> Object:
    """The `image` values of the previous version, or of this one if no image can be built and loaded."""
    load = os.environ.get("LOAD_IMAGE") or _load_command(cluster.context)
    if previous is None or not load:
        return image_values
    name = f"{image.rpartition(':')[0]}:{previous.revision}"
    archive = tmp_path_factory.mktemp("previous-image") / "image.tar"
    started = time.monotonic()
    previous.build_image(archive, name)
    _load(load, archive, name)
    fact(f"previous version: {name} built and loaded in {time.monotonic() - started:.1f} s")
    return {**image_values, "tag": previous.revision}


@pytest.fixture(scope="session")
def install_previous(
    *, previous: Previous | None, previous_image_values: Object, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Release], None]:
    """A function that installs a release as the previous version, or as this one if there is no history."""

    def install(release: Release) -> None:
        if previous is None:
            release.install()
            return
        values = copy.deepcopy(release.values)
        values["storage-api"]["image"] = previous_image_values
        package = previous.package(tmp_path_factory.mktemp("previous-chart"))
        replace(release, chart=package, values=values).install()

    return install


@pytest.fixture(scope="session")
def image_values(image: str) -> Object:
    """The storage API's `image` values."""
    repository, _, tag = image.rpartition(":")
    return {"registry": "", "repository": repository, "tag": tag, "pullPolicy": "IfNotPresent"}


@pytest.fixture(scope="session")
def chart(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The chart, packaged by `helm package`."""
    folder = tmp_path_factory.mktemp("package")
    run([toolchain.helm(), "package", stage_chart(tmp_path_factory.mktemp("chart")), "--destination", folder])
    return next(folder.glob("*.tgz"))


@pytest.fixture(scope="session")
def monitoring(cluster: Cluster, missing_part) -> Monitoring:
    """The Prometheus that monitors the release; in mode bundled it exists once the release is installed."""
    if mode() == "bundled":
        return Monitoring.bundled(cluster, NAMESPACE)
    if not cluster.serves("prometheuses.monitoring.coreos.com"):
        missing_part("the cluster has no prometheus-operator, and kube-prometheus-stack is not in charts/")
    try:
        return Monitoring.existing(cluster)
    except CommandError as error:
        pytest.fail(str(error), pytrace=False)
