"""The chart's monitoring as local processes: the render, its servers, their tools, sample traffic."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The repository, whose chart the lab renders."""
