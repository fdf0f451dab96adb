"""Examples of values, names of values, files and anchors in README.md and docs/ are right."""

import re
from pathlib import Path

import pytest

from lab import ROOT
from lab.render.chart import Render, load_yaml, render_chart
from tests.support.commands import DOCUMENTS

OTHER_EXAMPLES = {"dependencies", "helmCharts"}
"""First keys of examples that are not values."""
CHARTS = {"services": "charts/slo"}
"""First keys of values for a chart of charts/ alone."""
STACK = "kube-prometheus-stack"
ROOTS = f"global|dashboards|alerting|platformAlerts|tests|storage-api|slo|{STACK}"
VALUE = re.compile(rf"(?<![\w./-])(?:{ROOTS})(?:\.[A-Za-z0-9_<>-]+)+")
FOLDERS = "ci|charts|dashboards|deploy|docs|drills|examples|files|lab|service|templates|tests|tools"
FILE = re.compile(rf"^(?:{FOLDERS})/[\w./*-]+$")
COMMENTED = {f"{STACK}.prometheus.networkPolicy.ingress", f"{STACK}.prometheus.networkPolicy.egress"}
"""Values that kube-prometheus-stack reads, but lists only in a comment."""
CREATED = {"deploy/compose/secrets/"}
"""Folders that a reader creates."""
REMOVED = {
    *("storage-api.prometheusRule.alerts.down", "storage-api.prometheusRule.alerts.errorRatioHigh"),
    "storage-api.prometheusRule.runbookUrl",
}
"""Values of old versions, which only docs/upgrade.md names."""

documents = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


def examples() -> list:
    """The examples of values, except the old ones in docs/upgrade.md and those that other tests render."""
    found = []
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        for match in re.finditer(r"^```yaml\n(.*?)^```", text, re.M | re.S):
            values = None if match[1].startswith("# before") else load_yaml(match[1])
            if values and document.name != "alerting.md" and not OTHER_EXAMPLES & values.keys():
                line = text.count("\n", 0, match.start()) + 1
                found.append(pytest.param(values, id=f"{document.relative_to(ROOT)}:{line}"))
    return found


@pytest.fixture(scope="module")
def render() -> Render:
    return render_chart()


def missing(path: str, values: dict, open_end: bool) -> bool:
    """Tells if the values lack a path such as `global.gitops`; maps without keys, and `<service>`, take any.

    With `open_end`, unknown names are taken from the second level on.
    """
    node = values
    for depth, key in enumerate(path.split(".")):
        if not isinstance(node, dict) or (not node and depth) or key.startswith("<"):
            return False
        if key not in node:
            # `grafana.ini` is one key with a dot in it.
            return not (any(name.startswith(f"{key}.") for name in node) or (open_end and depth))
        node = node[key]
    return False


def unknown(path: str, render: Render) -> bool:
    """Tells if the chart has no such value; without its package, the stack has those that we set."""
    if path in COMMENTED:
        return False
    return missing(path, render.values, render.stand_in and path.startswith(STACK))


def paths(values: dict, above: str = "") -> list[str]:
    """The paths of all values, those in lists left out."""
    inner = {f"{above}{key}": value for key, value in values.items()}
    deeper = [
        path for key, value in inner.items() if isinstance(value, dict) for path in paths(value, f"{key}.")
    ]
    return [*inner, *deeper]


@pytest.mark.parametrize("values", examples())
def test_an_example_is_accepted_by_the_chart(values, render):
    """Misspelt names, wrong types and combinations that cannot work would be refused."""
    if CHARTS.keys() & values.keys():
        values = {"slo": values}
    assert render_chart(values).objects
    # The schema refuses unknown names, but not those far down in the stack.
    stack = {STACK: values.get(STACK, {})}
    assert [path for path in paths(stack) if unknown(path, render)] == []


@documents
def test_values_named_in_a_document_exist(document, render):
    text = re.sub(r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.M | re.S)
    named = {path for code in re.findall(r"`([^`\n]+)`", text) for path in VALUE.findall(code)}
    # Modules and files, and the fields of a service, of which `slo.defaults` has all.
    own = {path for path in named if not re.search(r"^tests\.support\.|\.(json|py|yaml)$", path)}
    own = {re.sub(r"^slo\.services\.[^.]+\.", "slo.defaults.", path) for path in own}
    if document.name == "upgrade.md":
        own -= REMOVED
    assert {path for path in own if unknown(path, render)} == set()


@documents
def test_files_named_in_a_document_exist(document):
    text = document.read_text(encoding="utf-8")
    named = {code for code in re.findall(r"`([^`\n]+)`", text) if FILE.match(code)}
    assert {path for path in named - CREATED if not list(ROOT.glob(path))} == set()


def anchors(document: Path) -> set[str]:
    """The anchors that GitHub and the site make from a document's headings."""
    text = re.sub(r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.M | re.S)
    headings = re.findall(r"^#+ (.+)$", text, re.M)
    plain = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading) for heading in headings]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in plain}


@pytest.mark.parametrize(
    "document", [*DOCUMENTS, ROOT / "CHANGELOG.md"], ids=lambda path: str(path.relative_to(ROOT))
)
def test_links_lead_to_headings_that_exist(document):
    links = re.findall(r"\]\(([^)#:\s]*)#([^)\s]+)\)", document.read_text(encoding="utf-8"))
    dead = [
        f"{target}#{anchor}"
        for target, anchor in links
        if anchor not in anchors((document.parent / target) if target else document)
    ]
    assert dead == []


def test_the_troubleshooting_names_a_command_and_a_reason_for_each_symptom():
    """Fifteen symptoms; each has a command that shows it, and what prevents it here or what to do."""
    page = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
    sections = {s.partition("\n")[0]: s for s in page.split("\n## ")[1:]}
    sections.pop("Less often asked")
    assert len(sections) == 15
    assert [title for title, text in sections.items() if "\n```sh\n" not in text] == []
    advice = re.compile(r"^\*Here\*|\]\((upgrade|install|scaling)\.md|^```yaml$", re.M)
    assert [title for title, text in sections.items() if not advice.search(text)] == []


def test_the_site_has_every_page_at_the_address_that_alerts_link_to():
    """`/runbooks/target-down` has no suffix, which is the form of the builder dirhtml."""
    index = (ROOT / "docs/index.rst").read_text(encoding="utf-8")
    entries = re.findall(r"^   ([\w/*-]+)$", index, re.M)
    listed = {path for entry in entries for path in (ROOT / "docs").glob(f"{entry}.md")}
    assert {*(ROOT / "docs").rglob("*.md")} - listed == {ROOT / "docs/README.md"}
    assert "-m sphinx -b dirhtml" in (ROOT / "Makefile").read_text(encoding="utf-8")
