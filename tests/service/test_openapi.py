"""The OpenAPI document agrees with the routes, the metrics, and the responses to generated requests."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from storage_api.api.app import create_app
from storage_api.api.openapi import document
from storage_api.config import Config
from storage_api.stores import MemoryStore
from storage_api.telemetry.exchange import CLIENT_CLOSED_REQUEST
from storage_api.telemetry.metrics.labels import TIMED, UNTIMED
from tests.support.draws import sample

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
CHECKS = Path(__file__).with_name("schemathesis.toml")
TOKEN = "a-test-token"  # noqa: S105 - no secret

CONFIGS = {
    "the least": Config(store="memory", metrics_port=1),
    "the most": Config(store="memory", faults_enabled=True, auth_tokens_file=Path("tokens")),
}


@pytest.fixture(params=CONFIGS)
def config(request, tmp_path) -> Config:
    found = CONFIGS[request.param]
    if found.auth_tokens_file:
        file = tmp_path / "tokens"
        file.write_text(TOKEN)
        return Config(**vars(found) | {"auth_tokens_file": file})
    return found


def statuses(made: dict) -> dict[tuple[str, str], set[int]]:
    """{(route, method): statuses} of a document."""
    return {
        (path.replace("{id}", "<id>"), method.upper()): {int(status) for status in operation["responses"]}
        for path, operations in made["paths"].items()
        for method, operation in operations.items()
        if method != "parameters"
    }


def test_the_document_has_exactly_the_routes_of_the_app(config):
    app = create_app(config, MemoryStore())
    routes = {(rule.rule, method) for rule in app.url_map.iter_rules() for method in rule.methods}
    assert statuses(document(config)).keys() == routes


def test_the_document_has_the_statuses_of_the_metrics():
    config = CONFIGS["the most"]
    counted = {
        (route, method): set(found) - {CLIENT_CLOSED_REQUEST}  # 499 is never sent to a client.
        for route, methods in (TIMED | UNTIMED).items()
        for method, found in methods.items()
        if method != "_OTHER"
    }
    # A request without a token is counted before its route is known.
    assert {key: found - {401} for key, found in statuses(document(config)).items()} == counted


def test_the_document_is_valid_openapi_with_unique_names(config):
    made = document(config)
    ids = [
        operation["operationId"]
        for operations in made["paths"].values()
        for method, operation in operations.items()
        if method != "parameters"
    ]
    assert len(set(ids)) == len(ids)
    for operation in made["paths"]["/api/buckets/{id}"].values():
        for response in operation["responses"].values() if "responses" in operation else ():
            for link in response.get("links", {}).values():
                assert link["operationId"] in ids
    guarded = {path for path, found in made["paths"].items() if "security" in found["get"]}
    assert guarded == ({"/api/buckets", "/api/buckets/{id}", "/faults"} if config.auth_tokens_file else set())


@pytest.fixture(scope="module")
def services(start, tmp_path_factory) -> dict:
    tokens = tmp_path_factory.mktemp("tokens") / "tokens"
    tokens.write_text(TOKEN)
    return {
        "memory": start(STORE="memory", AUTH_TOKENS_FILE=tokens),
        "filesystem": start(FAULTS_ENABLED="true"),
    }


def test_the_document_is_served_without_a_token(services):
    for service in services.values():
        answer = service.request("GET", "/openapi.json")
        assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
        assert answer.json["openapi"] == "3.1.0"
        assert "16777216 bytes" in json.dumps(answer.json["paths"]["/api/buckets/{id}"]["put"])


def test_the_listing_matches_its_schema(services):
    service = services["filesystem"]
    service.request("PUT", "/api/buckets/a", b"x")
    page = service.request("GET", "/api/buckets?limit=1").json
    made = service.request("GET", "/openapi.json").json
    content = made["paths"]["/api/buckets"]["get"]["responses"]["200"]["content"]
    jsonschema.validate(page, content["application/json"]["schema"])
    assert page["buckets"]


@pytest.fixture
def examples(draws) -> int:
    """Random requests per operation, in addition to those that test its limits one by one."""
    return draws(5, 20)


SINGLE = ("--phases", "examples,coverage,fuzzing")
API = ("--exclude-path", "/faults", "--exclude-method", "OPTIONS")
RUNS = {
    # Links between operations are followed too.
    "valid": ("--mode", "positive", *API),
    "invalid": ("--mode", "negative", *SINGLE, *API),
    # Separate, because OPTIONS also accepts ids that other methods refuse, and deleted objects.
    "methods": (*SINGLE, "--include-method", "OPTIONS"),
}


# The everyday sample, every second one, has each run and each store.
ON_STORES = [
    *(("valid", "filesystem"), ("valid", "memory"), ("invalid", "memory"), ("invalid", "filesystem")),
    *(("methods", "filesystem"), ("methods", "memory")),
]


@pytest.mark.parametrize("case", sample(ON_STORES, 2), ids=" on ".join)
def test_responses_to_generated_requests_match_the_document(services, tmp_path, examples, case):
    run, store = case
    assert passed(services[store], tmp_path, examples, *RUNS[run]) >= 20


@pytest.mark.parametrize("mode", ["positive", "negative"])
def test_responses_to_generated_drills_match_the_document(services, tmp_path, examples, mode):
    """In a separate test, because drills make other requests fail."""
    service = services["filesystem"]
    control = ("--include-path", "/faults", "--exclude-method", "OPTIONS")
    try:
        assert passed(service, tmp_path, examples, "--mode", mode, *SINGLE, *control) >= 20
    finally:
        service.request("DELETE", "/faults")


def passed(service, folder: Path, examples: int, *options: str) -> int:
    """Run Schemathesis with all checks on `service`; none may fail. Return the number of requests."""
    done = subprocess.run(
        [
            *(SCHEMATHESIS, "--config-file", CHECKS, "run", f"http://127.0.0.1:{service.port}/openapi.json"),
            *("--header", f"Authorization: Bearer {TOKEN}", "--seed", "1", "--max-examples", str(examples)),
            *("--checks", "all", "--no-color", *options),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    count = re.search(r"(\d+) generated, (\d+) passed", done.stdout)
    print(count[0])
    return int(count[2])
