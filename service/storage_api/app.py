"""The app factory: handlers, errors and metrics around a store."""

from __future__ import annotations

import threading

from flask import Flask, Response
from prometheus_client import CollectorRegistry
from werkzeug.routing import BaseConverter

from . import errors, log
from .config import Config
from .exchange import Exchanges
from .handlers import buckets, health, listing, metrics
from .metrics import HttpMetrics, MeasuredStore, Registry, watch_active, watch_process
from .stores import Store, open_store


class RestOfPath(BaseConverter):
    """A route's variable takes everything, so that what is no id is refused with a reason, not as unknown."""

    regex = "(?s:.*)"
    part_isolating = False


class StorageApi(Flask):
    """The WSGI app; `draining` is set when it shall no longer be sent requests, `registry` is its own."""

    draining: threading.Event
    registry: CollectorRegistry
    store: Store


def create_app(config: Config, store: Store | None = None) -> StorageApi:
    """Build the app on `store` (default: the one that `config` names; raises StoreError), and watch it."""
    registry = Registry(config.metrics_disabled)
    watch_process(registry)
    store = MeasuredStore(store or open_store(config), config.store, registry)
    app = bare_app(config, store, registry)
    # Whatever watches requests is one more observer.
    exchanges = Exchanges(app, observers=(HttpMetrics(registry), *log.observers(config)))
    watch_active(exchanges.active, registry)
    app.wsgi_app = exchanges
    return app


def bare_app(config: Config, store: Store, registry: CollectorRegistry) -> StorageApi:
    """Build the app on `store`, that shows what is in `registry` and adds nothing to it."""
    app = StorageApi(__name__, static_folder=None)
    app.url_map.converters["default"] = RestOfPath
    # A redirect to another path would be another object.
    app.url_map.merge_slashes = False
    app.draining = threading.Event()
    app.store = store
    app.registry = registry

    errors.install(app, config)
    app.register_blueprint(buckets.blueprint(store))
    app.register_blueprint(listing.blueprint(store))
    app.register_blueprint(metrics.blueprint(registry))
    app.register_blueprint(health.blueprint(store, app.draining))

    @app.after_request
    def no_sniffing(response: Response) -> Response:
        # Stored bytes are a stranger's: no browser shall guess that they are a page.
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    return app
