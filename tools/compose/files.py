"""All generated files of deploy/compose: the project, and the configuration of its servers.

Prometheus and Alertmanager are configured as the operator would configure them in a cluster, as in the lab;
the targets are the names of compose services instead of addresses of pods.
"""

from pathlib import Path

from lab import ROOT
from lab.errors import LabError
from lab.render import self_monitoring, workload
from lab.render.alertmanager_config import integrations
from lab.render.chart import render_chart
from lab.render.stack import Stack
from lab.servers import alertmanager, grafana, prometheus
from tools import yaml_text
from tools.compose import own_service, project

FOLDER = ROOT / "deploy" / "compose"
GENERATED = ("prometheus", "alertmanager", "grafana", "services/scrape", "services/rules")
"""The subfolders in which every file is generated."""
HEAD = "# Written by `make compose` from the rendered chart.\n"
ALERTMANAGER = "alertmanager:9093"
PROMETHEUS = "prometheus:9090"


def all_files(folder: Path = FOLDER) -> dict[Path, str]:
    """The files by path, for the values.yaml and the services/*.yaml in the folder.

    Raises LabError where they ask for something that needs an operator, and RenderError.
    """
    values = folder / "values.yaml"
    render = render_chart(value_files=[values])
    stack = Stack.of(render)
    api = workload.find(render, {"http": "storage-api:5000", "metrics": "storage-api:9797"})
    pods = [api.pod, *self_monitoring.pods(stack, {"prometheus": PROMETHEUS, "alertmanager": ALERTMANAGER})]
    monitoring = prometheus.configuration(render, stack, pods, self_monitoring.objects(stack), ALERTMANAGER)
    if monitoring.left_out:
        raise LabError(f"{values}: {'; '.join(monitoring.left_out)}")
    main = monitoring.main | {
        "rule_files": ["rules/*.yaml", "../services/rules/*.yaml"],
        "scrape_config_files": ["../services/scrape/*.yaml"],
    }
    alerts = alertmanager.configuration(
        stack, Path(), render.find("AlertmanagerConfig"), lambda receiver: integrations(receiver, _in_file)
    )
    texts: dict[str, str] = {
        "compose.yaml": project.HEAD
        + yaml_text.dump(project.project(render, stack, api, monitoring.flags, alerts.flags)),
        "prometheus/prometheus.yml": HEAD + yaml_text.dump(main),
        **{
            f"prometheus/rules/{name}": HEAD + yaml_text.dump(rules)
            for name, rules in monitoring.rules.items()
        },
        "alertmanager/alertmanager.yml": HEAD + yaml_text.dump(alerts.main, sort_keys=True),
        **{f"alertmanager/{name}": text for name, text in alerts.templates.items()},
        **{
            f"grafana/provisioning/{path}": HEAD + yaml_text.dump(content)
            for path, content in grafana.provisioning(
                stack, f"http://{PROMETHEUS}", f"http://{ALERTMANAGER}", project.DASHBOARDS
            ).items()
        },
        **{
            f"grafana/dashboards/{path}": text
            for path, text in grafana.dashboards(stack, render.ours).items()
        },
    }
    for path in sorted(folder.glob("services/*.yaml")):
        address, slo = own_service.read(path)
        made = own_service.configuration(slo, address, render, values)
        texts |= {
            f"services/{kind}/{path.name}": HEAD + yaml_text.dump(content) for kind, content in made.items()
        }
    return {folder / path: text for path, text in texts.items()}


def _in_file(field: str, secret: str, key: str) -> dict[str, str]:
    """A credential is read from a file, as from a mounted Secret."""
    return {f"{field}_file": f"{project.SECRETS}/{secret}/{key}"}
