"""OpenTelemetry's own variables, checked so that a mistake stops the start instead of losing spans.

The SDK reads them itself. Given an invalid value it logs the value, falls back to a default, or fails with a
traceback.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from urllib.parse import unquote

from . import setting_types
from .setting_types import SettingType

_HEADER = re.compile(r"([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*=[ \t]*([ !#-+\--:<-\[\]-~]*)")
"""A name (RFC 9110) and a value of the characters that the exporter accepts."""


def _headers(text: str) -> None:
    """Check a list of headers, with values percent-encoded where necessary."""
    for header in filter(None, re.split(r"[ \t]*,[ \t]*", text.strip(" \t"))):
        match = _HEADER.fullmatch(header)
        if not match or not _HEADER.fullmatch(f"{unquote(match[1])}="):
            raise ValueError
        value = unquote(match[2]).strip()
        value.encode("latin-1")  # HTTP headers carry nothing else; raises ValueError.
        if not value.isprintable():
            raise ValueError


def _pairs(text: str) -> None:
    if not all(re.fullmatch(r"\s*[^\s=]+\s*=.*", pair) for pair in text.split(",")):
        raise ValueError


def _plugins(group: str, text: str) -> None:
    """Check that each of the comma-separated names in `text` is an installed entry point of `group`."""
    installed = {"*", *entry_points(group=group).names}
    if not {name.strip() for name in text.split(",")} <= installed:
        raise ValueError


def _certificates(text: str) -> None:
    """Check a file of CA certificates in PEM, or a folder of such files."""
    try:
        if not Path(text).is_dir():
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(text)
    except OSError as error:  # ssl.SSLError is one too
        raise ValueError from error


def _readable(text: str) -> None:
    try:
        Path(text).open("rb").close()
    except OSError as error:
        raise ValueError from error


_PROTOCOL = setting_types.matching("http/protobuf", "http/protobuf, the only protocol that is installed")
_ENDPOINT = setting_types.url("http://collector:4318")
_HEADERS = SettingType(
    "key=value,key=value with percent-encoded values, such as Authorization=Bearer%20token",
    _headers,
    setting_types.hidden,
)
_COMPRESSION = setting_types.one_of("none", "gzip", "deflate")
_TIMEOUT = setting_types.matching(
    r"(?=[0.]*[1-9])[0-9]{1,6}(\.[0-9]+)?", "seconds above 0, such as 10 or 0.5"
)
_CERTIFICATE = SettingType("a readable file with certificates in PEM", _certificates, setting_types.hidden)
_CLIENT_FILE = SettingType("a readable file in PEM", _readable, setting_types.hidden)
_LIMIT = setting_types.integer(0, 2**31 - 1)


def _plugin(group: str) -> SettingType:
    return SettingType(f"the name of an installed entry point of {group}", partial(_plugins, group))


ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
"""Where spans are sent; the first one that is set wins."""
_EXPORTER_VARIABLES = {
    "ENDPOINT": _ENDPOINT,
    "PROTOCOL": _PROTOCOL,
    "HEADERS": _HEADERS,
    "COMPRESSION": _COMPRESSION,
    "TIMEOUT": _TIMEOUT,
    "CERTIFICATE": _CERTIFICATE,
    "CLIENT_CERTIFICATE": _CLIENT_FILE,
    "CLIENT_KEY": _CLIENT_FILE,
}
VARIABLES = {
    "OTEL_SDK_DISABLED": setting_types.matching("false", "OTEL_TRACES_EXPORTER=none to send no spans"),
    "OTEL_SERVICE_NAME": setting_types.TEXT,
    "OTEL_RESOURCE_ATTRIBUTES": SettingType("key=value,key=value, with values percent-encoded", _pairs),
    **{f"OTEL_EXPORTER_OTLP_{name}": type for name, type in _EXPORTER_VARIABLES.items()},
    **{f"OTEL_EXPORTER_OTLP_TRACES_{name}": type for name, type in _EXPORTER_VARIABLES.items()},
    "OTEL_TRACES_SAMPLER": setting_types.one_of(
        "always_on",
        "always_off",
        "traceidratio",
        "parentbased_always_on",
        "parentbased_always_off",
        "parentbased_traceidratio",
    ),
    "OTEL_TRACES_SAMPLER_ARG": setting_types.matching(
        r"0(\.[0-9]+)?|1(\.0+)?", "a ratio from 0 to 1, such as 0.1"
    ),
    "OTEL_BSP_SCHEDULE_DELAY": setting_types.integer(1, 3_600_000),
    "OTEL_BSP_EXPORT_TIMEOUT": setting_types.integer(1, 3_600_000),
    "OTEL_BSP_MAX_QUEUE_SIZE": setting_types.integer(1, 1_000_000),
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": setting_types.integer(1, 1_000_000),
    "OTEL_ATTRIBUTE_COUNT_LIMIT": _LIMIT,
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": _LIMIT,
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": _LIMIT,
    "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT": _LIMIT,
    "OTEL_SPAN_EVENT_COUNT_LIMIT": _LIMIT,
    "OTEL_SPAN_LINK_COUNT_LIMIT": _LIMIT,
    "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT": _LIMIT,
    "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT": _LIMIT,
    "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": _plugin("opentelemetry_resource_detector"),
    "OTEL_PYTHON_CONTEXT": _plugin("opentelemetry_context"),
    "OTEL_PYTHON_METER_PROVIDER": _plugin("opentelemetry_meter_provider"),
    "OTEL_PYTHON_EXPORTER_OTLP_HTTP_CREDENTIAL_PROVIDER": _plugin("opentelemetry_otlp_credential_provider"),
    "OTEL_PYTHON_EXPORTER_OTLP_HTTP_TRACES_CREDENTIAL_PROVIDER": _plugin(
        "opentelemetry_otlp_credential_provider"
    ),
    "OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED": setting_types.one_of("true", "false"),
}
"""Every variable that the SDK and its exporter read when they send only spans."""


def mistakes(environ: Mapping[str, str]) -> list[str]:
    """A line for each invalid variable; an empty one counts as unset."""
    given = {name: environ[name] for name in VARIABLES if environ.get(name)}
    found = []
    for name, text in given.items():
        try:
            VARIABLES[name].read(text)
        except ValueError:
            found.append(VARIABLES[name].refusal(name, text))
    return found or _client_certificate(given)


def _client_certificate(given: Mapping[str, str]) -> list[str]:
    """Mistakes in the client certificate that the exporter shows to the collector, and its key."""

    def first(name: str) -> str | None:
        names = (f"OTEL_EXPORTER_OTLP_{of}{name}" for of in ("TRACES_", ""))
        return next((given[name] for name in names if name in given), None)

    certificate, key = first("CLIENT_CERTIFICATE"), first("CLIENT_KEY")
    if not certificate:
        return (
            ["OTEL_EXPORTER_OTLP_CLIENT_KEY needs OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE too"] if key else []
        )
    try:
        # An empty password: otherwise OpenSSL would ask for one on the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, password=lambda: "")
    except (OSError, ValueError):
        return [
            "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY are not allowed: use a"
            " certificate and its key, both in PEM and without a password"
        ]
    return []
