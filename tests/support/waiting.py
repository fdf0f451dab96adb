"""Waiting for a condition, with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def wait_until(
    look: Callable[[], Found],
    seconds: float = 10,
    awaited: str = "",
    *,
    every: float = 0.02,
    despite: type[Exception] | tuple[type[Exception], ...] = (),
) -> Found:
    """Call `look` until it returns something true, and return that.

    Raises AssertionError after `seconds`; the message has `awaited`, such as "the target is up", and the last
    result. Exceptions of the types in `despite`, such as a refused connection, are retried.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            found = look()
            if found:
                return found
        except despite as error:
            found = error
        assert time.monotonic() < deadline, f"not within {seconds} s: {awaited}; last seen: {found!r}"
        time.sleep(every)
