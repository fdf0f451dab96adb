"""The service's settings: what they are, how they are read from the environment and the command line."""

from .reading import ConfigError, read
from .settings import METRIC_FAMILIES, SETTINGS, STORES, Config

__all__ = ["METRIC_FAMILIES", "SETTINGS", "STORES", "Config", "ConfigError", "read"]
