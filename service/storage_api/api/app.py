"""The app factory: handlers, errors and metrics around a store."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from flask import Flask, Request, Response
from prometheus_client import CollectorRegistry, Counter
from werkzeug.routing import BaseConverter, MapAdapter

from storage_api.config import Config
from storage_api.faults.drills import Drills, FaultyStore, Pool
from storage_api.stores import Store, open_store
from storage_api.telemetry import log, tracing
from storage_api.telemetry.exchange import Exchanges, Join, Observer
from storage_api.telemetry.metrics import HttpMetrics, MeasuredStore, Registry, watch_active, watch_process

from . import auth, errors
from .auth import Refusal, Tokens
from .handlers import buckets, faults, health, listing, metrics, openapi

if TYPE_CHECKING:
    from storage_api.telemetry.spans import Spans


class RestOfPath(BaseConverter):
    """A route's variable takes everything, so that an invalid id is answered 400 with a reason, not 404."""

    regex = "(?s:.*)"
    part_isolating = False


class JsonApp(Flask):
    """A Flask app without routes, whose errors are JSON."""

    def __init__(self, config: Config) -> None:
        super().__init__(__name__, static_folder=None)
        errors.install(self, config)

        @self.after_request
        def no_sniffing(response: Response) -> Response:
            # Clients choose the bytes that are stored: no browser may guess that they are a page.
            response.headers["X-Content-Type-Options"] = "nosniff"
            return response

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Bind to path and method alone: what Flask reads beside them takes a tenth of a request's time."""
        if request is None:
            return None
        return self.url_map.bind(
            "localhost", subdomain="", default_method=request.method, path_info=request.path
        )


class StorageApi(JsonApp):
    """The WSGI app that serves a store.

    draining: set when load balancers should send it no more requests
    registry: holds its metrics
    store: what it serves
    metrics_app: the app that serves the metrics; another one if METRICS_PORT is set
    drills: makes it fail on purpose; None unless FAULTS_ENABLED
    exchanges: the requests being served; None without observers
    refusal: `(path, authorization)` to the reason for answering 401 before the body is read, or None
    """

    def __init__(
        self,
        config: Config,
        store: Store,
        registry: CollectorRegistry,
        *,
        tokens: Tokens | None = None,
        drills: Drills | None = None,
        observers: tuple[Observer, ...] = (),
        join: Join = tracing.join,
    ) -> None:
        """Serve `store` and what is in `registry`. Without the keyword arguments nothing is observed.

        tokens: those that requests need one of; by default they need none
        observers, join: as for Exchanges
        """
        super().__init__(config)
        self.draining = threading.Event()
        self.store = store
        self.registry = registry
        self.drills = drills
        self.refusal: Refusal = tokens.refusal if tokens else lambda _path, _authorization: None
        self.metrics_app = self if config.metrics_port is None else JsonApp(config)
        self.exchanges: Exchanges | None = None

        self.url_map.converters["default"] = RestOfPath
        # A redirect to another path would name another object.
        self.url_map.merge_slashes = False
        if tokens:
            auth.install(self, tokens)
        if drills:
            drills.install(self)
            self.register_blueprint(faults.blueprint(drills, self.draining))
        self.register_blueprint(buckets.blueprint(store))
        self.register_blueprint(listing.blueprint(store))
        self.register_blueprint(health.blueprint(store, self.draining))
        self.register_blueprint(openapi.blueprint(config))
        self.metrics_app.register_blueprint(metrics.blueprint(registry))
        if observers:
            self.exchanges = self.wsgi_app = Exchanges(self, observers, join)
            if self.metrics_app is not self:
                self.metrics_app.wsgi_app = Exchanges(self.metrics_app, observers, join)


def create_app(
    config: Config, store: Store | None = None, spans: Spans | None = None, pool: Pool | None = None
) -> StorageApi:
    """Build the app as `config` says, with its metrics and logs.

    store: what it serves; by default the one that `config` names (raises StoreError)
    spans: gets a span for each request and each operation of the store
    pool: the threads that will run the app; drills take some of them away
    Raises TokensError when AUTH_TOKENS_FILE cannot be used.
    """
    registry = Registry(config.metrics_disabled)
    watch_process(registry)
    store = store or open_store(config)
    lost_spans = Counter("storage_spans_lost", "Spans that did not reach the collector.", registry=registry)
    if spans:
        spans.on_loss(lost_spans.inc)
    drills = Drills(config.threads, registry, pool) if config.faults_enabled else None
    if drills:
        store = FaultyStore(store, drills)
    app = StorageApi(
        config,
        MeasuredStore(store, config.store, registry, spans.operation if spans else None),
        registry,
        tokens=Tokens(config.auth_tokens_file) if config.auth_tokens_file else None,
        drills=drills,
        observers=(HttpMetrics(registry), *log.observers(config), *((spans,) if spans else ())),
        join=spans.begin if spans else tracing.join,
    )
    watch_active(app.exchanges.active, registry)
    return app
