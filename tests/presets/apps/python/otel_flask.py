"""The Flask application with OpenTelemetry. Argument: the port.

OTEL_SEMCONV_STABILITY_OPT_IN chooses the conventions.
"""

import sys

from application import app
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.metrics import set_meter_provider
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import make_wsgi_app
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import run_simple

set_meter_provider(MeterProvider([PrometheusMetricReader()]))
FlaskInstrumentor().instrument_app(app)
served = DispatcherMiddleware(app, {"/metrics": make_wsgi_app()})
run_simple("127.0.0.1", int(sys.argv[1]), served, threaded=True)
