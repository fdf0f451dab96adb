"""OpenTelemetry's variables: an invalid one is reported in one line at start, without credentials."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import certifi
import pytest

from storage_api.config import otlp
from tests.support.service.mistakes import mistakes
from tests.support.service.process import SERVICE

DOCS = Path(__file__).parents[2] / "docs/traces.md"
OTLP = {"STORE": "memory", "OTEL_TRACES_EXPORTER": "otlp"}
SECRET = "s3cr3t-of-ours"  # noqa: S105
PEM = certifi.where()
"""A file with certificates but without a private key."""


INVALID = [
    (
        "OTEL_EXPORTER_OTLP_HEADERS",
        f"Authorization: Bearer {SECRET}",
        "*** is not allowed: use key=",
    ),
    ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", SECRET, "*** is not allowed: use key=value,key=value"),
    ("OTEL_EXPORTER_OTLP_HEADERS", f"a={SECRET},b", "*** is not allowed"),
    ("OTEL_EXPORTER_OTLP_HEADERS", f"a={SECRET};c=d", "*** is not allowed"),
    # The HTTP library's errors would quote these values.
    ("OTEL_EXPORTER_OTLP_HEADERS", f"a={SECRET}%0Ab", "*** is not allowed"),
    ("OTEL_EXPORTER_OTLP_HEADERS", f"a={SECRET}%E2%82%AC", "*** is not allowed"),
    ("OTEL_EXPORTER_OTLP_HEADERS", f"a={SECRET}\u00e9", "*** is not allowed"),
    ("OTEL_EXPORTER_OTLP_HEADERS", f"a%20b={SECRET}", "*** is not allowed"),
    (
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        f"http://user:{SECRET}@x:4318",
        "'***@x:4318' is not allowed",
    ),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", f"user:{SECRET}@x:4318", "'***@x:4318' is not allowed"),
    ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"http://x/?key={SECRET}", "'http://x/?***' is not allowed"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://x:99999", "'http://x:99999' is not allowed: use a URL"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "grpc://x:4317", "'grpc://x:4317' is not allowed: use a URL such as"),
    (
        "OTEL_EXPORTER_OTLP_CLIENT_KEY",
        f"-----BEGIN PRIVATE KEY-----{SECRET}",
        "*** is not allowed: use a readable file",
    ),
    ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/nonexistent", "*** is not allowed: use a readable file"),
    ("OTEL_EXPORTER_OTLP_CERTIFICATE", __file__, "*** is not allowed: use a readable file with"),
    ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "/nonexistent", "*** is not allowed: use a readable file"),
    ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "'grpc' is not allowed: use http/protobuf"),
    ("OTEL_EXPORTER_OTLP_TIMEOUT", "0.0", "'0.0' is not allowed: use seconds above 0"),
    ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd", "'zstd' is not allowed: use one of none, gzip, deflate"),
    ("OTEL_TRACES_SAMPLER", "sometimes", "'sometimes' is not allowed: use one of always_on"),
    ("OTEL_TRACES_SAMPLER_ARG", "1.5", "'1.5' is not allowed: use a ratio from 0 to 1"),
    ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "abc", "'abc' is not allowed: use a whole number from 0 to"),
    ("OTEL_BSP_EXPORT_TIMEOUT", "30s", "'30s' is not allowed: use a whole number from 1 to 3600000"),
    ("OTEL_RESOURCE_ATTRIBUTES", "team", "'team' is not allowed: use key=value,key=value"),
    (
        "OTEL_PYTHON_METER_PROVIDER",
        "none",
        "'none' is not allowed: use the name of an installed",
    ),
]
"""Name of a variable, its value, and the line that reports it, after the name and `=`."""


def test_every_invalid_variable_is_reported_without_its_secret(end_of_start):
    """The SDK itself would log the value, fail with a traceback, or send spans without the setting."""
    wrong = dict.fromkeys(otlp.VARIABLES, "?") | {"OTEL_SERVICE_NAME": "a\nb"}
    wrong |= {name: text for name, text, _ in INVALID}
    status, printed = end_of_start(**OTLP, **wrong)
    assert status == 2
    assert sorted(line.split("=")[0] for line in printed.splitlines()) == sorted(
        f"storage-api: {name}" for name in wrong
    )
    assert SECRET not in printed


@pytest.mark.parametrize(("name", "text", "said"), INVALID)
def test_an_invalid_variable_is_one_line_without_its_secret(capfd, name, text, said):
    (line,) = mistakes({**OTLP, name: text})
    assert line.startswith(f"{name}={said}")
    assert SECRET not in line
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"CLIENT_KEY": PEM}, "OTEL_EXPORTER_OTLP_CLIENT_KEY needs OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"),
        (
            {"CLIENT_CERTIFICATE": PEM, "TRACES_CLIENT_KEY": PEM},
            "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY are not allowed: use a",
        ),
        ({"CERTIFICATE": PEM}, None),
        ({"CERTIFICATE": str(Path(PEM).parent)}, None),
    ],
)
def test_certificates_are_read_at_start(environ, said):
    found = otlp.mistakes({f"OTEL_EXPORTER_OTLP_{name}": text for name, text in environ.items()})
    assert [line[: len(said)] for line in found] == [said] if said else found == []


@pytest.mark.parametrize(
    "text",
    [
        "a=b",
        "Authorization=Bearer%20x,X-Team=a%2Cb",
        "Authorization=Bearer x",
        " a = b , c=d,",
        "a=",
        "a=b==",
    ],
)
def test_valid_headers_of_the_exporter_are_accepted(text):
    assert otlp.mistakes({"OTEL_EXPORTER_OTLP_HEADERS": text}) == []


def test_every_empty_variable_counts_as_unset(start):
    """The SDK reads some empty variables as values, and fails if it expects a number."""
    empty = dict.fromkeys(otlp.VARIABLES, "") | {"OTEL_TRACES_SAMPLER": "always_off", "LOG_LEVEL": ""}
    service = start(**OTLP, **empty)
    assert service.request("GET", "/healthz").status == 200
    assert [line["message"] for line in service.log if line["message"] != "request"] == ["listening"]


def test_sizes_that_contradict_each_other_stop_the_start(end_of_start):
    status, said = end_of_start(**OTLP, OTEL_BSP_MAX_QUEUE_SIZE=10)
    assert status == 2
    assert said.startswith("storage-api: OTEL_BSP_") and said.count("\n") == 1


def test_opentelemetry_variables_are_ignored_without_an_exporter(start):
    assert start(OTEL_EXPORTER_OTLP_PROTOCOL="grpc", OTEL_BSP_MAX_QUEUE_SIZE="?").request("GET", "/healthz")


READS = """
import os

read = set()
for name in ("__getitem__", "__contains__"):
    def recorded(self, key, original=getattr(os._Environ, name)):
        read.add(key)
        return original(self, key)
    setattr(os._Environ, name, recorded)

from storage_api.telemetry.spans import Spans

spans = Spans()
spans._tracer.start_span("a").end()
spans.close(0)
print(*sorted(name for name in read if name.startswith("OTEL_")))
"""


def test_every_variable_that_the_sdk_reads_is_checked():
    """If a release of the SDK reads a new variable, it needs a new check."""
    done = subprocess.run(
        [sys.executable, "-c", READS],
        env={
            "PYTHONPATH": str(SERVICE),
            "OTEL_TRACES_SAMPLER": "traceidratio",
            "OTEL_TRACES_SAMPLER_ARG": "1",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    read = set(done.stdout.split())
    assert read <= otlp.VARIABLES.keys()
    # These two select an exporter, which happens elsewhere in the SDK.
    protocols = {"OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"}
    assert otlp.VARIABLES.keys() - read == protocols


def test_the_docs_name_every_checked_variable():
    text = DOCS.read_text()
    assert [name for name in otlp.VARIABLES if f"`{name}`" not in text] == []
