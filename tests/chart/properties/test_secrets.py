"""Secret values are rendered unchanged into Secrets, and into nothing else."""

import base64
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.render.chart import render_chart
from tests.support.chart.notes import notes
from tests.support.chart.schema_values import TRICKY, merged, nested

# Settings whose value is a secret, not the name of a Secret.
SECRET = re.compile(r"(password|accessKeyId|secretAccessKey|token|apiKey)$", re.IGNORECASE)
CONTEXT = {"storage-api": {"store": {"type": "s3", "s3": {"bucket": "objects"}}}}
TEXTS = st.one_of(
    st.sampled_from([text for text in TRICKY if text.strip()]),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40).filter(str.strip),
)


@pytest.fixture(scope="session")
def secrets(reader):
    """Paths of all settings whose value is a secret."""
    texts = [path for path, schema in reader.settings() if schema.get("type") == "string"]
    found = [path for path in texts if SECRET.search(path[-1])]
    assert {path[-1] for path in found} >= {"secretAccessKey", "accessKeyId", "adminPassword"}
    return found


def spellings(text):
    """The forms in which an object could contain a text: as it is, or as the start of base64."""
    return {text, base64.b64encode(text.encode()).decode()[: len(text) // 3 * 4]}


def plain(secret):
    """The decoded values of a Secret."""
    decoded = [base64.b64decode(text).decode() for text in secret.get("data", {}).values()]
    return [*decoded, *secret.get("stringData", {}).values()]


def test_a_secret_value_is_rendered_unchanged_into_a_secret_only(secrets, draws):
    marked = {path: f"marked-{index}-{path[-1]}" for index, path in enumerate(secrets)}

    @settings(deadline=None, max_examples=draws(8, 30))
    @given(st.sampled_from(secrets), TEXTS)
    def check(path, text):
        values = CONTEXT
        for each, mark in marked.items():
            values = merged(values, nested(each, mark + text if each == path else mark))
        render = render_chart(values)
        assert marked[path] + text in [
            kept for o in render.ours if o["kind"] == "Secret" for kept in plain(o)
        ]
        for o in (o for o in render.objects if o["kind"] != "Secret"):
            written = json.dumps(o, ensure_ascii=False)
            for mark in marked.values():
                assert not [each for each in spellings(mark) if each in written], (o["kind"], o["metadata"])

    check()


def test_the_notes_contain_no_secret_value(secrets):
    values = CONTEXT
    for index, path in enumerate(secrets):
        values = merged(values, nested(path, f"marked-{index}"))
    said = notes(values)
    assert "port-forward" in said
    assert "marked-" not in said
