"""The service's settings: what they are, how they are read from the environment and the command line."""

from .settings import METRIC_FAMILIES, SETTINGS, STORES, Config, ConfigError, read

__all__ = ["METRIC_FAMILIES", "SETTINGS", "STORES", "Config", "ConfigError", "read"]
