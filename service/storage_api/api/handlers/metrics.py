"""`/metrics` and `/api/metrics`: the registry, in the format that the scraper asks for."""

from __future__ import annotations

from flask import Blueprint, Response, request
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from storage_api.routes import API_METRICS, METRICS


def blueprint(registry: CollectorRegistry) -> Blueprint:
    """The exposition of `registry`."""
    routes = Blueprint("metrics", __name__)

    @routes.get(METRICS.path)
    @routes.get(API_METRICS.path)
    def metrics() -> Response:
        try:
            encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        except TypeError:
            # It compares versions as numbers, also when the scraper sent a word.
            encode, content_type = choose_encoder("")
        return Response(encode(registry), content_type=content_type)

    return routes
