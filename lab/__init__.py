"""Runs the rendered chart's monitoring as local processes, on a machine without a cluster."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The repository, whose chart the lab renders."""
