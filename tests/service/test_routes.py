"""The app serves exactly the table of routes, and queries elsewhere agree with the table."""

import re
from collections import defaultdict

from lab import ROOT
from storage_api import routes
from storage_api.api.app import create_app
from storage_api.config import Config
from storage_api.stores import MemoryStore

RULE = ROOT / "templates/_storage_api_slo.tpl"


def test_the_app_serves_exactly_the_routes_of_the_table():
    app = create_app(Config(faults_enabled=True), MemoryStore())
    served = defaultdict(set)
    for rule in app.url_map.iter_rules():
        served[rule.rule] |= rule.methods
    assert served == {route.path: route.statuses.keys() - {routes.OTHER_METHOD} for route in routes.ROUTES}


def test_routes_are_found_by_their_properties():
    assert routes.paths(timed=True) == {"/api/buckets", "/api/buckets/<id>"}
    assert routes.paths(open=False) == {"/api/buckets", "/api/buckets/<id>", "/faults"}
    assert routes.paths(starts_traces=False, open=True) == {"/healthz", "/readyz", "/metrics", "/api/metrics"}


def test_the_rules_leave_out_probes_and_other_untimed_routes():
    (left_out,) = re.findall(r'"(/healthz\|[^"]*)"', RULE.read_text())
    assert set(left_out.split("|")) == routes.paths(timed=False)
