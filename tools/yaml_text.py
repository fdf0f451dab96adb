"""YAML for generated files that people read in diffs."""

from collections.abc import Iterable
from typing import Any

import yaml


def dump(content: Any, *, sort_keys: bool = False) -> str:
    """The content as YAML: multi-line texts are blocks, and equal values are repeated instead of anchored."""
    return dump_all([content], sort_keys=sort_keys)


def dump_all(documents: Iterable[Any], *, sort_keys: bool = False) -> str:
    """The documents as YAML, with `---` between them if there are several."""
    return yaml.dump_all(documents, Dumper=_Dumper, sort_keys=sort_keys, width=120)


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, _data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)
