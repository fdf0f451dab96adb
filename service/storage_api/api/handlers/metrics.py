"""`/metrics` and `/api/metrics`: the registry, in the format that the scraper asks for."""

from __future__ import annotations

import gzip

from flask import Blueprint, Response, request
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_options_header

from storage_api.api import parameters
from storage_api.routes import API_METRICS, METRICS

VERSIONS = {"application/openmetrics-text": ("1.0.0",), "text/plain": ("0.0.4", "1.0.0")}
"""{exposition format: versions that are served}"""
GZIP_LEVEL = 1
"""Takes a fortieth of the time that making the text takes; higher levels cost more and save few bytes."""


def blueprint(registry: CollectorRegistry) -> Blueprint:
    """The routes that expose `registry`."""
    routes = Blueprint("metrics", __name__)
    routes.before_request(parameters.refuse)

    @routes.get(METRICS.path)
    @routes.get(API_METRICS.path)
    def metrics() -> Response:
        encode, content_type = choose_encoder(_wanted(request.accept_mimetypes))
        response = Response(encode(registry), content_type=content_type)
        response.vary.update(("Accept", "Accept-Encoding"))
        if request.accept_encodings["gzip"]:
            response.data = gzip.compress(response.data, GZIP_LEVEL)
            response.content_encoding = "gzip"
        return response

    return routes


def _wanted(accept: MIMEAccept) -> str:
    """The scraper's preferred format among those that are served, as an Accept header; empty if none is.

    The library alone would claim to send any version that is asked for.
    """
    for value, quality in sorted(accept, key=lambda accepted: -accepted[1]):
        name, options = parse_options_header(value)
        version = options.get("version")
        if quality > 0 and name in VERSIONS and (version is None or version in VERSIONS[name]):
            given = {"version": version, "escaping": options.get("escaping")}
            return ";".join([name, *(f"{option}={text}" for option, text in given.items() if text)])
    return ""
