"""The table of settings: reading, flags, `--help` and the documentation are all made from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple, get_type_hints

from . import setting_types
from .setting_types import Kind

MEBIBYTE = 1024 * 1024
TEBIBYTE = MEBIBYTE * MEBIBYTE

STORES = ("memory", "filesystem", "s3", "gcs", "azure")
"""What STORE may be."""

METRIC_FAMILIES = (
    "http_request_count",
    "http_request_duration_seconds",
    "http_server_active_requests",
    "http_server_busy_threads",
    "http_server_open_connections",
    "http_server_queued_requests",
    "http_server_request_body_size_bytes",
    "http_server_request_duration_seconds",
    "http_server_response_body_size_bytes",
    "http_server_threads",
    "storage_objects",
    "storage_operation_duration_seconds",
    "storage_operations",
    "storage_stored_bytes",
)
"""What METRICS_DISABLED may name."""


class About(NamedTuple):
    """What the table says of a setting beside its name, type and default."""

    kind: Kind
    description: str
    store: str | None = None
    """The STORE that alone has a use for it; None: it concerns all."""
    required: bool = False
    """Whether that STORE can't do without it."""


_S3_BUCKET = setting_types.matching(
    "[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "a bucket's name (3-63 of a-z 0-9 . -)"
)
_GCS_BUCKET = setting_types.matching(
    "[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]", "a bucket's name (3-63 of a-z 0-9 . _ -)"
)
_REGION = setting_types.matching("[a-z0-9-]+", "a region's name (of a-z 0-9 -)")
_ACCOUNT = setting_types.matching("[a-z0-9]{3,24}", "an account's name (3-24 of a-z 0-9)")
_CONTAINER = setting_types.matching(
    "(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", "a container's name (3-63 of a-z 0-9 -)"
)
_PORT = setting_types.integer(0, 65535)


@dataclass(frozen=True)
class Config:
    """Everything the service can be told: a field `x_y` is the variable X_Y and the flag `--x-y`."""

    host: Annotated[
        str,
        About(
            setting_types.TEXT,
            "Address to listen on. :: is every address, IPv6 and IPv4, or IPv4 alone where the kernel has no"
            " IPv6; 0.0.0.0 is every IPv4 address.",
        ),
    ] = "::"
    port: Annotated[int, About(_PORT, "Port of the API; 0 takes any free one.")] = 5000
    threads: Annotated[
        int, About(setting_types.integer(1, 256), "Requests that are worked on at the same time.")
    ] = 8
    store: Annotated[str, About(setting_types.one_of(*STORES), "Where objects are kept.")] = "filesystem"
    store_path: Annotated[
        Path, About(setting_types.PATH, "Folder of the filesystem store, made where it is missing.")
    ] = Path("/data")
    store_min_free_bytes: Annotated[
        int,
        About(
            setting_types.integer(0, TEBIBYTE),
            "With less than this free on the filesystem store's disk the service is not ready.",
        ),
    ] = 64 * MEBIBYTE
    store_s3_bucket: Annotated[str | None, About(_S3_BUCKET, "The bucket.", "s3", required=True)] = None
    store_s3_endpoint: Annotated[
        str | None, About(setting_types.ENDPOINT, "A server other than AWS.", "s3")
    ] = None
    store_s3_region: Annotated[
        str | None, About(_REGION, "The region; without it AWS_REGION, then us-east-1.", "s3")
    ] = None
    store_gcs_bucket: Annotated[str | None, About(_GCS_BUCKET, "The bucket.", "gcs", required=True)] = None
    store_gcs_endpoint: Annotated[
        str | None, About(setting_types.ENDPOINT, "A server other than Google Cloud.", "gcs")
    ] = None
    store_azure_account: Annotated[
        str | None, About(_ACCOUNT, "The storage account.", "azure", required=True)
    ] = None
    store_azure_container: Annotated[
        str | None, About(_CONTAINER, "The container.", "azure", required=True)
    ] = None
    store_azure_endpoint: Annotated[
        str | None, About(setting_types.ENDPOINT, "A server other than Azure.", "azure")
    ] = None
    max_object_bytes: Annotated[
        int,
        About(
            setting_types.integer(1, TEBIBYTE),
            "The largest object that is taken; a larger one is answered 413.",
        ),
    ] = 16 * MEBIBYTE
    log_level: Annotated[
        str,
        About(setting_types.one_of("debug", "info", "warning", "error"), "The least level that is logged."),
    ] = "info"
    log_format: Annotated[
        str, About(setting_types.one_of("json", "logfmt", "console"), "How a line of the log is written.")
    ] = "json"
    log_requests: Annotated[
        bool, About(setting_types.SWITCH, "Log a line for each request, at level info.")
    ] = True
    metrics_port: Annotated[
        int | None, About(_PORT, "Port that metrics move to; without it the API's port has them.")
    ] = None
    metrics_disabled: Annotated[
        tuple[str, ...], About(setting_types.names_of(METRIC_FAMILIES), "Metrics that are not made.")
    ] = ()
    auth_tokens_file: Annotated[
        Path | None,
        About(setting_types.PATH, "File of bearer tokens, one a line; without it everyone may use the API."),
    ] = None
    faults_enabled: Annotated[
        bool, About(setting_types.SWITCH, "Serve /faults, which breaks the API on purpose, for drills.")
    ] = False
    shutdown_delay_seconds: Annotated[
        int,
        About(
            setting_types.SECONDS, "After SIGTERM: time not ready but serving, for load balancers to notice."
        ),
    ] = 0
    shutdown_timeout_seconds: Annotated[
        int, About(setting_types.SECONDS, "Then: time for the requests in flight, before they are cut off.")
    ] = 20
    otel_traces_exporter: Annotated[
        str,
        About(
            setting_types.one_of("none", "otlp"),
            "Where spans go. For otlp see OpenTelemetry's own OTEL_EXPORTER_OTLP_* variables.",
        ),
    ] = "none"


class Setting(NamedTuple):
    """A row of the table."""

    name: str
    default: Any
    about: About

    @property
    def variable(self) -> str:
        """The environment variable."""
        return self.name.upper()

    @property
    def flag(self) -> str:
        """The flag, with its dashes."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def description(self) -> str:
        """The description, with the STORE that it is for."""
        return (
            f"STORE={self.about.store}: {self.about.description}"
            if self.about.store
            else self.about.description
        )

    @property
    def default_text(self) -> str:
        """The default as a user would write it; empty where there is none."""
        if self.about.kind is setting_types.SWITCH:
            return "true" if self.default else "false"
        return "" if self.default in (None, ()) else str(self.default)


SETTINGS = tuple(
    Setting(name, getattr(Config, name), hint.__metadata__[0])
    for name, hint in get_type_hints(Config, include_extras=True).items()
)
"""The table: a row for each field of Config."""
