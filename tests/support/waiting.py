"""Waiting for what comes in its own time, but not for ever."""

import time
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")


def wait_until(ask: Callable[[], Answer], seconds: float = 10) -> Answer:
    """Return what `ask` returns once it is true; an AssertionError when that takes more than `seconds`."""
    deadline = time.monotonic() + seconds
    while not (answer := ask()):
        assert time.monotonic() < deadline, f"not within {seconds} s; last seen: {answer!r}"
        time.sleep(0.02)
    return answer
