"""Faults on demand, for drills: their description (fault.py) and their effect (drills.py)."""

from .fault import ERROR_STATUSES, MAX_FOR_SECONDS, MAX_LATENCY_SECONDS, STORES, Fault, InvalidFault, read

__all__ = [
    "ERROR_STATUSES",
    "MAX_FOR_SECONDS",
    "MAX_LATENCY_SECONDS",
    "STORES",
    "Fault",
    "InvalidFault",
    "read",
]
