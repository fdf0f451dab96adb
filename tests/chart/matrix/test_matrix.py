"""A cluster accepts every object: each preset, Kubernetes version and Helm version."""

from collections import Counter

from tests.support.chart.cel_rules import violations
from tests.support.chart.client_models import is_built_in, losses
from tests.support.chart.kube_schemas import custom_schema, errors


def test_every_object_matches_the_schema_of_each_version(column):
    """Built-in kinds are checked with the version's own schema, which refuses unknown fields and kinds."""
    found = {f"{version}: {line}" for version, o in column.objects() for line in errors(o, version)}
    assert not found


def test_custom_objects_satisfy_the_validation_rules_of_their_crds(column):
    custom = [o for o in column.distinct() if not is_built_in(o)]
    assert custom
    found = [
        f"{o['kind']} {o['metadata']['name']}: {line}"
        for o in custom
        for line in violations(o, custom_schema(o["apiVersion"], o["kind"]))
    ]
    assert not found


def test_the_python_client_reads_every_object_without_loss(column):
    built_in = [o for o in column.distinct() if is_built_in(o)]
    assert built_in
    assert [line for o in built_in for line in losses(o)] == []


def test_no_object_overwrites_another(column):
    for render in column.renders.values():
        counted = Counter(
            (
                o["apiVersion"].rpartition("/")[0],
                o["kind"],
                o["metadata"].get("namespace"),
                o["metadata"]["name"],
            )
            for o in render.objects
        )
        assert [name for name, count in counted.items() if count > 1] == []


def test_helm_prints_no_warnings(column):
    assert {line for render in column.renders.values() for line in render.warnings} == set()
