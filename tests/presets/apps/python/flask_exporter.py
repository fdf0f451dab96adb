"""The Flask application with prometheus-flask-exporter. Argument: the port."""

import sys

from application import app
from prometheus_flask_exporter import PrometheusMetrics

PrometheusMetrics(app)
app.run("127.0.0.1", int(sys.argv[1]), threaded=True)
