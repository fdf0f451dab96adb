"""The storage API: objects in buckets over HTTP, and the metrics that tell how it does."""

__version__ = "0.1.0"
