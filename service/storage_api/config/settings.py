"""The table of settings: reading, flags, `--help` and the documentation are all made from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple, get_type_hints

from . import setting_types
from .setting_types import SettingType

MEBIBYTE = 1024 * 1024
TEBIBYTE = MEBIBYTE * MEBIBYTE

STORES = ("memory", "filesystem", "s3", "gcs", "azure")
"""Allowed values of STORE."""

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
"""Names that METRICS_DISABLED may list."""


class About(NamedTuple):
    """A setting's type and description, and the store that it is for."""

    type: SettingType
    description: str
    store: str | None = None
    """The only STORE that uses the setting; None if all do."""
    required: bool = False
    """True if that STORE does not work without it."""


_S3_BUCKET = setting_types.matching(
    "[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "a bucket name (3-63 characters a-z 0-9 . -)"
)
_GCS_BUCKET = setting_types.matching(
    "[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]", "a bucket name (3-63 characters a-z 0-9 . _ -)"
)
_REGION = setting_types.matching("[a-z0-9-]+", "a region name (characters a-z 0-9 -)")
_ACCOUNT = setting_types.matching("[a-z0-9]{3,24}", "an account name (3-24 characters a-z 0-9)")
_CONTAINER = setting_types.matching(
    "(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", "a container name (3-63 characters a-z 0-9 -)"
)
_PORT = setting_types.integer(0, 65535)


@dataclass(frozen=True)
class Config:
    """The service's configuration: a field `x_y` is set by the variable X_Y or the flag `--x-y`."""

    host: Annotated[
        str,
        About(
            setting_types.TEXT,
            "Address to listen on. :: is every IPv6 and IPv4 address, or only IPv4 if the kernel has no IPv6;"
            " 0.0.0.0 is every IPv4 address.",
        ),
    ] = "::"
    port: Annotated[int, About(_PORT, "Port of the API; 0 picks a free one.")] = 5000
    threads: Annotated[
        int, About(setting_types.integer(1, 256), "Number of requests handled at the same time.")
    ] = 8
    store: Annotated[str, About(setting_types.one_of(*STORES), "Where objects are stored.")] = "filesystem"
    store_path: Annotated[
        Path, About(setting_types.PATH, "Folder of the filesystem store; created if it is missing.")
    ] = Path("/data")
    store_min_free_bytes: Annotated[
        int,
        About(
            setting_types.integer(0, TEBIBYTE),
            "The service is not ready while the filesystem store's disk has less free space than this.",
        ),
    ] = 64 * MEBIBYTE
    store_s3_bucket: Annotated[
        str | None, About(_S3_BUCKET, "Bucket; it must exist.", "s3", required=True)
    ] = None
    store_s3_endpoint: Annotated[
        str | None, About(setting_types.ENDPOINT, "URL of an S3-compatible server other than AWS.", "s3")
    ] = None
    store_s3_region: Annotated[
        str | None, About(_REGION, "Region; without it AWS_REGION, else us-east-1.", "s3")
    ] = None
    store_gcs_bucket: Annotated[
        str | None, About(_GCS_BUCKET, "Bucket; it must exist.", "gcs", required=True)
    ] = None
    store_gcs_endpoint: Annotated[
        str | None, About(setting_types.ENDPOINT, "URL of a server other than Google Cloud.", "gcs")
    ] = None
    store_azure_account: Annotated[
        str | None, About(_ACCOUNT, "Storage account.", "azure", required=True)
    ] = None
    store_azure_container: Annotated[
        str | None, About(_CONTAINER, "Container; it must exist.", "azure", required=True)
    ] = None
    store_azure_endpoint: Annotated[
        str | None, About(setting_types.ENDPOINT, "URL of a server other than Azure.", "azure")
    ] = None
    max_object_bytes: Annotated[
        int,
        About(
            setting_types.integer(1, TEBIBYTE),
            "Largest object that is accepted; a larger one is answered 413.",
        ),
    ] = 16 * MEBIBYTE
    log_level: Annotated[
        str,
        About(setting_types.one_of("debug", "info", "warning", "error"), "Lowest level that is logged."),
    ] = "info"
    log_format: Annotated[
        str, About(setting_types.one_of("json", "logfmt", "console"), "Format of the log.")
    ] = "json"
    log_requests: Annotated[
        bool, About(setting_types.SWITCH, "Log a line for each request, at level info.")
    ] = True
    metrics_port: Annotated[
        int | None, About(_PORT, "Separate port for the metrics; without it they are on the API's port.")
    ] = None
    metrics_disabled: Annotated[
        tuple[str, ...],
        About(setting_types.comma_separated(METRIC_FAMILIES), "Metric families to switch off."),
    ] = ()
    auth_tokens_file: Annotated[
        Path | None,
        About(setting_types.PATH, "File with one bearer token per line; without it anyone may use the API."),
    ] = None
    faults_enabled: Annotated[
        bool, About(setting_types.SWITCH, "Serve /faults, which makes the API fail on purpose, for drills.")
    ] = False
    shutdown_delay_seconds: Annotated[
        int,
        About(
            setting_types.SECONDS,
            "Time after SIGTERM to keep serving while not ready, until load balancers have noticed.",
        ),
    ] = 0
    shutdown_timeout_seconds: Annotated[
        int,
        About(
            setting_types.SECONDS,
            "Time after that for requests in progress to finish, before they are cut off.",
        ),
    ] = 20
    otel_traces_exporter: Annotated[
        str,
        About(
            setting_types.one_of("none", "otlp"),
            "Where spans are sent. For otlp, set OpenTelemetry's own OTEL_EXPORTER_OTLP_* variables.",
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
        """The description, with the STORE that uses the setting."""
        return (
            f"STORE={self.about.store}: {self.about.description}"
            if self.about.store
            else self.about.description
        )

    @property
    def default_text(self) -> str:
        """The default as a user would write it; empty if there is none."""
        if self.about.type is setting_types.SWITCH:
            return "true" if self.default else "false"
        return "" if self.default in (None, ()) else str(self.default)


SETTINGS = tuple(
    Setting(name, getattr(Config, name), hint.__metadata__[0])
    for name, hint in get_type_hints(Config, include_extras=True).items()
)
"""The table: a row for each field of Config."""
