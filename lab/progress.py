"""Lines that tell how far something is that takes long. Standard library only."""

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator

EVERY_SECONDS = 10.0


def say(message: str) -> None:
    """One line of the lab on stderr; stdout stays free for what a command answers."""
    print(f"lab: {message}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def progress(
    say: Callable[[str], None], line: Callable[[], str], every: float = EVERY_SECONDS
) -> Iterator[None]:
    """Calls `say(line())` every so many seconds while the block runs."""
    ended = threading.Event()

    def tell() -> None:
        while not ended.wait(every):
            say(line())

    thread = threading.Thread(target=tell, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
