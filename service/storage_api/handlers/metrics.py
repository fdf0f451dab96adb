"""`/metrics` and `/api/metrics`: the registry, in the format that the scraper asks for."""

from __future__ import annotations

from flask import Blueprint, Response, request
from prometheus_client import CollectorRegistry, Gauge, Info, PlatformCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder

from .. import __version__
from ..stores import Store


def blueprint(registry: CollectorRegistry, store: Store) -> Blueprint:
    """The exposition of `registry`, after adding what describes the process, the build and `store`."""
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    Info("storage_api_build", "The running build.", registry=registry).info({"version": __version__})
    if store.usage() is not None:
        objects = Gauge("storage_api_objects", "Objects in the store.", registry=registry)
        objects.set_function(lambda: store.usage().objects)
        stored = Gauge("storage_api_stored_bytes", "Bytes of all objects in the store.", registry=registry)
        stored.set_function(lambda: store.usage().bytes)

    routes = Blueprint("metrics", __name__)

    @routes.get("/metrics")
    @routes.get("/api/metrics")
    def metrics() -> Response:
        try:
            encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        except TypeError:
            # It compares versions as numbers, also when the scraper sent a word.
            encode, content_type = choose_encoder("")
        return Response(encode(registry), content_type=content_type)

    return routes
