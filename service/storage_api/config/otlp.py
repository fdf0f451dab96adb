"""OpenTelemetry's own variables: what each may say, so that a mistake is told at start and not by lost spans.

The SDK reads them itself, and falls back to a default where it does not understand one.
"""

from __future__ import annotations

from collections.abc import Mapping

from . import setting_types

_PROTOCOL = setting_types.matching("http/protobuf", "http/protobuf, the only one that is installed")
_ENDPOINT = setting_types.matching(r"https?://[^\s/?#@]+(/[^\s?#]*)?", "a URL such as http://collector:4318")
_COMPRESSION = setting_types.one_of("none", "gzip", "deflate")
_TIMEOUT = setting_types.matching(r"0*[1-9][0-9]{0,5}(\.[0-9]+)?", "seconds, such as 10")

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
"""Where spans go; the first that is set counts."""
VARIABLES = {
    "OTEL_SDK_DISABLED": setting_types.matching("false", "OTEL_TRACES_EXPORTER=none to send no spans"),
    "OTEL_EXPORTER_OTLP_PROTOCOL": _PROTOCOL,
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": _PROTOCOL,
    **dict.fromkeys(ENDPOINTS, _ENDPOINT),
    "OTEL_EXPORTER_OTLP_COMPRESSION": _COMPRESSION,
    "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION": _COMPRESSION,
    "OTEL_EXPORTER_OTLP_TIMEOUT": _TIMEOUT,
    "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": _TIMEOUT,
    "OTEL_TRACES_SAMPLER": setting_types.one_of(
        "always_on",
        "always_off",
        "traceidratio",
        "parentbased_always_on",
        "parentbased_always_off",
        "parentbased_traceidratio",
    ),
    "OTEL_TRACES_SAMPLER_ARG": setting_types.matching(
        r"0(\.[0-9]+)?|1(\.0+)?", "a share from 0 to 1, such as 0.1"
    ),
    "OTEL_BSP_SCHEDULE_DELAY": setting_types.integer(1, 3_600_000),
    "OTEL_BSP_MAX_QUEUE_SIZE": setting_types.integer(1, 1_000_000),
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": setting_types.integer(1, 1_000_000),
}
"""Those that are checked; the SDK knows more."""


def mistakes(environ: Mapping[str, str]) -> list[str]:
    """A line for each variable that can't be used; an empty one is one that is not set."""
    found = []
    for name, kind in VARIABLES.items():
        text = environ.get(name)
        if not text:
            continue
        try:
            kind.read(text)
        except ValueError:
            found.append(f"{name}={text!r} is not allowed: use {kind.allowed}")
    return found
