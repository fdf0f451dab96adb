"""The compose project, and the variables that it needs."""

from lab import ROOT

COMPOSE = ROOT / "deploy" / "compose"
VARIABLES = {"GRAFANA_ADMIN_PASSWORD": "correct horse"}
