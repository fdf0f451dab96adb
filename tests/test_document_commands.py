"""Every command in README.md and docs/ is run, or is checked as far as possible without what it needs."""

import functools
import re
import subprocess
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from lab import ROOT, toolchain
from lab.render.chart import dependency_package, render_chart, stage_chart
from storage_api.api.app import create_app
from storage_api.config import Config
from storage_api.stores import MemoryStore
from tests.support import kubectl_words
from tests.support.commands import DOCUMENTS, Block, blocks, commands

NEEDS = {"cluster", "collector", "commit", "docker", "kind", "lab", "port-forward", "registry", "storage-api"}
"""What a block may need: a cluster with the release, a running lab, the ports that the page forwards, ..."""
CHECKOUT = "services: {checkout: {namespace: shop, preset: otel-http, scrape: {port: http}}}"
YOURS = {
    "my-values.yaml": f"slo: {{{CHECKOUT}}}",
    "services.yaml": CHECKOUT,
    "shop.json": '{"uid": "shop-overview", "title": "Shop", "panels": []}',
    "objstore.yml": "type: FILESYSTEM",
}
"""Files that a reader has and the repository has not."""
FILTERS = {"grep", "head", "sort", "uniq", "openssl"}
ADDRESSES = {
    "localhost:5000": "service/platform-storage-api 5000",
    "localhost:8080": "service/checkout 8080",
    "localhost:9090": "service/observability-platform-prometheus 9090",
    "localhost:9093": "service/observability-platform-alertmanager 9093",
}
"""The addresses of port-forwards, and how a page that uses one must make it."""
NOWHERE = "127.0.0.1:1"
RUN = {"template", "lint", "show"}
"""The commands of helm that need no cluster."""

ALL = [block for document in DOCUMENTS for block in blocks(document)]
each_block = pytest.mark.parametrize("block", ALL, ids=str)


def run(*command: str | Path, cwd: Path = ROOT, **options: Any) -> subprocess.CompletedProcess[str]:
    options = {"capture_output": True, "text": True, "timeout": 120, "check": False, **options}
    return subprocess.run(command, cwd=cwd, **options)  # noqa: PLW1510 (check is in the options)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder in which documented commands find the chart and the reader's files."""
    folder = stage_chart(tmp_path_factory.mktemp("reader"))
    for name in ("ci", "Dockerfile", "deploy"):
        (folder / name).symlink_to(ROOT / name)
    for name, text in YOURS.items():
        (folder / name).write_text(text, encoding="utf-8")
    nowhere = {"cluster": {"server": f"http://{NOWHERE}"}, "name": "nowhere"}
    context = {"context": {"cluster": "nowhere", "user": "nobody"}, "name": "nowhere"}
    config = {"clusters": [nowhere], "contexts": [context], "current-context": "nowhere"}
    (folder / "kubeconfig").write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "Config", **config}))
    return folder


def test_documents_have_commands_of_every_kind():
    """A pattern that no longer finds the blocks would pass every other test."""
    assert len(ALL) > 60
    assert {need for block in ALL for need in block.needs} == NEEDS
    assert any(not block.needs and not block.run_by for block in ALL)


@each_block
def test_a_block_is_run_or_says_what_it_needs(block: Block):
    assert block.needs <= NEEDS
    if block.run_by:
        script = " ".join((ROOT / block.run_by).read_text(encoding="utf-8").split())
        assert [c for c in commands(block.text) if " ".join(c) not in script] == [], block.run_by
    elif not block.needs:
        assert all(words[0] == "helm" and words[1] in RUN for words in commands(block.text)), (
            "the test cannot run these commands: put <!-- needs: ... --> or <!-- run by: ... --> above them"
        )


@each_block
def test_a_port_forward_does_not_block_the_commands_after_it(block: Block):
    """It runs until it is ended: in the background, or as the last command of its block."""
    lines = block.text.replace("\\\n", " ").splitlines()
    assert [line for line in lines[:-1] if "port-forward" in line and not line.endswith("&")] == []


@each_block
def test_the_commands_of_a_block_can_work(block: Block, folder: Path):
    for words in commands(block.text):
        if words[0] == "cd":
            continue
        check = CHECKS.get(words[0])
        assert check, f"no check for the program {words[0]}"
        check(words, block, folder / entered(block))


def entered(block: Block) -> Path:
    """The folder that the page has entered by the end of the block."""
    until = [each for each in blocks(block.document) if each.line <= block.line]
    return Path(*[words[1] for each in until for words in commands(each.text) if words[0] == "cd"])


def of_the_shell(words: list[str], block: Block, folder: Path) -> None:
    """Commands that need nothing."""
    assert block.needs and folder.is_dir(), words


def a_make_target(words: list[str], _block: Block, _folder: Path) -> None:
    said = run("make", "--dry-run", *words[1:])
    assert said.returncode == 0, said.stderr


@functools.cache
def flags(*command: str) -> set[str]:
    """The options that a subcommand of helm has."""
    return set(re.findall(r"(--[a-z][-a-z0-9]*)", run(toolchain.helm(), *command, "--help").stdout))


def helm(words: list[str], _block: Block, folder: Path) -> None:
    """Runs what needs no cluster, and renders with the same values what would be installed."""
    command = words[1:3] if words[1] in ("get", "show") else words[1:2]
    used = {word.partition("=")[0] for word in words if word.startswith("--")}
    assert used <= flags(*command), f"helm {' '.join(command)} has no such option"
    if words[1] in RUN:
        done = run(toolchain.helm(), *words[1:], cwd=folder)
    elif words[1] in ("install", "upgrade"):
        known = flags("template")
        shared = [word for word in words[2:] if word[:2] != "--" or word.partition("=")[0] in known]
        done = run(toolchain.helm(), "template", *shared, cwd=folder)
    else:
        assert words[1] in ("get", "list", "rollback", "test", "uninstall")
        assert words[1] == "list" or "platform" in words
        return
    assert done.returncode == 0, done.stderr
    # The stand-in for kube-prometheus-stack is empty.
    assert done.stdout or dependency_package() is None


MANIFEST = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"


def kubectl(words: list[str], _block: Block, folder: Path) -> None:
    """The command gets as far as the server, and what it names exists."""
    environment = {"KUBECONFIG": str(folder / "kubeconfig"), "HOME": str(folder), "PATH": "/usr/bin:/bin"}
    done = run(toolchain.kubectl(), *words[1:], cwd=folder, env=environment, input=MANIFEST)
    assert done.returncode != 0
    assert "refused" in done.stderr, done.stderr
    assert kubectl_words.unknown(words[1:]) == []


def curl(words: list[str], block: Block, _folder: Path) -> None:
    (url,) = [word for word in words[1:] if re.match(r"(http://)?[-a-z.]+:\d+", word)]
    host, _, path = url.removeprefix("http://").partition("/")
    if host == "localhost:5000":
        routes = create_app(Config(store="memory", faults_enabled=True), MemoryStore()).url_map.bind("")
        method = words[words.index("-X") + 1] if "-X" in words else "GET"
        assert routes.match(f"/{path}", method=method)
    forwarded(host, block)


def forwarded(host: str, block: Block) -> None:
    """The page forwards the port, unless a lab or a service runs at that address."""
    assert host in ADDRESSES
    if block.needs & {"cluster", "port-forward"}:
        assert f"port-forward {ADDRESSES[host]}" in block.document.read_text(encoding="utf-8")


def promtool(words: list[str], block: Block, _folder: Path) -> None:
    query, instant, url, expression = words[1:]
    assert (query, instant) == ("query", "instant")
    promql_parser.parse(expression)
    forwarded(url.removeprefix("http://"), block)


def amtool(words: list[str], block: Block, _folder: Path) -> None:
    (url,) = [word for word in words if word.startswith("--alertmanager.url=http://")]
    forwarded(url.partition("//")[2], block)
    done = run(toolchain.amtool(), *[word.replace("localhost:9093", NOWHERE) for word in words[1:]])
    assert "refused" in done.stderr, done.stderr


def docker(words: list[str], _block: Block, folder: Path) -> None:
    assert words[1] in ("build", "push", "compose")
    files = [words[i + 1] for i, word in enumerate(words) if word in ("--file", "-f", "--env-file")]
    assert [name for name in files if not (folder / name).exists()] == []


def kind(words: list[str], _block: Block, _folder: Path) -> None:
    assert words[1:3] in (["create", "cluster"], ["load", "docker-image"])


def a_filter(words: list[str], _block: Block, _folder: Path) -> None:
    """Options are those of GNU; a command that reads standard input gets some."""
    if words[0] != "openssl":
        done = run(*[word for word in words if word != ">tokens"], input="a\n")
        assert done.returncode in (0, 1) and not done.stderr, done.stderr


def storage_api(words: list[str], _block: Block, _folder: Path) -> None:
    """tests/service runs the documented start with mistakes."""
    assert words in (["storage-api"], ["storage-api", "--log-format", "xml"])


CHECKS = {
    "make": a_make_target,
    "helm": helm,
    "kubectl": kubectl,
    "curl": curl,
    "promtool": promtool,
    "amtool": amtool,
    "docker": docker,
    "kind": kind,
    "storage-api": storage_api,
    **dict.fromkeys(("export", "mkdir", "printf"), of_the_shell),
    **dict.fromkeys(FILTERS, a_filter),
}


@pytest.mark.usefixtures("needs_package")
def test_objects_of_the_stack_that_documents_name_exist():
    objects = render_chart().objects
    names = {(o["kind"], o["metadata"]["name"]) for o in objects}
    assert names >= kubectl_words.STACK
    assert kubectl_words.labels(objects) >= kubectl_words.STACK_LABELS
    pods = [o["spec"]["template"]["spec"] for o in objects if o["kind"] == "Deployment"]
    assert {c["name"] for pod in pods for c in pod["containers"]} >= kubectl_words.STACK_CONTAINERS


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("--namespace shops get pods", "namespace shops"),
        ("get podz", "podz"),
        ("get services,pods a", "services a"),
        ("logs deployment/observability-platform-grafanas", "deployment observability-platform-grafanas"),
        ("logs deployment/observability-platform-grafana --container sidecar", "sidecar"),
        ("get pods --selector app.kubernetes.io/name=storage", "app.kubernetes.io/name=storage"),
        ("port-forward service/checkouts 80", "service checkouts"),
    ],
)
def test_a_name_that_does_not_exist_is_found(command, problem):
    assert kubectl_words.unknown(command.split())[0] == problem
