"""Metrics: HTTP requests, store operations, saturation of the server, and the process."""

from __future__ import annotations

from .http import HttpMetrics, watch_active
from .process import watch_process
from .registry import Registry
from .server import watch_server
from .storage import MeasuredStore

__all__ = ["HttpMetrics", "MeasuredStore", "Registry", "watch_active", "watch_process", "watch_server"]
