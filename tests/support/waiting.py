"""Waiting for a condition, with a time limit."""

import time
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")


def wait_until(ask: Callable[[], Answer], seconds: float = 10) -> Answer:
    """Call `ask` until it returns something true, and return that; raises AssertionError after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (answer := ask()):
        assert time.monotonic() < deadline, f"not within {seconds} s; last seen: {answer!r}"
        time.sleep(0.02)
    return answer
