"""Ingress and HTTPRoute: requests to the address in the NOTES reach the API at a path that it serves."""

import re

import pytest

from lab.render.chart import RenderError
from storage_api.api.app import create_app
from storage_api.config import read
from tests.support.chart.notes import notes

OWN = ("/", "/api", "/api/", "/api/buckets")
REWRITE = {"nginx.ingress.kubernetes.io/rewrite-target": "/$2"}


def httproute(path):
    route = {"enabled": True, "hostnames": ["a.example"], "parentRefs": [{"name": "public"}], "path": path}
    return {"storage-api": {"httpRoute": route}}


def ingress(path, **more):
    return {"storage-api": {"ingress": {"enabled": True, "hosts": ["a.example"], "path": path, **more}}}


def one(render, kind):
    (found,) = render.find(kind)
    return found


def routed(route, path):
    """The path with which a request arrives at the API behind an HTTPRoute, as the Gateway API defines it."""
    (rule,) = route["spec"]["rules"]
    (match,) = rule["matches"]
    assert match["path"]["type"] == "PathPrefix"
    prefix = match["path"]["value"].rstrip("/")
    assert path == prefix or path.startswith(f"{prefix}/"), f"{path} does not match {prefix}"
    for each in rule.get("filters", ()):
        assert each["type"] == "URLRewrite"
        assert each["urlRewrite"]["path"] == {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}
        path = "/" + path.removeprefix(prefix).lstrip("/")
    return path


def printed(text, host="a.example"):
    """The paths of all addresses of a host in the NOTES."""
    found = re.findall(rf"(?:https?://| ){re.escape(host)}(/\S*)", text)
    assert found
    return set(found)


@pytest.mark.parametrize("path", [*OWN, "/storage", "/storage/", "/team/storage", "/apiary"])
def test_a_request_to_the_printed_address_of_an_httproute_reaches_the_api(rendered, path):
    route = one(rendered(httproute(path)), "HTTPRoute")
    (address,) = printed(notes(httproute(path)))
    assert routed(route, address) == "/api/buckets/<id>"


@pytest.mark.parametrize("path", OWN)
def test_an_ingress_for_a_path_of_the_api_keeps_the_path(rendered, path):
    (rule,) = one(rendered(ingress(path)), "Ingress")["spec"]["rules"]
    assert rule["http"]["paths"][0]["path"] == path
    assert printed(notes(ingress(path))) == {"/api/buckets/<id>"}


def test_an_httproute_for_a_path_of_the_api_keeps_the_path(rendered):
    """Otherwise the Gateway would strip the path."""
    app = create_app(read({"STORE": "memory", "FAULTS_ENABLED": "true"}))
    paths = {rule.rule.partition("/<")[0] for rule in app.url_map.iter_rules()}
    assert {"/api/buckets", "/openapi.json", "/metrics"} <= paths
    for path in paths:
        (rule,) = one(rendered(httproute(path)), "HTTPRoute")["spec"]["rules"]
        assert "filters" not in rule, path


@pytest.mark.parametrize(
    ("values", "path"),
    [
        (ingress("/storage", annotations=REWRITE), "/storage"),
        (
            ingress("/storage(/|$)(.*)", annotations=REWRITE, pathType="ImplementationSpecific"),
            "/storage",
        ),
        (ingress("/*", pathType="ImplementationSpecific"), ""),
    ],
)
def test_the_notes_include_a_prefix_that_the_ingress_controller_strips(rendered, values, path):
    rendered(values)
    assert printed(notes(values)) == {f"{path}/api/buckets/<id>"}


def test_a_path_prefix_that_nothing_strips_is_refused(rendered):
    with pytest.raises(RenderError, match=r"^storage-api\.ingress\.path: the prefix /storage is not removed"):
        rendered(ingress("/storage"))


def test_the_notes_print_https_if_the_chart_has_a_certificate():
    certificate = {"enabled": True, "issuerRef": {"name": "ca"}}
    for values in (ingress("/"), httproute("/")):
        values["storage-api"]["certificate"] = certificate
        assert "https://a.example/api/buckets/<id>" in notes(values)


def test_the_notes_name_the_gateway_if_the_route_accepts_any_host():
    values = httproute("/storage")
    values["storage-api"]["httpRoute"]["hostnames"] = []
    assert "through the Gateway: <a host of the Gateway>/storage/api/buckets/<id>" in notes(values)
