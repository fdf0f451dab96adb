"""Every value is described, in the schema and used by a template; invalid values are refused."""

import json
import re
import shutil
import subprocess
import sys
from copy import deepcopy

import pytest
import yaml

from lab import ROOT
from lab.render.chart import RenderError, render_chart
from tests.support.chart.alerting import ALERTING
from tests.support.draws import sample

STACK = "kube-prometheus-stack"
# A fixed password, so that two renders are equal.
FIXED = {STACK: {"grafana": {"adminPassword": "fixed"}}}
S3 = {"type": "s3", "s3": {"bucket": "objects"}}
GCS = {"type": "gcs", "gcs": {"bucket": "objects"}}
AZURE = {"type": "azure", "azure": {"account": "someone", "container": "objects"}}
RECEIVERS = {name: {"webhook": {"secret": name}} for name in ("default", "other")}
KEY_PAIR = {"storage-api": {"store": {"s3": {"accessKeyId": "a", "secretAccessKey": "s"}}}}
# Values that must be set for another value to have an effect, by the start of its path.
CONTEXTS = {
    "slo.monitor": {"slo": {"services": {"checkout": {"preset": "otel-http"}}}},
    "alerting": {"alerting": ALERTING | {"receivers": RECEIVERS}},
    "tests.grafana": {"tests": {"grafanaUrl": "http://grafana.example", "grafanaSecret": "grafana"}},
    "storage-api.replicas": {"storage-api": {"store": S3}},
    "storage-api.store.s3": {"storage-api": {"store": S3}},
    "storage-api.store.s3.accessKeyId": KEY_PAIR,
    "storage-api.store.s3.secretAccessKey": KEY_PAIR,
    "storage-api.store.gcs": {"storage-api": {"store": GCS}},
    "storage-api.store.azure": {"storage-api": {"store": AZURE}},
    "storage-api.auth": {"storage-api": {"auth": {"existingSecret": "tokens"}}},
    "storage-api.networkPolicy.objectStore": {"storage-api": {"store": S3}},
    "storage-api.networkPolicy.traces": {"storage-api": {"traces": {"endpoint": "http://collector:4318"}}},
    "storage-api.autoscaling": {"storage-api": {"store": S3, "autoscaling": {"enabled": True}}},
    "storage-api.podDisruptionBudget": {"storage-api": {"store": S3, "replicas": 2}},
    "storage-api.ingress": {"storage-api": {"ingress": {"enabled": True, "hosts": ["a.example"]}}},
    "storage-api.httpRoute": {
        "storage-api": {
            "httpRoute": {"enabled": True, "hostnames": ["b.example"], "parentRefs": [{"name": "public"}]}
        }
    },
    "storage-api.certificate": {
        "storage-api": {
            "ingress": {"enabled": True, "hosts": ["a.example"]},
            "certificate": {"enabled": True, "issuerRef": {"name": "letsencrypt"}},
        }
    },
    f"{STACK}.thanosRuler.thanosRulerSpec": {STACK: {"thanosRuler": {"enabled": True}}},
    f"{STACK}.grafana.initChownData": {STACK: {"grafana": {"persistence": {"enabled": True}}}},
    f"{STACK}.grafana.sidecar.datasources.createPrometheusReplicasDatasources": {
        STACK: {"prometheus": {"prometheusSpec": {"replicas": 2}}}
    },
}
RESOURCES = {"$ref": "#/definitions/io.k8s.api.core.v1.ResourceRequirements"}
# A value other than the default, where none can be derived from the type.
SAMPLES = {
    "dashboards.enabled": False,
    "dashboards.extra": {"shop": {"json": '{"uid": "shop", "title": "Shop"}'}},
    "global.monitoring.runbookUrl": "https://runbooks.example",
    "global.monitoring.grafanaUrl": "https://grafana.example",
    "platformAlerts.enabled": False,
    "platformAlerts.samplesOverBudget.excludeJobs": ["apiserver"],
    "global.imagePullSecrets": ["registry"],
    "global.imageRegistry": "registry.example",
    "alerting.receivers": {**RECEIVERS, "more": {"slack": {"secret": "slack"}}},
    **{f"alerting.{role}": "other" for role in ("critical", "warning", "info", "heartbeat")},
    "alerting.muteTimes": {"weekends": {"timeIntervals": [{"weekdays": ["saturday", "sunday"]}]}},
    "alerting.extraRoutes": [{"receiver": "other"}],
    "tests.prometheusUrl": "http://prometheus.example",
    "tests.alertmanagerUrl": "http://alertmanager.example",
    "tests.grafanaUrl": "http://other.example",
    "slo.services": {"checkout": {"preset": "otel-http"}},
    "slo.defaults": {"keepFiringFor": "7m"},
    "slo.period": "7d",
    "slo.interval": "7s",
    "slo.burnRates.critical": [{"long": "2h", "short": "10m", "budgetPercent": 4}],
    "slo.burnRates.warning": [{"long": "2d", "short": "4h", "budgetPercent": 9}],
    "storage-api.image.digest": "sha256:" + "0" * 64,
    "storage-api.imagePullSecrets": ["registry"],
    "storage-api.store.persistence.accessModes": ["ReadWriteOncePod"],
    "storage-api.store.persistence.size": "3Gi",
    "storage-api.store.s3.endpoint": "http://minio.example:9000",
    "storage-api.store.gcs.endpoint": "http://gcs.example:4443",
    "storage-api.store.azure.endpoint": "https://azure.example",
    "storage-api.config.metricsDisabled": ["storage_objects"],
    "storage-api.metrics.port": 9797,
    "storage-api.traces.endpoint": "https://otlp.example/otlp",
    "storage-api.extraEnv": [{"name": "A", "value": "b"}],
    "storage-api.extraEnvFrom": [{"configMapRef": {"name": "more"}}],
    "storage-api.extraVolumes": [{"name": "more", "emptyDir": {}}],
    "storage-api.extraVolumeMounts": [{"name": "tmp", "mountPath": "/more"}],
    "storage-api.ingress.hosts": ["c.example"],
    "storage-api.ingress.path": "/api",
    "storage-api.httpRoute.parentRefs": [{"name": "private", "namespace": "gateways"}],
    "storage-api.httpRoute.hostnames": ["c.example"],
    "storage-api.httpRoute.path": "/more",
    "storage-api.certificate.duration": "24h",
    "storage-api.certificate.renewBefore": "1h",
    "storage-api.networkPolicy.api.from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}],
    "storage-api.networkPolicy.metrics.from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}],
    "storage-api.networkPolicy.objectStore.to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}],
    "storage-api.networkPolicy.traces.to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}],
    "storage-api.networkPolicy.extraEgress": [{"ports": [{"port": 4317}]}],
    "storage-api.autoscaling.behavior": {"scaleDown": {"stabilizationWindowSeconds": 60}},
    "storage-api.serviceMonitor.relabelings": [{"targetLabel": "team", "replacement": "a"}],
    "storage-api.serviceMonitor.metricRelabelings": [{"action": "drop", "regex": "python_.*"}],
    "storage-api.prometheusRule.alerts.saturated.queuedRequests": 3.5,
    "storage-api.lifecycle": {"preStop": {"exec": {"command": ["true"]}}},
    "storage-api.tolerations": [{"operator": "Exists"}],
    "storage-api.affinity": {"podAntiAffinity": {}},
    "storage-api.topologySpreadConstraints": [],
    f"{STACK}.prometheus.prometheusSpec.enableFeatures": ["exemplar-storage", "otlp-deltatocumulative"],
    f"{STACK}.prometheus.prometheusSpec.retention": "9d",
    f"{STACK}.prometheus.prometheusSpec.retentionSize": "9GB",
    f"{STACK}.prometheus.prometheusSpec.storageSpec": {"emptyDir": {}},
    f"{STACK}.prometheus.prometheusSpec.remoteWrite": [{"url": "https://metrics.example"}],
    f"{STACK}.alertmanager.config": {"global": {"resolve_timeout": "9m"}},
    f"{STACK}.grafana.grafana.ini.users.home_page": "/d/another",
    f"{STACK}.grafana.sidecar.datasources.defaultDatasourceScrapeInterval": "20s",
    f"{STACK}.grafana.additionalDataSources": [{"name": "Loki", "type": "loki", "uid": "loki"}],
}


SUBCHARTS = ("storage-api", "slo")


def schema_of(chart):
    return json.loads((ROOT / chart / "values.schema.json").read_text())


def leaves(schema, values, path=()):
    """Yield (path, schema, default) of each value that has no properties of its own in the schema."""
    for key, default in values.items():
        below = schema["properties"].get(key, {})
        if "properties" in below and "default" not in below:
            yield from leaves(below, default, (*path, key))
        else:
            yield ".".join((*path, key)), below, default


def all_leaves():
    umbrella = yaml.safe_load((ROOT / "values.yaml").read_text())
    for part in SUBCHARTS:
        yield f"{part}.enabled", {"type": "boolean"}, umbrella.pop(part)["enabled"]
        values = yaml.safe_load((ROOT / "charts" / part / "values.yaml").read_text())
        for path, schema, default in leaves(schema_of(f"charts/{part}"), values):
            yield f"{part}.{path}", schema, default
    yield from leaves(schema_of("."), umbrella)


LEAVES = {path: (schema, default) for path, schema, default in all_leaves()}
OURS = [path for path in LEAVES if not path.startswith(STACK)]
CONDITIONS = (f"{STACK}.enabled", f"{STACK}.crds.enabled")
"""Conditions of the dependencies: Helm itself reads them, before it renders templates."""
UNPACKED = f"{STACK}.grafana.testFramework.enabled"
"""Without effect: Grafana's .helmignore excludes every folder `tests`, so its package lacks the templates."""
THEIRS = [path for path in LEAVES if path.startswith(STACK) and path not in (*CONDITIONS, UNPACKED)]


def nested(path, value):
    for key in reversed(re.split(r"\.(?!ini\b)", path)):  # grafana.ini is one key
        value = {key: value}
    return value


def merged(*values):
    result = {}
    for each in values:
        for key, value in each.items():
            both = isinstance(value, dict) and isinstance(result.get(key), dict)
            result[key] = merged(result[key], value) if both else deepcopy(value)
    return result


def another(path):
    """Return a value that the schema allows and that is not the default."""
    schema, default = LEAVES[path]
    changed = {
        bool: lambda: not default,
        int: lambda: default + 1,
        float: lambda: default / 2,
        str: lambda: "7s" if {"$ref": "#/definitions/duration"} in schema.get("allOf", ()) else "another",
        dict: lambda: {**default, "example.org/key": "value"},
        list: lambda: pytest.fail(f"{path} needs a sample"),
    }
    if path in SAMPLES:
        return SAMPLES[path]
    if RESOURCES in schema.get("allOf", ()):
        return {"requests": {"cpu": "1"}}
    if "enum" in schema:
        return next(word for word in schema["enum"] if word != default)
    return changed[type(default)]()


def context(path):
    fixed = {} if path == "global.gitops" else FIXED
    return merged(fixed, *(values for start, values in CONTEXTS.items() if path.startswith(start)))


def test_schemas_and_the_table_of_values_are_up_to_date():
    command = [sys.executable, "-m", "tools.values_schema", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", LEAVES)
def test_every_value_is_described_and_typed(path):
    schema, default = LEAVES[path]
    if path.removesuffix(".enabled") not in SUBCHARTS:  # its condition, which only the parent chart has
        assert schema["description"]
        assert schema["default"] == default
    assert {"type", "enum", "allOf", "items"} & schema.keys()


@pytest.mark.parametrize("path", sample(OURS, every=5))
def test_every_value_of_ours_changes_the_rendered_objects(rendered, path):
    """Or is refused by name, where it contradicts another."""
    base = context(path)
    changed = merged(base, nested(path, another(path)))
    if changed == base:  # the context sets the same value
        changed = merged(base, nested(path, LEAVES[path][1]))
    before = rendered(base).ours
    try:
        after = rendered(changed).ours
    except RenderError as refused:
        assert path in str(refused)
    else:
        assert before != after


def maps(known, values, path=()):
    """Yield (path, known names, values) of each map that may also have other names of the dependency."""
    for name, below in known.items():
        if below:
            inner = values.get(name) or {}
            yield (*path, name), below, inner
            yield from maps(below, inner, (*path, name))


KNOWN = yaml.safe_load((ROOT / "files/known-names.yaml").read_text())
MAPS = {".".join(path): known for path, known, _ in maps(KNOWN, {})}


def test_every_top_level_name_of_the_stack_is_known(rendered, needs_package):
    names = KNOWN[STACK].keys()
    # These two have no default, but the dependency's templates read them.
    assert names - rendered().values[STACK].keys() == {"additionalPrometheusRules", "extraManifests"}
    assert rendered().values[STACK].keys() <= names


def letters(name):
    return name.lower().replace("-", "").replace("_", "")


def distance(one, other):
    """Count the letters that are dropped, added, replaced or swapped with a neighbour between two words."""
    before, row = [], list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        older, before, row = before, row, [i]
        for j, each in enumerate(other, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (letter != each)))
            if i > 1 and j > 1 and letter == other[j - 2] and each == one[i - 2]:
                row[-1] = min(row[-1], older[j - 2] + 1)
    return row[-1]


def meant(path, name):
    """The names that the chart must suggest for an unknown one."""
    most = {known: 1 if path == "global" or len(letters(known)) < 6 else 2 for known in MAPS[path]}
    return [known for known in most if distance(letters(name), letters(known)) <= most[known]]


def misspellings(word):
    """A sample of the misspellings of a word: one edit, one swap of two letters, or two edits."""

    def edits(word, at):
        yield word[:at] + word[at + 1 :]
        yield word[:at] + "q" + word[at:]
        yield word[:at] + "q" + word[at + 1 :]

    yield from (word.swapcase(), f"{word[0]}-{word[1:]}", f"{word[:-1]}_{word[-1]}")
    for at in (0, len(word) // 2, len(word) - 2):
        yield word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        for once in edits(word, at):
            yield once
            for twice in edits(once, len(word) // 3):
                yield twice
                yield twice[:-1]  # often three edits


@pytest.mark.parametrize("path", MAPS)
def test_a_name_is_refused_exactly_if_it_is_close_to_a_known_one(path, draws):
    """Compares the suggestions for many misspelt names with those by a textbook edit distance."""
    made = sorted({name for word in MAPS[path] for name in misspellings(word)} - MAPS[path].keys())
    names = made if len(made) < 100 else made[:: draws(6, 1)]
    wanted = {}
    for name in names:
        if close := meant(path, name):
            wanted[f"{path}.{name}"] = f"not a known value; did you mean {' or '.join(sorted(close))}?"
        elif path == STACK:
            wanted[f"{path}.{name}"] = f"not a value of {STACK}; remove it, or correct its name"
    with pytest.raises(RenderError) as refused:
        render_chart(nested(path, dict.fromkeys(names, "text")))
    lines = re.split(rf"; (?=global\.|{STACK}\.)", str(refused.value))
    assert dict(line.split(": ", 1) for line in lines) == wanted
    assert path == STACK or len(wanted) < len(names)


def test_no_name_of_the_stack_is_refused(rendered, needs_package):
    """The render passes with all names in the default values of the stack and its subcharts."""
    unknown = [name for _, known, values in maps(KNOWN, rendered().values) for name in values.keys() - known]
    assert len(unknown) > 500


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        (
            "prometheus.prometheusSpec.serviceMonitorSelectorNilUsesHelmValue",
            "not a known value; did you mean serviceMonitorSelectorNilUsesHelmValues?",
        ),
        ("prometheus.prometheusSpec.retension", "not a known value; did you mean retention?"),
        ("grafana.sidecars", "not a known value; did you mean sidecar?"),
        ("graphana", "not a known value; did you mean grafana?"),
        ("kubeApiserver", "not a known value; did you mean kubeApiServer?"),
        ("kubeStateMetric", "not a known value; did you mean kube-state-metrics or kubeStateMetrics?"),
        ("loki", f"not a value of {STACK}; remove it, or correct its name"),
    ],
)
@pytest.mark.parametrize("enabled", [True, False])
def test_a_misspelt_name_of_the_stack_is_refused_with_the_right_one(name, advice, enabled):
    with pytest.raises(RenderError) as refused:
        render_chart({STACK: {"enabled": enabled, **nested(name, {})}})
    assert str(refused.value) == f"{STACK}.{name}: {advice}"


@pytest.mark.parametrize("path", THEIRS)
def test_every_value_that_we_set_for_the_stack_has_an_effect(rendered, needs_package, path):
    """A value that the stack reads changes the rendered objects."""
    base = context(path)
    value = another(path)
    if path.endswith("adminPassword"):
        base, value = {}, "another"
    try:
        assert rendered(base).objects != rendered(merged(base, nested(path, value))).objects
    except RenderError as refused:
        assert path in str(refused)


@pytest.mark.parametrize(
    ("values", "path", "allowed"),
    [
        (
            {STACK: {"prometheus": {"prometheusSpec": {"ruleSelectorNilUsesHelmValues": "false"}}}},
            "/kube-prometheus-stack/prometheus/prometheusSpec/ruleSelectorNilUsesHelmValues",
            "want boolean",
        ),
        ({STACK: {"fullnameOverride": "x" * 27}}, "/kube-prometheus-stack/fullnameOverride", "want 26"),
        ({"dashboard": {}}, None, "'dashboard' not allowed"),
        ({"global": {"monitoring": {"label": {}}}}, "/global/monitoring", "'label' not allowed"),
        ({"storage-api": {"replica": 1}}, None, "'replica' not allowed"),
        ({"storage-api": {"replicas": "1"}}, "/replicas", "want integer"),
        (
            {"storage-api": {"store": {"type": "nfs"}}},
            "/store/type",
            "'memory', 'filesystem', 's3', 'gcs', 'azure'",
        ),
        (
            {"storage-api": {"config": {"logFormat": "text"}}},
            "/config/logFormat",
            "'json', 'logfmt', 'console'",
        ),
        ({"storage-api": {"config": {"threads": 0}}}, "/config/threads", "want 1"),
        (
            {"storage-api": {"config": {"metricsDisabled": ["http_request_counts"]}}},
            "/config/metricsDisabled/0",
            "'http_request_count', ",
        ),
        ({"storage-api": {"traces": {"endpoint": "collector:4317"}}}, "/traces/endpoint", "pattern"),
        ({"storage-api": {"faults": {"enabled": "yes"}}}, "/faults/enabled", "want boolean"),
        ({"storage-api": {"service": {"port": 70000}}}, "/service/port", "65,535"),
        ({"storage-api": {"serviceMonitor": {"interval": "10 s"}}}, "/serviceMonitor/interval", "pattern"),
        ({"storage-api": {"tolerations": [{"efect": "x"}]}}, "/tolerations/0", "'efect' not allowed"),
        ({"storage-api": {"podLabels": {"team": 1}}}, "/podLabels/team", "want string"),
        (
            {
                STACK: {
                    "grafana": {
                        "sidecar": {
                            "datasources": {
                                "createPrometheusReplicasDatasources": True,
                                "exemplarTraceIdDestinations": {"datasourceUid": "tempo"},
                            }
                        }
                    }
                }
            },
            "/kube-prometheus-stack/grafana/sidecar/datasources/exemplarTraceIdDestinations",
            "maxProperties",
        ),
    ],
)
def test_an_invalid_value_is_refused_with_its_path_and_the_allowed_values(values, path, allowed):
    with pytest.raises(RenderError) as refused:
        render_chart(values)
    place = "at the first level" if path is None else f"at '{path}'"
    assert place in str(refused.value)
    assert allowed in str(refused.value)
    assert "\n" not in str(refused.value)


API = {"ingress": {"enabled": True, "hosts": ["a.example"]}}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"replicas": 2}, "storage-api.replicas: 2 pods cannot share the filesystem store"),
        ({"replicas": 2, "store": {"type": "memory"}}, "storage-api.replicas: 2 pods cannot share"),
        ({"autoscaling": {"enabled": True}}, "storage-api.autoscaling.enabled: several pods cannot share"),
        (
            {"store": S3, "autoscaling": {"enabled": True, "minReplicas": 9, "maxReplicas": 3}},
            "storage-api.autoscaling.minReplicas: 9 is more than maxReplicas (3)",
        ),
        (
            {"store": S3, "autoscaling": {"enabled": True}, "resources": {"requests": {"cpu": None}}},
            "storage-api.resources.requests.cpu: not set",
        ),
        ({"store": {"type": "s3"}}, "storage-api.store.s3.bucket: empty"),
        (
            {"store": {"s3": {"existingSecret": "a", "accessKeyId": "b", "secretAccessKey": "c"}}},
            "storage-api.store.s3.existingSecret: set together with accessKeyId",
        ),
        ({"store": {"s3": {"accessKeyId": "b"}}}, "storage-api.store.s3.accessKeyId: accessKeyId and secret"),
        (
            {"store": {"persistence": {"enabled": False, "existingClaim": "a"}}},
            "storage-api.store.persistence.existingClaim: set although",
        ),
        (
            {"replicas": 2, "store": {"type": "memory"}},
            "set it to 1, or set storage-api.store.type to s3, gcs or azure",
        ),
        ({"store": {"type": "gcs"}}, "storage-api.store.gcs.bucket: empty"),
        (
            {"store": {"type": "azure", "azure": {"container": "objects"}}},
            "storage-api.store.azure.account: empty",
        ),
        (
            {"store": {"type": "azure", "azure": {"account": "one"}}},
            "storage-api.store.azure.container: empty",
        ),
        (
            {"store": {"minFreeBytes": 2**30, "persistence": {"size": "1Gi"}}},
            "storage-api.store.minFreeBytes: a volume of 1Gi never has 1073741824 bytes free",
        ),
        ({"metrics": {"port": 5000}}, "storage-api.metrics.port: 5000 is the API's port; use another port"),
        (
            {"metrics": {"port": 80}, "service": {"port": 80}},
            "storage-api.metrics.port: 80 is the API's port",
        ),
        (
            {"metrics": {"port": 1023}},
            "storage-api.metrics.port: 1023 is a privileged port, which the pods' user cannot open",
        ),
        (
            {"config": {"metricsDisabled": ["http_request_count", "http_request_duration_seconds"]}},
            "storage-api.config.metricsDisabled: http_request_count and http_request_duration_seconds are",
        ),
        (
            {"auth": {"existingSecret": "a"}, "extraVolumes": [{"name": "auth", "emptyDir": {}}]},
            "storage-api.extraVolumes: the name auth is already used",
        ),
        (
            {
                "auth": {"existingSecret": "a"},
                "extraVolumeMounts": [{"name": "tmp", "mountPath": "/etc/storage-api/auth"}],
            },
            "storage-api.extraVolumeMounts: the mountPath /etc/storage-api/auth is already used",
        ),
        ({"ingress": {"enabled": True}}, "storage-api.ingress.hosts: empty"),
        ({"httpRoute": {"enabled": True, "hostnames": ["a.example"]}}, "storage-api.httpRoute.parentRefs: e"),
        (
            {**API, "httpRoute": {"enabled": True, "parentRefs": [{"name": "a"}]}},
            "storage-api.httpRoute.hostnames: empty, so the route applies to all hosts",
        ),
        (
            {
                **API,
                "httpRoute": {"enabled": True, "parentRefs": [{"name": "a"}], "hostnames": ["a.example"]},
            },
            "storage-api.httpRoute.hostnames: a.example is also in storage-api.ingress.hosts",
        ),
        ({"certificate": {"enabled": True}}, "storage-api.certificate.enabled: no host for the certificate"),
        ({**API, "certificate": {"enabled": True}}, "storage-api.certificate.issuerRef.name: empty"),
        (
            {
                "ingress": {**API["ingress"], "tlsSecret": "a"},
                "certificate": {"enabled": True, "issuerRef": {"name": "a"}},
            },
            "storage-api.ingress.tlsSecret: set together",
        ),
        (
            {"serviceMonitor": {"scrapeTimeout": "11s"}},
            "storage-api.serviceMonitor.scrapeTimeout: 11s is",
        ),
        (
            {"extraVolumes": [{"name": "tmp", "emptyDir": {}}]},
            "storage-api.extraVolumes: the name tmp",
        ),
        (
            {"extraVolumeMounts": [{"name": "a", "mountPath": "/a"}]},
            "storage-api.extraVolumeMounts: the volume a does not exist; add it to storage-api.extraVolumes",
        ),
        (
            {"extraVolumeMounts": [{"name": "tmp", "mountPath": "/data"}]},
            "storage-api.extraVolumeMounts: the mountPath /data is already used",
        ),
        ({"extraEnv": [{"name": "A"}, {"name": "A"}]}, "storage-api.extraEnv: A is listed twice"),
    ],
)
def test_a_contradiction_is_refused_with_advice(values, message):
    with pytest.raises(RenderError) as refused:
        render_chart({"storage-api": values})
    assert message in str(refused.value)


@pytest.mark.parametrize(
    "address",
    [
        "https://github.com/example/platform/blob/main/docs/runbooks",
        "https://gitlab.example/platform/-/blob/main/docs/runbooks",
    ],
)
def test_runbooks_on_a_git_server_are_refused(address):
    """The page is called target-down.md there, so that the links of all alerts would lead nowhere."""
    with pytest.raises(RenderError, match=r"global\.monitoring\.runbookUrl: .* is a folder on a Git server"):
        render_chart({"global": {"monitoring": {"runbookUrl": address}}})


def test_several_contradictions_are_reported_at_once():
    with pytest.raises(RenderError) as refused:
        render_chart({"storage-api": {"replicas": 2, "certificate": {"enabled": True}}})
    assert "storage-api.replicas" in str(refused.value)
    assert "storage-api.certificate.issuerRef.name" in str(refused.value)


@pytest.fixture
def generator_files(tmp_path):
    """A copy of the files that the generator reads and writes."""
    for name in ("tools", "charts", "docs", "files"):
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / "lab").mkdir()
    for name in ("lab/__init__.py", "values.yaml", "values.schema.json"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.mark.parametrize(
    ("added", "message"),
    [
        ("more: 1", r"/values\.yaml:\d+: more has no description above it"),
        ("# More.\nmore: {}", r"/values\.yaml:\d+: more: an empty default needs an @schema line"),
        ("# More.\n# @schema [\nmore: 1", r"/values\.yaml:\d+: more: its @schema line is not a YAML map"),
        ("more: [", r"/values\.yaml:\d+: "),
        ("# More.\nmore: 1", r"^out of date: values\.schema\.json"),
    ],
)
def test_the_generator_names_the_line_that_it_cannot_read(generator_files, added, message):
    with (generator_files / "values.yaml").open("a") as file:
        file.write(f"\n{added}\n")
    command = [sys.executable, "-m", "tools.values_schema", "--check"]
    done = subprocess.run(command, cwd=generator_files, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert re.search(message, done.stderr, re.MULTILINE)
    assert "Traceback" not in done.stderr
