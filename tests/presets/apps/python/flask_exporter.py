"""A Flask application with prometheus-flask-exporter. Argument: the port."""

import sys
import time

from flask import Flask
from prometheus_flask_exporter import PrometheusMetrics

app = Flask(__name__)
PrometheusMetrics(app)


@app.get("/<int:status>/<int:milliseconds>")
def answer(status: int, milliseconds: int):
    time.sleep(milliseconds / 1000)
    return "", status


@app.get("/crash")
def crash():
    raise RuntimeError("a bug")


app.run("127.0.0.1", int(sys.argv[1]), threaded=True)
