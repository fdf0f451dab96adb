"""Any values that the schema allows render valid objects whose references lead to each other."""

import re
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from lab.render.chart import RenderError, render_chart
from tests.support.chart import stack_draws
from tests.support.chart.alerting import ALERTING
from tests.support.chart.axes import presets
from tests.support.chart.cel_rules import violations
from tests.support.chart.client_models import is_built_in, losses
from tests.support.chart.kube_schemas import custom_schema, errors, kubernetes_versions
from tests.support.chart.schema_values import merged, nested
from tests.support.chart.wiring import faults

SLOW = settings(
    deadline=None,
    phases=set(Phase) - {Phase.explain},
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
# Valid release names and namespaces; unquoted, YAML reads some of them as numbers, null or booleans.
NAMES = st.sampled_from(["1e3", "007", "null", "true", "a.b", "storage-api", "r" * 53, "1" * 53])
RELEASES = st.one_of(NAMES, st.from_regex(r"[a-z0-9]([-a-z0-9]{0,51}[a-z0-9])?", fullmatch=True))
NAMESPACES = st.one_of(
    st.sampled_from(["1e3", "007", "null", "true", "n" * 63]),
    st.from_regex(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True),
)
# Features that need more than one setting.
FEATURES = [
    {"storage-api": {"store": {"type": "s3", "s3": {"bucket": "objects"}}, "autoscaling": {"enabled": True}}},
    {"storage-api": {"store": {"type": "memory"}, "autoscaling": {"enabled": False}, "replicas": 1}},
    {"storage-api": {"store": {"type": "gcs", "gcs": {"bucket": "objects"}}}},
    {"storage-api": {"store": {"type": "azure", "azure": {"account": "one", "container": "objects"}}}},
    {"storage-api": {"metrics": {"port": 9797}, "auth": {"existingSecret": "tokens"}}},
    {"storage-api": {"ingress": {"enabled": True, "hosts": ["a.example"]}}},
    {
        "storage-api": {
            "httpRoute": {"enabled": True, "hostnames": ["b.example"], "parentRefs": [{"name": "g"}]}
        }
    },
    {
        "storage-api": {
            "ingress": {"enabled": True, "hosts": ["a.example"]},
            "certificate": {"enabled": True, "issuerRef": {"name": "ca"}},
        }
    },
    {"alerting": ALERTING},
    {"kube-prometheus-stack": {"enabled": False}},
]


@pytest.fixture(scope="session")
def paths(reader):
    return {path for path, _ in [*reader.settings(), *stack_draws.settings()]}


@pytest.fixture(scope="session")
def overrides(reader):
    """Strategy for (preset, values): a few features, and some random settings."""
    typed = [setting for setting in reader.settings() if setting[1].keys() & {"type", "enum", "anyOf"}]
    # `config` of a receiver is passed on as it is: only the operator knows its fields.
    found = [setting for setting in typed if setting[0] != ("alerting", "receivers")]
    # Values of the dependency that only our templates check are drawn less often: most are refused.
    foreign = list(stack_draws.settings())

    @st.composite
    def draw_overrides(draw):
        chosen = draw(st.lists(st.sampled_from(range(len(found))), min_size=1, max_size=6, unique=True))
        values = {}
        for path, schema in draw(
            st.lists(st.sampled_from(foreign), max_size=2, unique_by=lambda each: each[0])
        ):
            values = merged(values, nested(path, draw(reader.valid(schema))))
        for feature in draw(st.lists(st.sampled_from(FEATURES), max_size=3, unique_by=id)):
            values = merged(values, feature)
        for path, schema in (found[index] for index in chosen):
            values = merged(values, nested(path, draw(reader.valid(schema))))
        return draw(st.sampled_from(sorted(presets()))), values

    return draw_overrides()


def contradicts(refusal, paths):
    """Tell if a refusal is the chart's own message on contradicting values, which begins with a path."""
    told = re.match(r"([a-z][\w.-]*)(\[\d+\][\w.]*)?: ", refusal)
    # The path of a value, of a map that contains it, or of a key below a map that the chart passes on.
    path = f"{told[1]}." if told else None
    known = [f"{'.'.join(each)}." for each in paths]
    return bool(path) and any(each.startswith(path) or path.startswith(each) for each in known)


def problems(render, release, namespace):
    """Return all errors of our objects.

    They are checked with the newest Kubernetes version, whose types the values' schema has; the render matrix
    checks the chart's presets with each version.
    """
    found = [line for o in render.ours for line in errors(o, kubernetes_versions()[-1])]
    for o in render.ours:
        if is_built_in(o):
            found += losses(o)
        else:
            found += violations(o, custom_schema(o["apiVersion"], o["kind"]))
    return [*found, *(faults(render, release, namespace) if not found else ())]


@pytest.mark.timeout(900)
def test_valid_values_render_valid_objects_that_find_each_other(overrides, paths, draws):
    counted = Counter()

    @settings(SLOW, max_examples=draws(20, 200))
    @given(overrides, RELEASES, NAMESPACES, st.sampled_from(kubernetes_versions()))
    def check(drawn, release, namespace, version):
        preset, values = drawn
        options = {"release": release, "namespace": namespace, "kubernetes_version": version}
        try:
            render = render_chart(values, value_files=presets()[preset], **options)
        except RenderError as error:
            render, refusal = None, str(error)
        counted["rendered" if render else "refused"] += 1
        if render is None:
            assert contradicts(refusal, paths), refusal
        else:
            assert problems(render, release, namespace) == []

    check()
    # Few draws may be unlucky, but never mostly refused.
    assert counted["rendered"] > counted["refused"] * draws(0.5, 1), counted
