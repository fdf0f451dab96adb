"""The app factory: handlers, errors and metrics around a store."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from flask import Flask, Request, Response
from prometheus_client import CollectorRegistry, Counter
from werkzeug.routing import BaseConverter, MapAdapter

from storage_api.config import Config
from storage_api.faults.drills import Drills, FaultyStore
from storage_api.stores import Store, open_store
from storage_api.telemetry import log, tracing
from storage_api.telemetry.exchange import Exchanges
from storage_api.telemetry.metrics import HttpMetrics, MeasuredStore, Registry, watch_active, watch_process

from . import auth, errors
from .auth import Refusal, Tokens
from .handlers import buckets, faults, health, listing, metrics, openapi

if TYPE_CHECKING:
    from storage_api.telemetry.spans import Spans


class RestOfPath(BaseConverter):
    """A route's variable takes everything, so that what is no id is refused with a reason, not as unknown."""

    regex = "(?s:.*)"
    part_isolating = False


class StorageApi(Flask):
    """The WSGI app.

    draining: set when it shall no longer be sent requests
    registry: what its metrics are in
    store: what it serves
    metrics_app: what serves the metrics; another app where they have a port of their own
    drills: what makes it fail on purpose, if anything does
    exchanges: the requests that are being served, if they are watched
    refusal: `(path, authorization)` to the reason why such a request is refused unread, None: it is not
    """

    draining: threading.Event
    registry: CollectorRegistry
    store: Store
    metrics_app: Flask
    drills: Drills | None = None
    exchanges: Exchanges | None = None
    refusal: Refusal = staticmethod(lambda _path, _authorization: None)

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Routes depend on path and method alone; all that Flask finds out takes a tenth of a request."""
        if request is None:
            return None
        return self.url_map.bind(
            "localhost", subdomain="", default_method=request.method, path_info=request.path
        )


def create_app(config: Config, store: Store | None = None, spans: Spans | None = None) -> StorageApi:
    """Build the app on `store` (default: the one that `config` names; raises StoreError), and watch it.

    Requests and operations of the store are told to `spans` too, where they are sent.
    Raises TokensError for a file of tokens that can't be used.
    """
    registry = Registry(config.metrics_disabled)
    watch_process(registry)
    store = store or open_store(config)
    lost_spans = Counter("storage_spans_lost", "Spans that did not reach the collector.", registry=registry)
    if spans:
        spans.losses.on_loss = lost_spans.inc
    drills = Drills(config.threads, registry) if config.faults_enabled else None
    if drills:
        store = FaultyStore(store, drills)
    measured = MeasuredStore(store, config.store, registry, spans.operation if spans else None)
    app = bare_app(config, measured, registry)
    if config.auth_tokens_file:
        tokens = Tokens(config.auth_tokens_file)
        auth.install(app, tokens)
        app.refusal = tokens.refusal
    if drills:
        drills.install(app)
        app.register_blueprint(faults.blueprint(drills, app.draining))
        app.drills = drills
    # Whatever watches requests is one more observer.
    observers = (HttpMetrics(registry), *log.observers(config), *((spans,) if spans else ()))
    join = spans.begin if spans else tracing.join
    app.exchanges = app.wsgi_app = Exchanges(app, observers, join)
    watch_active(app.exchanges.active, registry)
    if app.metrics_app is not app:
        app.metrics_app.wsgi_app = Exchanges(app.metrics_app, observers, join)
    return app


def bare_app(config: Config, store: Store, registry: CollectorRegistry) -> StorageApi:
    """Build the app on `store`, that shows what is in `registry` and adds nothing to it."""
    app = _empty_app(config)
    app.url_map.converters["default"] = RestOfPath
    # A redirect to another path would be another object.
    app.url_map.merge_slashes = False
    app.draining = threading.Event()
    app.store = store
    app.registry = registry
    app.metrics_app = app if config.metrics_port is None else _empty_app(config)

    app.register_blueprint(buckets.blueprint(store))
    app.register_blueprint(listing.blueprint(store))
    app.register_blueprint(health.blueprint(store, app.draining))
    app.register_blueprint(openapi.blueprint(config))
    app.metrics_app.register_blueprint(metrics.blueprint(registry))
    return app


def _empty_app(config: Config) -> StorageApi:
    """An app without routes, that answers errors as ours does."""
    app = StorageApi(__name__, static_folder=None)
    errors.install(app, config)

    @app.after_request
    def no_sniffing(response: Response) -> Response:
        # Stored bytes are a stranger's: no browser shall guess that they are a page.
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    return app
