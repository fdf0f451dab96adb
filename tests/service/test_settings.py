"""Settings: flags, variables and defaults; each mistake is one line, and all are reported at once."""

from __future__ import annotations

import os
import re
import resource
import shutil
import socket
import subprocess
import sys

import pytest

from lab import ROOT
from storage_api import __version__
from storage_api.config import SETTINGS, Config, read
from tests.support.service.mistakes import mistakes

DOCUMENT = [sys.executable, "-m", "tools.service_settings"]
S3 = {"STORE": "s3", "STORE_S3_BUCKET": "objects"}
AZURE = {"STORE": "azure", "STORE_AZURE_ACCOUNT": "someone", "STORE_AZURE_CONTAINER": "objects"}


def test_settings_have_defaults():
    assert read({}) == Config()


def test_an_empty_variable_counts_as_unset():
    assert read({setting.variable: "" for setting in SETTINGS}) == Config()
    assert mistakes({"PORT": ""}, "--port", "") == [
        "--port='' is not allowed: use a whole number from 0 to 65535"
    ]


def test_a_flag_wins_over_its_variable():
    environ = {"PORT": "1", "LOG_FORMAT": "logfmt"}
    config = read(environ, ["--port", "2", "--max-object-bytes=3"])
    assert (config.port, config.log_format, config.max_object_bytes) == (2, "logfmt", 3)


EXAMPLES = {
    "host": "127.0.0.1",
    "port": "1",
    "threads": "2",
    "store": "memory",
    "store_path": "/objects",
    "store_min_free_bytes": "0",
    "store_s3_bucket": "objects",
    "store_s3_endpoint": "http://x:1",
    "store_s3_region": "eu-1",
    "store_gcs_bucket": "objects",
    "store_gcs_endpoint": "http://x:1",
    "store_azure_account": "someone",
    "store_azure_container": "objects",
    "store_azure_endpoint": "http://x:1/someone",
    "max_object_bytes": "1099511627776",
    "log_level": "debug",
    "log_format": "console",
    "log_requests": "false",
    "metrics_port": "9100",
    "metrics_disabled": "storage_objects,http_request_count",
    "auth_tokens_file": "/tokens",
    "faults_enabled": "true",
    "shutdown_delay_seconds": "5",
    "shutdown_timeout_seconds": "0",
    "otel_traces_exporter": "otlp",
}
"""For each setting, a value that is not the default."""


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_a_setting_is_read_from_flag_and_variable(setting):
    text = EXAMPLES[setting.name]
    store = setting.about.store
    # With the other settings that this store requires.
    needed = {s.variable: EXAMPLES[s.name] for s in SETTINGS if store == s.about.store and s.about.required}
    environ = {**needed, "STORE": store} if store else {}
    by_variable = read({**environ, setting.variable: text})
    assert by_variable == read(environ, [setting.flag, text])
    value = getattr(by_variable, setting.name)
    assert value != setting.default
    said = ",".join(value) if isinstance(value, tuple) else str(value)
    assert said.lower() == text


def test_a_boolean_flag_without_a_value_means_true():
    assert read({"FAULTS_ENABLED": "false"}, ["--faults-enabled"]).faults_enabled


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("PORT", "http", "a whole number from 0 to 65535"),
        ("PORT", "65536", "a whole number from 0 to 65535"),
        ("PORT", "-1", "a whole number from 0 to 65535"),
        ("PORT", "5_0", "a whole number from 0 to 65535"),
        ("PORT", "\u0665\u0660", "a whole number from 0 to 65535"),
        ("PORT", "1" * 5000, "a whole number from 0 to 65535"),
        ("PORT", "tcp://10.0.0.1:5000", "a whole number from 0 to 65535"),
        ("HOST", " ", "printable text that is not empty"),
        ("HOST", "a\nb", "printable text that is not empty"),
        ("THREADS", "0", "a whole number from 1 to 256"),
        ("STORE", "floppy", "one of memory, filesystem, s3, gcs, azure"),
        ("STORE_MIN_FREE_BYTES", "1.5", "a whole number from 0 to 1099511627776"),
        ("MAX_OBJECT_BYTES", "16MiB", "a whole number from 1 to 1099511627776"),
        ("MAX_OBJECT_BYTES", "0", "a whole number from 1 to 1099511627776"),
        ("LOG_LEVEL", "loud", "one of debug, info, warning, error"),
        ("LOG_FORMAT", "xml", "one of json, logfmt, console"),
        ("LOG_REQUESTS", "yes", "one of true, false"),
        ("METRICS_DISABLED", "storage_objects,up", "a comma-separated list of http_request_count, "),
        ("FAULTS_ENABLED", "True", "one of true, false"),
        ("SHUTDOWN_DELAY_SECONDS", "1.5", "a whole number from 0 to 3600"),
        ("SHUTDOWN_TIMEOUT_SECONDS", "x", "a whole number from 0 to 3600"),
        ("OTEL_TRACES_EXPORTER", "jaeger", "one of none, otlp"),
    ],
)
def test_an_invalid_value_is_reported_in_one_line(variable, value, allowed):
    (said,) = mistakes({variable: value})
    assert said.startswith(f"{variable}={value!r} is not allowed: use {allowed}")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        *((wrong, wrong) for wrong in ("ftp://x", "http://", "http://a b", "x:1", "http://x:99999")),
        # A possible password or signature (a SAS token) is not shown.
        ("http://u:p@x", "***@x"),
        ("u:p@x:1", "***@x:1"),
        ("http://x?sig=y", "http://x?***"),
        ("http://x/#y", "http://x/?***"),
    ],
)
@pytest.mark.parametrize("environ", [S3, AZURE], ids=lambda environ: environ["STORE"])
def test_an_endpoint_that_is_not_a_url_is_refused(environ, value, shown):
    variable = f"STORE_{environ['STORE'].upper()}_ENDPOINT"
    assert mistakes({**environ, variable: value}) == [
        f"{variable}={shown!r} is not allowed: use a URL such as https://storage.example.org"
    ]


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        (
            {"STORE": "s3"},
            "STORE_S3_BUCKET is not set: STORE=s3 needs a bucket name (3-63 characters a-z 0-9 . -)",
        ),
        (
            {"STORE": "gcs"},
            "STORE_GCS_BUCKET is not set: STORE=gcs needs a bucket name (3-63 characters a-z 0-9 . _ -)",
        ),
        (
            {**S3, "STORE": "memory"},
            "STORE_S3_BUCKET is set, but STORE is memory: only STORE=s3 uses it",
        ),
        (
            {**S3, "STORE_GCS_ENDPOINT": "http://x"},
            "STORE_GCS_ENDPOINT is set, but STORE is s3: only STORE=gcs uses it",
        ),
        (
            {"PORT": "9", "METRICS_PORT": "9"},
            "METRICS_PORT=9 is the API's port: use another one, or unset it to share the port",
        ),
        (
            {"METRICS_PORT": "5000"},
            "METRICS_PORT=5000 is the API's port: use another one, or unset it to share the port",
        ),
    ],
)
def test_a_contradiction_is_reported_in_one_line(environ, said):
    assert mistakes(environ) == [said]


def test_port_0_twice_is_no_contradiction():
    assert read({"PORT": "0", "METRICS_PORT": "0"}).metrics_port == 0


def test_an_unknown_store_is_reported_as_a_single_mistake():
    """Settings of another store are not reported as well if the store is unknown."""
    assert len(mistakes({**S3, "STORE": "s4"})) == 1


def test_the_traces_exporter_must_be_installed(monkeypatch):
    # Python's marker for a package that is not installed.
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto", None)
    assert mistakes({"OTEL_TRACES_EXPORTER": "otlp"}) == [
        "OTEL_TRACES_EXPORTER=otlp needs the extra storage-api[traces], which is not installed"
    ]


def test_all_mistakes_are_reported_at_once(end_of_start):
    status, said = end_of_start(
        "--thread=8", "--log-format=x", PORT="x", STORE="azure", METRICS_DISABLED="up", STORE_S3_REGION="eu"
    )
    lines = said.splitlines()
    assert status == 2
    assert [line.split(" ")[1].split("=")[0] for line in lines] == [
        "unrecognized",
        "PORT",
        "--log-format",
        "METRICS_DISABLED",
        "STORE_S3_REGION",
        "STORE_AZURE_ACCOUNT",
        "STORE_AZURE_CONTAINER",
    ]
    assert all(line.startswith("storage-api: ") for line in lines)


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("--thread=8", "unrecognized arguments: '--thread=***'; see --help"),
        ("serve", "unrecognized arguments: 'serve'; see --help"),
        ("a\nb", "unrecognized arguments: 'a\\nb'; see --help"),
        (
            "--aws-secret-access-key=s3cr3t",
            "unrecognized arguments: '--aws-secret-access-key=***'; see --help",
        ),
        ("--port", "argument --port: expected one argument; see --help"),
    ],
)
def test_an_invalid_flag_is_reported_in_one_line(argument, said):
    assert mistakes({}, argument) == [said]


def test_the_value_of_an_unknown_flag_is_not_shown():
    assert mistakes({}, "serve", "--token", "s3cr3t", "more") == [
        "unrecognized arguments: 'serve' '--token' *** 'more'; see --help"
    ]


def test_help_lists_every_setting(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "1000")  # wide enough to break no line
    with pytest.raises(SystemExit) as ended:
        read({"PORT": "bad"}, ["--help"])
    assert ended.value.code == 0
    said = " ".join(capsys.readouterr().out.split())
    for setting in SETTINGS:
        assert f" {setting.flag} " in said
        assert setting.description in said
        assert f"(default: {setting.default_text})" in said or setting.default_text == ""


def test_the_version_is_printed(capsys):
    with pytest.raises(SystemExit) as ended:
        read({}, ["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"storage-api {__version__}\n"


SECRET = "s3cr3t-of-ours"  # noqa: S105
GCS = {"STORE": "gcs", "STORE_GCS_BUCKET": "objects"}
KEY = f'{{"private_key": "{SECRET}"}}'


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        # A Secret that ends with a line break.
        (
            {**S3, "AWS_SECRET_ACCESS_KEY": f"{SECRET}\n"},
            "AWS_SECRET_ACCESS_KEY=*** is not allowed: use print",
        ),
        (
            {**S3, "AWS_SESSION_TOKEN": f"{SECRET}\u00e9"},
            "AWS_SESSION_TOKEN=*** is not allowed: use printable",
        ),
        (
            {**AZURE, "AZURE_STORAGE_TOKEN": f"{SECRET}\n"},
            "AZURE_STORAGE_TOKEN=*** is not allowed: use printable",
        ),
        (
            {**AZURE, "STORE_AZURE_ENDPOINT": f"https://x/?sig={SECRET}"},
            "STORE_AZURE_ENDPOINT='https://x/?***' is",
        ),
    ],
)
def test_invalid_credentials_are_reported_without_showing_them(capfd, environ, said):
    (line,) = mistakes(environ)
    assert line.startswith(said)
    assert SECRET not in line
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("environ", "status", "said"),
    [
        (
            {**S3, "AWS_SECRET_ACCESS_KEY": f"{SECRET}\n"},
            2,
            "AWS_SECRET_ACCESS_KEY=*** is not allowed: use print",
        ),
        # Not invalid by themselves: the store's library refuses them.
        ({**AZURE, "AZURE_STORAGE_ACCOUNT_KEY": SECRET}, 1, "container objects: Generic Microsoft"),
        ({**AZURE, "AZURE_STORAGE_SAS_KEY": f"{SECRET}&x"}, 1, "container objects: Generic Microsoft"),
        # The key itself instead of its file, and a key in quotes.
        ({**GCS, "GOOGLE_SERVICE_ACCOUNT": KEY}, 1, "bucket objects: Generic GCS error: "),
        ({**GCS, "GOOGLE_APPLICATION_CREDENTIALS": KEY}, 1, "bucket objects: Generic GCS error: "),
        ({**GCS, "GOOGLE_SERVICE_ACCOUNT_KEY": f'"{SECRET}"'}, 1, "bucket objects: Generic GCS error: "),
        ({"AUTH_TOKENS_FILE": SECRET}, 1, "AUTH_TOKENS_FILE=***: No such file or directory"),
    ],
)
def test_unusable_credentials_stop_the_start_without_being_shown(
    end_of_start, tmp_path, environ, status, said
):
    ended, printed = end_of_start(**{"STORE_PATH": tmp_path, **environ})
    assert (ended, printed.count("\n")) == (status, 1)
    assert printed.startswith(f"storage-api: {said}")
    assert SECRET not in printed


def test_empty_variables_of_a_stores_library_count_as_unset(start):
    """They used to be read as credentials and switches."""
    empty = dict.fromkeys(
        ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SKIP_SIGNATURE", "AWS_REGION"), ""
    )
    assert (
        start(**S3, STORE_S3_ENDPOINT="http://127.0.0.1:1", **empty).request("GET", "/healthz").status == 200
    )


# --- errors of the machine --------------------------------------------------------------------------


def test_a_port_in_use_is_reported_in_one_line(end_of_start):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, said = end_of_start(PORT=port, STORE="memory")
    assert (status, said) == (
        1,
        f"storage-api: cannot listen on HOST=127.0.0.1 PORT={port}: Address already in use\n",
    )


def test_a_metrics_port_in_use_is_reported_in_one_line(end_of_start):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, said = end_of_start(METRICS_PORT=port, STORE="memory")
    assert (status, said) == (
        1,
        f"storage-api: cannot listen on HOST=127.0.0.1 METRICS_PORT={port}: Address already in use\n",
    )


def test_an_unknown_host_is_reported_in_one_line(end_of_start):
    status, said = end_of_start(HOST="no.such.host.invalid", STORE="memory")
    assert (status, said.count("\n")) == (1, 1)
    assert said.startswith("storage-api: cannot listen on HOST=no.such.host.invalid PORT=0: ")


@pytest.mark.parametrize(("files", "threads", "needed"), [(199, 8, 200), (110, 1, 165), (12, 256, 1440)])
def test_too_few_descriptors_are_reported_with_the_required_number(end_of_start, files, threads, needed):
    """The service used to start, but accepted no connection."""
    prefix = ["bash", "-c", f'ulimit -n {files} && exec "$@"', "bash"]
    status, said = end_of_start(prefix=prefix, STORE="memory", THREADS=threads)
    assert (status, said.count("\n")) == (1, 1)
    assert said.startswith(
        f"storage-api: at most {files} files may be open, and THREADS={threads} needs {needed}: raise "
    )


def test_a_low_soft_limit_is_raised_to_what_the_hard_limit_allows(start):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    service = start("bash", "-c", 'ulimit -S -n 110 && exec "$@"', "bash", STORE="memory")
    expected = 3116 if hard == resource.RLIM_INFINITY else min(3116, hard)
    assert service.samples("process_max_fds") == {("process_max_fds", "", "", ""): expected}


def test_a_folder_in_use_is_reported_in_one_line(start, end_of_start, tmp_path):
    start(STORE_PATH=tmp_path)
    status, said = end_of_start(STORE_PATH=tmp_path)
    assert (status, said) == (1, f"storage-api: STORE_PATH={tmp_path}: another process uses this folder\n")


def test_a_folder_that_cannot_be_created_is_reported_in_one_line(end_of_start, tmp_path):
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "data"
    status, said = end_of_start(STORE_PATH=path)
    assert (status, said) == (1, f"storage-api: STORE_PATH={path}: Not a directory: {path}/objects\n")


@pytest.fixture
def without_privileges(missing_part) -> list[str]:
    """A command prefix that runs a command without root's right to ignore permissions."""
    if os.geteuid() != 0:
        return []
    # Root ignores permissions unless it runs without capabilities.
    if not shutil.which("setpriv"):
        missing_part("setpriv (util-linux), to test permissions as root")
    return ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]


@pytest.mark.parametrize("mode", [0o000, 0o500], ids=["unreadable", "unwritable"])
def test_a_forbidden_folder_is_reported_in_one_line(end_of_start, without_privileges, tmp_path, mode):
    path = tmp_path / "data"
    path.mkdir(mode=mode)
    status, said = end_of_start(prefix=without_privileges, STORE_PATH=path)
    path.chmod(0o700)
    assert (status, said) == (1, f"storage-api: STORE_PATH={path}: Permission denied: {path}/objects\n")


@pytest.mark.parametrize("denied", ["objects", "incoming", "lock"])
def test_an_unreadable_entry_of_the_folder_is_named(end_of_start, without_privileges, tmp_path, denied):
    path = tmp_path / "data"
    for folder in ("objects", "incoming"):
        (path / folder).mkdir(parents=True)
    (path / "lock").write_text("")
    (path / denied).chmod(0o000)
    status, said = end_of_start(prefix=without_privileges, STORE_PATH=path)
    (path / denied).chmod(0o700)
    assert (status, said) == (1, f"storage-api: STORE_PATH={path}: Permission denied: {path}/{denied}\n")


def test_the_parent_of_a_folder_need_not_be_readable(start, end_of_start, without_privileges, tmp_path):
    """Unless the folder must be created in it: then the error names the parent."""
    path = tmp_path / "parent" / "data"
    path.mkdir(parents=True)
    path.parent.chmod(0o311)
    try:
        service = start(*without_privileges, STORE_PATH=path)
        assert service.request("GET", "/readyz").status == 200
        new = path.with_name("new")
        status, said = end_of_start(prefix=without_privileges, STORE_PATH=new)
        assert (status, said) == (1, f"storage-api: STORE_PATH={new}: Permission denied: {path.parent}\n")
    finally:
        path.parent.chmod(0o700)


# --- the documentation -------------------------------------------------------------------------------


def test_the_documentation_of_settings_is_up_to_date():
    done = subprocess.run(
        [*DOCUMENT, "--check"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_documented_error_output_is_real():
    """The example in the text is the real output of such a start."""
    text = (ROOT / "docs/service.md").read_text()
    (said,) = re.findall(r"^\$ STORE=s3 PORT=http storage-api .*\n((?:storage-api: .*\n)+)", text, re.M)
    assert said.replace("storage-api: ", "").splitlines() == mistakes(
        {"STORE": "s3", "PORT": "http"}, "--log-format", "xml"
    )
