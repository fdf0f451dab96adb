"""What the storage API's own chart records for dashboards."""

import yaml

from lab.render.chart import render_chart
from tests.support.slo.series import counter, gauge, selector
from tests.support.slo.vocabulary import exactly

TARGET = {"namespace": "observability", "job": "platform-storage-api"}
LABELS = 'namespace="observability", slo_service="platform-storage-api"'
NAMES = {
    "service:fault:active",
    "service:latency_seconds_bucket:rate",
    "storage:operations:rate",
    "storage:operation_seconds:quantile",
}


def records(**storage_api: dict) -> dict[str, dict]:
    """The records of the storage API, by name, with faults enabled unless the values say otherwise."""
    values = {"storage-api": {"faults": {"enabled": True}, **storage_api}}
    (rule,) = render_chart(values).find("PrometheusRule", "platform-storage-api")
    rules = [rule for group in rule["spec"]["groups"] for rule in group["rules"]]
    return {rule["record"]: rule for rule in rules if "record" in rule}


def series() -> dict[str, str]:
    """Two pods, whose last one ends after 10 minutes, and metrics of others."""
    found = {}
    for pod, more, rate in (
        ("a", {}, 2),
        ("b", {}, 1),
        ("x", {"job": "other"}, 9),
        ("x", {"namespace": "test"}, 9),
    ):
        target = {**TARGET, **more, "pod": pod}
        ends = "stale" if not more else ""

        def counted(name, each, target=target, ends=ends, rate=rate, **labels):
            found[selector(name, **target, **labels)] = f"{counter([('10m', each * rate)])} {ends}"

        found[selector("up", **target)] = gauge([("10m", 1), ("5m", 1 if more else 0)])
        found[selector("storage_fault_active", **target, fault="error")] = "1x20 " + ends
        found[selector("storage_fault_active", **target, fault="latency")] = f"{int(bool(more))}x20 " + ends
        for le, each in (("0.1", 1), ("+Inf", 4)):
            for status in ("200", "500"):
                counted("http_request_duration_seconds_bucket", each, status=status, le=le)
        for outcome, each in (("success", 3), ("error", 1)):
            counted("storage_operations_total", each, operation="put", outcome=outcome)
        for operation, each in (("put", 4), ("get", 0)):
            for le, share in (("0.1", 0.5), ("0.2", 1), ("+Inf", 1)):
                name = "storage_operation_duration_seconds_bucket"
                counted(name, each * share, operation=operation, backend="memory", le=le)
    return found


def test_records_count_the_service_alone_and_end_with_its_last_target(promtool, tmp_path):
    put = 'operation="put"'
    expected = {
        "service:fault:active": {'fault="error"': 1, 'fault="latency"': 0},
        "service:latency_seconds_bucket:rate": {'le="0.1"': 6, 'le="+Inf"': 24},
        "storage:operations:rate": {f'{put}, outcome="success"': 9, f'{put}, outcome="error"': 3},
        "storage:operation_seconds:quantile": {f'{put}, backend="memory", quantile="0.99"': 0.198},
    }
    asked = [exactly("10m", name, *samples.items(), service=LABELS) for name, samples in expected.items()]
    asked += [exactly("10m30s", name, service=LABELS) for name in NAMES]
    test = {
        "interval": "30s",
        "input_series": [{"series": name, "values": values} for name, values in series().items()],
        "promql_expr_test": [
            {
                "expr": query,
                "eval_time": time,
                "exp_samples": [{"labels": labels, "value": value} for labels, value in samples.items()],
            }
            for time, query, samples in asked
        ],
    }
    groups = [{"name": "records", "rules": list(records().values())}]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": groups}))
    document = {
        "rule_files": ["rules.yaml"],
        "evaluation_interval": "30s",
        "fuzzy_compare": True,
        "tests": [test],
    }
    (tmp_path / "tests.yaml").write_text(yaml.safe_dump(document))
    done = promtool("test", "rules", tmp_path / "tests.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_record_whose_metric_is_missing_is_left_out():
    assert records().keys() == NAMES
    assert records(faults={"enabled": False}).keys() == NAMES - {"service:fault:active"}
    families = {
        "http_request_duration_seconds": "service:latency_seconds_bucket:rate",
        "storage_operations": "storage:operations:rate",
        "storage_operation_duration_seconds": "storage:operation_seconds:quantile",
    }
    for family, record in families.items():
        assert records(config={"metricsDisabled": [family]}).keys() == NAMES - {record}
    nothing = records(config={"metricsDisabled": list(families)}, faults={"enabled": False})
    assert nothing == {}


def test_speed_shortens_the_records_windows():
    values = {"global": {"monitoring": {"speed": 60}}}
    (rule,) = render_chart(values).find("PrometheusRule", "platform-storage-api")
    assert "[5000ms]" in yaml.safe_dump(rule) and "[5m]" not in yaml.safe_dump(rule)
