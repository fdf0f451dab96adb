"""Bearer tokens: which requests need one, early refusal of uploads, and rotation without a restart."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from storage_api.api.auth import OPEN_PATHS, Tokens, TokensError
from tests.support.waiting import wait_until

TOKENS = ("first-token", "c2Vjb25k.~+/_-==")
OPEN = ("/healthz", "/readyz", "/metrics", "/api/metrics", "/openapi.json")


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("tokens") / "tokens"
    file.write_text(f"\n{TOKENS[0]}\n\n  {TOKENS[1]} \r\n\n")
    return file


@pytest.fixture(scope="module")
def service(start, file):
    return start(AUTH_TOKENS_FILE=file, FAULTS_ENABLED="true", MAX_OBJECT_BYTES=2**30)


def assert_refused(answer, reason: str) -> None:
    assert answer.status == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json == {"error": "unauthorized", "reason": reason}


# --- access ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", TOKENS)
def test_each_token_grants_access(service, token):
    assert service.request("PUT", "/api/buckets/1", b"x", **bearer(token)).status == 200
    assert service.request("GET", "/api/buckets/1", **bearer(token)).body == b"x"
    assert service.request("GET", "/api/buckets", **bearer(token)).status == 200
    assert service.request("GET", "/faults", **bearer(token)).status == 200


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer  "])
def test_the_scheme_is_case_insensitive(service, scheme):
    assert service.request("GET", "/api/buckets", Authorization=f"{scheme} {TOKENS[0]}").status == 200


@pytest.mark.parametrize("method", ["PUT", "GET", "HEAD", "DELETE", "OPTIONS", "POST", "BREW"])
@pytest.mark.parametrize(
    "target",
    [
        "/api/buckets/1",
        "/api/buckets",
        "/api/buckets/",
        "/faults",
        "/",
        "/none",
        "/healthz/",
        "/metrics/x",
        "/%2Fhealthz",
        "/api%2Fmetrics",
        "http://y/none",
    ],
)
def test_requests_without_a_token_are_refused(service, method, target):
    """The refusal comes before routing, so it does not reveal which paths and methods exist."""
    answer = service.request(method, target)
    assert answer.status == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    if method != "HEAD":
        assert_refused(answer, "a token is required, as 'Authorization: Bearer <token>'")
    else:
        assert answer.body == b""


@pytest.mark.parametrize(
    ("authorization", "reason"),
    [
        ("", "the header must have the form 'Authorization: Bearer <token>'"),
        ("Bearer", "the header must have the form 'Authorization: Bearer <token>'"),
        ("Bearer ", "the header must have the form 'Authorization: Bearer <token>'"),
        (TOKENS[0], "the header must have the form 'Authorization: Bearer <token>'"),
        (f"Basic {TOKENS[0]}", "the header must have the form 'Authorization: Bearer <token>'"),
        (f"Bearer {TOKENS[0]} x", "the header must have the form 'Authorization: Bearer <token>'"),
        (f"Bearer {TOKENS[0]}, Bearer x", "the header must have the form 'Authorization: Bearer <token>'"),
        (f"Bearer {TOKENS[0]}\xe9", "the header must have the form 'Authorization: Bearer <token>'"),
        (f"Bearer {TOKENS[0]}x", "the token is not valid"),
        (f"Bearer {TOKENS[0][:-1]}", "the token is not valid"),
        (f"Bearer {TOKENS[0].upper()}", "the token is not valid"),
        ("Bearer " + "x" * 50_000, "the token is not valid"),
    ],
    ids=lambda value: value[:30],
)
def test_a_wrong_token_is_refused(service, authorization, reason):
    assert_refused(service.request("GET", "/api/buckets/1", Authorization=authorization), reason)


@pytest.mark.parametrize("target", OPEN)
def test_probes_metrics_and_openapi_need_no_token(service, target):
    assert set(OPEN) == OPEN_PATHS
    for method in ("GET", "HEAD"):
        assert service.request(method, target).status == 200
        assert service.request(method, target, **bearer("wrong")).status == 200


def test_a_conditional_request_without_a_token_is_refused(service):
    """Without a token, no response reveals whether an object exists or what its etag is."""
    etag = service.request("PUT", "/api/buckets/kept", b"kept", **bearer(TOKENS[0])).headers["etag"]
    for headers in ({"If-None-Match": etag}, {"If-Match": '"x"'}, {"Range": "bytes=9-"}):
        assert service.request("GET", "/api/buckets/kept", **headers).status == 401
        assert service.request("HEAD", "/api/buckets/none", **headers).status == 401
    assert (
        service.request("GET", "/api/buckets/kept", **{"If-None-Match": etag}, **bearer(TOKENS[0])).status
        == 304
    )


def test_a_refused_request_counts_as_unmatched(service):
    def refused() -> float:
        counts = service.samples("http_request_count_total")
        return counts["http_request_count_total", "unmatched", "_OTHER", "401"]

    before = refused()
    for _ in range(3):
        service.request("GET", "/api/buckets/1")
    wait_until(lambda: refused() == before + 3)
    assert {line["route"] for line in service.log if line.get("status") == 401} == {"unmatched"}


# --- an upload is refused at its header -------------------------------------------------------------------


def stored_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


@pytest.mark.parametrize(
    "length", [b"Content-Length: 1000000000", b"Transfer-Encoding: chunked"], ids=["length", "chunked"]
)
def test_an_upload_without_a_token_cannot_fill_the_disk(start, file, tmp_path, read_response, length):
    service = start(AUTH_TOKENS_FILE=file, MAX_OBJECT_BYTES=2**30, STORE_PATH=tmp_path)
    before = stored_bytes(tmp_path)
    head = b"PUT /api/buckets/big HTTP/1.1\r\nHost: x\r\n" + length + b"\r\n\r\n"
    with service.connect() as connection:
        connection.sendall(head)
        # Nothing of the body is sent, so the answer is to the header.
        assert_refused(read_response(connection), "a token is required, as 'Authorization: Bearer <token>'")
        sent = 0
        chunk = b"100000\r\n" + bytes(0x100000) + b"\r\n"
        try:
            for _ in range(64):
                connection.sendall(chunk)
                sent += len(chunk)
        except OSError:
            pass  # The service has responded and may close the connection.
        assert stored_bytes(tmp_path) == before
    assert service.request("GET", "/healthz").status == 200


def test_a_refused_request_gets_no_100_continue(service, read_response):
    with service.connect() as connection:
        connection.sendall(
            b"PUT /api/buckets/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n"
        )
        assert_refused(read_response(connection), "a token is required, as 'Authorization: Bearer <token>'")


# --- rotation ---------------------------------------------------------------------------------------------


class Secret:
    """A folder like a mounted Secret: the file is a link into the folder `..data`, a link that is swapped."""

    def __init__(self, folder: Path, content: str) -> None:
        self._folder = folder
        self._number = 0
        self.file = folder / "tokens"
        self.update(content)
        self.file.symlink_to("..data/tokens")

    def update(self, content: str) -> None:
        self._number += 1
        (self._folder / f"..{self._number}").mkdir()
        (self._folder / f"..{self._number}" / "tokens").write_text(content)
        link = self._folder / "..data_tmp"
        link.symlink_to(f"..{self._number}")
        link.replace(self._folder / "..data")


def allowed(service, *tokens: str) -> list[str]:
    return [
        token for token in tokens if service.request("GET", "/api/buckets", **bearer(token)).status == 200
    ]


def test_tokens_rotate_without_a_restart(start, tmp_path):
    secret = Secret(tmp_path, "old\n")
    service = start(STORE="memory", AUTH_TOKENS_FILE=secret.file)
    assert allowed(service, "old", "new") == ["old"]
    secret.update("old\nnew\n")
    assert allowed(service, "old", "new") == ["old", "new"]
    secret.update("new\n")
    assert allowed(service, "old", "new") == ["new"]
    # A file that is overwritten with the same length.
    secret.file.write_text("old\n")
    assert allowed(service, "old", "new") == ["old"]


BAD = [
    ("", "it contains no token"),
    ("\n \n", "it contains no token"),
    ("fine\nnot fine\n", "line 2 is not a token (A-Z a-z 0-9 . _ ~ + / - and = at the end)"),
    ("fine\n# comment\n", "line 2 is not a token (A-Z a-z 0-9 . _ ~ + / - and = at the end)"),
    ("tök\n", "line 1 is not a token (A-Z a-z 0-9 . _ ~ + / - and = at the end)"),
    ("x" * 2_000_000, "it has more than 1048576 bytes"),
]


@pytest.mark.parametrize(("content", "reason"), BAD, ids=[reason[:20] for _, reason in BAD])
def test_an_invalid_tokens_file_keeps_the_last_tokens(start, tmp_path, content, reason):
    """It is logged once, not per request, and without its content."""
    secret = Secret(tmp_path, "old\n")
    service = start(STORE="memory", AUTH_TOKENS_FILE=secret.file)
    secret.update(content)
    for _ in range(5):
        assert allowed(service, "old", "fine") == ["old"]
    said = [line for line in service.log if line["level"] == "error"]
    assert [line["message"] for line in said] == [
        f"the last valid tokens stay in use: AUTH_TOKENS_FILE={secret.file}: {reason}"
    ]
    secret.update("new\n")
    assert allowed(service, "old", "new") == ["new"]


def test_a_missing_tokens_file_keeps_the_last_tokens(start, tmp_path):
    file = tmp_path / "tokens"
    file.write_text("old")
    service = start(STORE="memory", AUTH_TOKENS_FILE=file)
    file.unlink()
    for _ in range(5):
        assert allowed(service, "old") == ["old"]
    said = [line["message"] for line in service.log if line["level"] == "error"]
    assert said == [f"the last valid tokens stay in use: AUTH_TOKENS_FILE={file}: No such file or directory"]
    file.write_text("new")
    assert allowed(service, "old", "new") == ["new"]


@pytest.mark.parametrize(("content", "reason"), BAD, ids=[reason[:20] for _, reason in BAD])
def test_an_invalid_tokens_file_is_refused(tmp_path, content, reason):
    file = tmp_path / "tokens"
    file.write_text(content)
    with pytest.raises(TokensError) as refused:
        Tokens(file)
    assert str(refused.value) == f"AUTH_TOKENS_FILE={file}: {reason}"


def test_an_invalid_tokens_file_stops_the_start(end_of_start, tmp_path):
    file = tmp_path / "tokens"
    content, reason = BAD[0]
    file.write_text(content)
    status, said = end_of_start(STORE="memory", AUTH_TOKENS_FILE=file)
    assert (status, said) == (1, f"storage-api: AUTH_TOKENS_FILE={file}: {reason}\n")


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe", "device"])
def test_a_tokens_path_that_is_not_a_regular_file_is_refused(tmp_path, kind):
    file = tmp_path / "tokens"
    reason = "it is not a regular file"
    if kind == "missing":
        reason = "No such file or directory"
    elif kind == "folder":
        reason = "Is a directory"
        file.mkdir()
    elif kind == "pipe":
        os.mkfifo(file)
    else:
        file.symlink_to("/dev/zero")
    with pytest.raises(TokensError) as refused:
        Tokens(file)
    assert str(refused.value) == f"AUTH_TOKENS_FILE={file}: {reason}"


# --- secrecy ----------------------------------------------------------------------------------------------


def test_no_token_is_logged(start, tmp_path):
    """Neither valid nor invalid tokens, at the most verbose level."""
    file = tmp_path / "tokens"
    file.write_text("right-token\n")
    service = start(STORE="memory", AUTH_TOKENS_FILE=file, LOG_LEVEL="debug")
    for authorization in ("Bearer right-token", "Bearer wrong-token", "wrong-token", "Basic wrong-token"):
        service.request("GET", "/api/buckets/1", Authorization=authorization)
    file.write_text("right-token\nwrong token\n")
    service.request("GET", "/api/buckets/1")
    wait_until(lambda: len([line for line in service.log if line["message"] == "request"]) == 5)
    assert not [line for line in service.log if "token" in str(line) and "-token" in str(line)]


def test_all_tokens_are_compared(file, monkeypatch):
    """The request's token is compared with all of them, so that the time does not reveal which matches."""
    compared = []
    monkeypatch.setattr(
        "storage_api.api.auth.hmac.compare_digest", lambda a, b: compared.append((a, b)) or a == b
    )
    tokens = Tokens(file)
    for token, refusal in ((TOKENS[0], None), (TOKENS[1], None), ("wrong", "the token is not valid")):
        compared.clear()
        assert tokens.refusal("/api/buckets", f"Bearer {token}") == refusal
        assert len(compared) == len(TOKENS)
