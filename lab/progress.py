"""Progress messages for long steps. Standard library only."""

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator

EVERY_SECONDS = 10.0


def say(message: str) -> None:
    """Prints a message of the lab on stderr; stdout is for a command's result."""
    print(f"lab: {message}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def progress(
    say: Callable[[str], None], line: Callable[[], str], every: float = EVERY_SECONDS
) -> Iterator[None]:
    """Calls `say(line())` every `every` seconds while the block runs."""
    ended = threading.Event()

    def report() -> None:
        while not ended.wait(every):
            say(line())

    thread = threading.Thread(target=report, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
