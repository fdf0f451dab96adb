"""An online shop's checkout, instrumented with prometheus-flask-exporter: an example of a service to watch.

It keeps its orders in memory. Environment variables: HOST (127.0.0.1) and PORT (8000); METRICS_PREFIX, the
first word of the metrics' names; METRICS_GROUP_BY, `url_rule` or `path`; DURATION_BUCKETS, the histogram's
bounds in seconds, separated by commas.
"""

import itertools
import os
import time

import waitress
from flask import Flask, abort, jsonify, request
from prometheus_client import Histogram
from prometheus_flask_exporter import PrometheusMetrics

KEPT_ORDERS = 1000
NO_FAULT = {"error_ratio": 0, "slow_ratio": 0, "slow_seconds": 0, "scrape_seconds": 0}

app = Flask(__name__)
metrics = PrometheusMetrics(
    app,
    defaults_prefix=os.environ.get("METRICS_PREFIX", "flask"),
    buckets=tuple(map(float, filter(None, os.environ.get("DURATION_BUCKETS", "").split(","))))
    or Histogram.DEFAULT_BUCKETS,
    group_by=os.environ.get("METRICS_GROUP_BY", "url_rule"),
)
orders: dict[str, str] = {}
fault = dict(NO_FAULT)
numbers = itertools.count(1)


def strikes(number: int, ratio: float) -> bool:
    """True for exactly this share of the requests, spread evenly: every tenth for 0.1."""
    return int(number * ratio) > int((number - 1) * ratio)


@app.before_request
def apply_fault() -> None:
    if request.path == "/metrics":
        time.sleep(fault["scrape_seconds"])  # the fault: a slow scrape
    if request.path.startswith("/orders"):
        number = next(numbers)
        if strikes(number, fault["slow_ratio"]):
            time.sleep(fault["slow_seconds"])  # the fault: a slow order
        if strikes(number, fault["error_ratio"]):
            abort(500, "the payment provider does not answer")


@app.put("/orders/<id>")
def place(id: str):
    if len(orders) >= KEPT_ORDERS and id not in orders:
        abort(507, "too many orders")
    orders[id] = request.get_data(as_text=True)
    return jsonify(id=id)


@app.get("/orders/<id>")
def show(id: str):
    return jsonify(id=id, items=orders[id]) if id in orders else abort(404)


@app.delete("/orders/<id>")
def cancel(id: str):
    orders.pop(id, None)
    return "", 204


@app.get("/healthz")
@metrics.do_not_track()
def healthz():
    return "ok\n"


@app.route("/faults", methods=["GET", "PUT", "DELETE"])
@metrics.do_not_track()
def faults():
    """Make a share of the orders fail or slow, for drills; DELETE ends it."""
    if request.method != "GET":
        wanted = request.get_json(force=True) if request.method == "PUT" else {}
        if not (
            isinstance(wanted, dict)
            and wanted.keys() <= NO_FAULT.keys()
            and all(type(value) in (int, float) and value >= 0 for value in wanted.values())
        ):
            abort(400, f"allowed are {', '.join(NO_FAULT)}, each a number from 0")
        fault.update(NO_FAULT | wanted)
    return jsonify(fault)


if __name__ == "__main__":
    host, port = os.environ.get("HOST", "127.0.0.1"), os.environ.get("PORT", "8000")
    waitress.serve(app, host=host, port=port, threads=8)
