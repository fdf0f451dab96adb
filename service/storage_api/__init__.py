"""The storage API: objects in buckets over HTTP, observed with metrics, logs and traces."""

__version__ = "0.1.0"
