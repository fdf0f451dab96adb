"""Reading settings from the command line and the environment; every mistake is found at once."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence, Set
from importlib.util import find_spec
from typing import NoReturn

from storage_api import __version__

from . import otlp, setting_types
from .settings import SETTINGS, Config

CREDENTIALS = {
    "s3": r"AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN|TOKEN)",
    "azure": r"AZURE_(STORAGE_)?(ACCOUNT_KEY|ACCESS_KEY|MASTER_KEY|TOKEN|SAS_KEY|SAS_TOKEN|CLIENT_ID"
    r"|CLIENT_SECRET|TENANT_ID|AUTHORITY_ID)",
}
"""{STORE: variables whose values its library sends in headers as they are}"""


class ConfigError(Exception):
    """Invalid settings: one line per mistake, with the setting's name and what is allowed."""


def read(environ: Mapping[str, str], arguments: Sequence[str] = ()) -> Config:
    """Read each setting from its flag, else from its variable, else use its default.

    An empty variable counts as unset. Raises ConfigError with every mistake, and SystemExit(0) after printing
    for `--help` and `--version`.
    """
    flags, unknown = _parser().parse_known_args(arguments)
    mistakes = [f"unrecognized arguments: {_shown(unknown)}; see --help"] if unknown else []
    given = {}
    for setting in SETTINGS:
        name, text = setting.flag, getattr(flags, setting.name)
        if text is None:
            name, text = setting.variable, environ.get(setting.variable) or None
        if text is None:
            continue
        try:
            given[setting.name] = setting.about.type.read(text)
        except ValueError:
            given[setting.name] = None
            mistakes.append(setting.about.type.refusal(name, text))
    config = Config(**given)
    mistakes += _conflicts(config, given.keys())
    if config.otel_traces_exporter == "otlp":
        mistakes += otlp.mistakes(environ)
    mistakes += _unusable_credentials(config.store, environ)
    if mistakes:
        raise ConfigError("\n".join(mistakes))
    return config


def _conflicts(config: Config, given: Set[str]) -> list[str]:
    """Settings that cannot be combined; an invalid one is None here and conflicts with nothing."""
    found = []
    for setting in SETTINGS:
        store = setting.about.store
        if setting.about.required and store == config.store and setting.name not in given:
            found.append(f"{setting.variable} is not set: STORE={store} needs {setting.about.type.allowed}")
        if store and config.store not in (store, None) and setting.name in given:
            found.append(
                f"{setting.variable} is set, but STORE is {config.store}: only STORE={store} uses it"
            )
    if config.metrics_port and config.metrics_port == config.port:
        found.append(
            f"METRICS_PORT={config.port} is the API's port: use another one, or unset it to share the port"
        )
    if config.otel_traces_exporter == "otlp" and not _is_installed("opentelemetry.exporter.otlp.proto.http"):
        found.append("OTEL_TRACES_EXPORTER=otlp needs the extra storage-api[traces], which is not installed")
    return found


def _shown(unknown: Sequence[str]) -> str:
    """The unknown arguments, quoted, without the values of flags: they may be credentials."""
    shown = []
    for before, argument in zip(("", *unknown), unknown, strict=False):
        if argument.startswith("-"):
            name, equals, _ = argument.partition("=")
            shown.append(repr(name + ("=***" if equals else "")))
        else:
            shown.append("***" if before.startswith("-") and "=" not in before else repr(argument))
    return " ".join(shown)


def _unusable_credentials(store: str | None, environ: Mapping[str, str]) -> list[str]:
    """Credentials that can't be sent in a header, often those of a Secret that ends with a newline."""
    prefix = CREDENTIALS.get(store)
    return [
        f"{name}=*** is not allowed: use printable ASCII, without a newline"
        for name, text in environ.items()
        if prefix and re.fullmatch(prefix, name) and not (text.isascii() and text.isprintable())
    ]


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # its parent package is missing too
        return False


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message}; see --help")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="storage-api",
        usage="storage-api [--setting value ...]",
        description="Serves objects in buckets over HTTP, instrumented for Prometheus.",
        epilog="A flag --some-setting is also the environment variable SOME_SETTING; the flag wins."
        " Exit status: 0 after a clean shutdown; 1 if it could not start, or cut off requests at shutdown;"
        " 2 for invalid settings; 128 + n if a second signal n ended it at once.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"storage-api {__version__}")
    for setting in SETTINGS:
        allowed = setting.about.type.allowed
        default = f" (default: {setting.default_text})" if setting.default_text else ""
        parser.add_argument(
            setting.flag,
            metavar="value",
            help=f"{setting.description} {allowed[0].upper()}{allowed[1:]}{default}.".replace("%", "%%"),
            # A switch without a value means true.
            **({"nargs": "?", "const": "true"} if setting.about.type is setting_types.SWITCH else {}),
        )
    return parser
