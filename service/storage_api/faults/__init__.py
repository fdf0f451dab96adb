"""Faults on demand, for drills: what a fault is (fault.py) and how it acts (drills.py)."""

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
