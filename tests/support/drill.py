"""The size of the drill in the dashboards' tests; the fixture `proof` runs it."""

THREADS = 8
"""Threads of the service."""
TAKEN = 5
"""Threads that the drill occupies."""
HELD = 6
"""Requests that it delays at once."""
FAILED = 4
"""Requests that fail in the store."""
