"""Writes values.schema.json of both charts and docs/values.md from the comments in their values.yaml.

    python -m tools.values_schema             writes them
    python -m tools.values_schema --check     fails with a line for each that is not up to date

The comment above a value is its description. A line `# @schema {...}` in it holds JSON Schema keywords that
the default can't say; a map is closed, and goes on below, unless that line says what it holds. What we set of
kube-prometheus-stack stands beside keys of its own, which are allowed; typing errors of known names are not.
"""

import argparse
import json
import sys
from pathlib import Path

from lab import ROOT
from tools.chart_values import STACK, Value, ValuesError, read
from tools.definitions import Schema, referred
from tools.values_table import table

SUBCHART = "storage-api"
DOCUMENT = ROOT / "docs/values.md"
DIALECT = "http://json-schema.org/draft-07/schema#"


def chart_schema(values: list[Value], foreign: Schema) -> Schema:
    """The schema of a chart; `foreign` are the keys that are not its own."""
    properties = {**foreign, **{value.path[0]: value.schema() for value in values}}
    schema = {
        "$schema": DIALECT,
        "type": "object",
        "additionalProperties": False,
        "required": [value.path[0] for value in values],
        "properties": properties,
    }
    return {**schema, "definitions": dict(sorted(referred(schema).items()))}


def document(umbrella: list[Value], subchart: list[Value]) -> str:
    return f"""# Values

Written by `python -m tools.values_schema` from the comments in `values.yaml` and
`charts/storage-api/values.yaml`. The charts' `values.schema.json` come from there too: `helm lint` and
`helm install` refuse what is not below.

## The platform

Every other value of kube-prometheus-stack and its charts can be given below `{STACK}` as well. The values
listed here are typed. Misspelt names are refused, and the message says which was meant: at the first level of
`{STACK}` every name that the dependency does not have, further down every name that is one or two letters
away from one listed here (one letter where the name is shorter than six).

{table(umbrella)}

## The storage API

Given below `storage-api`.

{table(subchart, f"{SUBCHART}.")}
"""


def outputs() -> dict[Path, str]:
    """Each file that is written, with its content; raises ValuesError."""
    umbrella, subchart = read(ROOT / "values.yaml"), read(ROOT / f"charts/{SUBCHART}/values.yaml")
    # A subchart also gets what its parent says of it.
    from_parent = {"enabled": {"type": "boolean"}, "global": {"type": "object"}}
    described = [value for value in umbrella if value.path != (SUBCHART,)]
    # So does the platform, where it is itself a dependency: its condition there is `enabled`.
    whole = chart_schema(described, {SUBCHART: {"type": "object"}, "enabled": {"type": "boolean"}})
    return {
        ROOT / "values.schema.json": json.dumps(whole, indent=1) + "\n",
        ROOT / f"charts/{SUBCHART}/values.schema.json": json.dumps(
            chart_schema(subchart, from_parent), indent=1
        )
        + "\n",
        DOCUMENT: document(umbrella, subchart),
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing, fail if anything is not up to date"
    )
    arguments = parser.parse_args()
    try:
        written = outputs()
    except (ValuesError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    stale = [path for path, text in written.items() if not path.is_file() or path.read_text("utf-8") != text]
    for path in stale:
        if arguments.check:
            print(
                f"{path.relative_to(ROOT)} is not up to date: run `python -m tools.values_schema`",
                file=sys.stderr,
            )
        else:
            path.write_text(written[path], encoding="utf-8")
    return 1 if arguments.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
