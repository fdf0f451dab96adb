"""The service's settings, and reading them from the command line and the environment."""

from .reading import ConfigError, read
from .settings import METRIC_FAMILIES, SETTINGS, STORES, Config

__all__ = ["METRIC_FAMILIES", "SETTINGS", "STORES", "Config", "ConfigError", "read"]
