"""Writes values.schema.json of both charts and docs/values.md from the comments in their values.yaml.

    python ci/schema.py             writes them
    python ci/schema.py --check     fails with a line for each that is not up to date
    python ci/schema.py --dependency charts/kube-prometheus-stack-88.5.3.tgz
                                    reads anew which keys the dependency knows, and writes them all

The comment above a value is its description. A line `# @schema {...}` in it holds JSON Schema keywords that
the default can't say; a map is closed, and goes on below, unless that line says what it holds. Beside what we
set of kube-prometheus-stack only keys that it knows are allowed: ci/dependency-keys.json has them.
"""

import argparse
import json
import sys
import tarfile
from pathlib import Path

from chart_values import Value, ValuesError, read
from definitions import Schema, referred
from dependency import STACK, dependency_keys
from values_table import table

ROOT = Path(__file__).resolve().parent.parent
SUBCHART = "storage-api"
KEYS = ROOT / "ci/dependency-keys.json"
DOCUMENT = ROOT / "docs/values.md"
DIALECT = "http://json-schema.org/draft-07/schema#"


def chart_schema(values: list[Value], known: dict[str, dict[str, str]], foreign: Schema) -> Schema:
    """The schema of a chart; `foreign` are the keys that are not its own."""
    properties = {**foreign, **{value.path[0]: value.schema(known) for value in values}}
    schema = {"$schema": DIALECT, "type": "object", "additionalProperties": False, "properties": properties}
    return {**schema, "definitions": dict(sorted(referred(schema).items()))}


def document(umbrella: list[Value], subchart: list[Value]) -> str:
    return f"""# Values

Written by `python ci/schema.py` from the comments in `values.yaml` and `charts/storage-api/values.yaml`. The
charts' `values.schema.json` come from there too: `helm lint` and `helm install` refuse what is not below.

## The platform

Every other value of kube-prometheus-stack and its charts can be given below `{STACK}` as well.

{table(umbrella)}

## The storage API

Given below `storage-api`.

{table(subchart, f"{SUBCHART}.")}
"""


def outputs(known: dict[str, dict[str, str]]) -> dict[Path, str]:
    """Each file that is written, with its content; raises ValuesError."""
    umbrella, subchart = read(ROOT / "values.yaml"), read(ROOT / f"charts/{SUBCHART}/values.yaml")
    # A subchart also gets what its parent says of it.
    from_parent = {"enabled": {"type": "boolean"}, "global": {"type": "object"}}
    described = [value for value in umbrella if value.path != (SUBCHART,)]
    whole = chart_schema(described, known, {SUBCHART: {"type": "object"}})
    return {
        ROOT / "values.schema.json": json.dumps(whole, indent=1) + "\n",
        ROOT / f"charts/{SUBCHART}/values.schema.json": json.dumps(
            chart_schema(subchart, {}, from_parent), indent=1
        )
        + "\n",
        DOCUMENT: document(umbrella, subchart),
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing, fail if anything is not up to date"
    )
    parser.add_argument("--dependency", type=Path, help="the package of kube-prometheus-stack")
    arguments = parser.parse_args()
    try:
        written: dict[Path, str] = {}
        if arguments.dependency:
            known = dependency_keys(arguments.dependency, read(ROOT / "values.yaml"))
            written[KEYS] = json.dumps(known, indent=1) + "\n"
        else:
            known = json.loads(KEYS.read_text(encoding="utf-8"))
        written |= outputs(known)
    except (ValuesError, OSError, tarfile.TarError) as error:
        print(error, file=sys.stderr)
        return 1
    stale = [path for path, text in written.items() if not path.is_file() or path.read_text("utf-8") != text]
    for path in stale:
        if arguments.check:
            print(f"{path.relative_to(ROOT)} is not up to date: run `python ci/schema.py`", file=sys.stderr)
        else:
            path.write_text(written[path], encoding="utf-8")
    return 1 if arguments.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
