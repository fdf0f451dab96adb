"""Threads that run requests."""

from __future__ import annotations

from waitress.task import ThreadedTaskDispatcher


class ThreadPool(ThreadedTaskDispatcher):
    """Threads that take tasks from one queue, in order; a task is a connection whose request is complete."""

    def __init__(self, threads: int) -> None:
        """Start so many `threads`."""
        super().__init__()
        self.set_thread_count(threads)
