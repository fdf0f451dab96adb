"""Reads durations as Prometheus writes them."""

import re

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def seconds(duration: str) -> float:
    """Seconds of a duration such as 2500ms or 1h30m; an empty one is 0."""
    return sum((float(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)([a-z]+)", duration)), 0.0)
