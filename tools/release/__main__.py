"""Commands of a release; the Makefile has a target for each.

python -m tools.release check [--tag v1.2.3]        compare the stated versions, read the changelog
python -m tools.release version 1.2.3               write a new version, and a section of the changelog
python -m tools.release notes                       print the changelog's section of the version
python -m tools.release package                     write the chart's package into dist/, and print its path
python -m tools.release publish-image --registry R  build and push the image, and print it with its digest
python -m tools.release publish-chart --registry R  package and push the chart, and print it with its digest
python -m tools.release publish-metadata --registry R   push Artifact Hub's metadata
"""

import argparse
import datetime
import sys
from pathlib import Path

from lab import ROOT
from lab.errors import LabError
from lab.toolchain import ToolError
from tools.release import changelog, package, publish, versions
from tools.release.errors import ReleaseError


def check(tag: str = "", root: Path = ROOT) -> None:
    """Raise ReleaseError with a line for everything that keeps this commit from being released."""
    version = versions.current(root)
    problems = versions.disagreements(root)
    if tag and tag != f"v{version}":
        problems.append(f"the tag is {tag}, the version {version}: the tag must be v{version}")
    try:
        changelog.notes(version, root / "CHANGELOG.md")
    except ReleaseError as error:
        problems += error.args
    if problems:
        raise ReleaseError(*problems)


def change(version: str, root: Path = ROOT) -> None:
    """Write a new version into every place, and move the changelog's entries into its section."""
    file = root / "CHANGELOG.md"
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    text = changelog.release(file.read_text(encoding="utf-8"), version, today)
    versions.change(version, root)
    file.write_text(text, encoding="utf-8")


def main() -> int:
    options = _options()
    try:
        match options.command:
            case "check":
                check(options.tag)
            case "version":
                change(options.new)
            case "notes":
                print(changelog.notes(versions.current()))
            case "publish-image":
                print(publish.image(options.registry, options.version))
            case "publish-metadata":
                print(publish.metadata(options.registry))
            case _:
                file = package.build(options.destination, options.version, options.image, options.chart)
                print(f"{package.sha256(file)}  {file}", file=sys.stderr)
                if options.command == "package":
                    print(file)
                else:
                    print(publish.chart(options.registry, file))
    except (ReleaseError, LabError, ToolError) as error:
        for line in error.args:
            print(f"release: {line}", file=sys.stderr)
        return 1
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, allow_abbrev=False)

    add("check").add_argument("--tag", default="", help="the git tag of the release")
    add("version").add_argument("new", metavar="VERSION")
    add("notes")
    for name in ("package", "publish-chart", "publish-image", "publish-metadata"):
        command = add(name)
        if name != "package":
            command.add_argument("--registry", required=True, help="such as registry.example.com/team")
        if name != "publish-metadata":
            command.add_argument("--version", default="", help="instead of that of Chart.yaml")
        if name in ("package", "publish-chart"):
            command.add_argument("--image", default="", help="the default image, as name@sha256:digest")
            command.add_argument("--chart", type=Path, default=ROOT, help="the chart's folder (this one)")
            command.add_argument("--destination", type=Path, default=ROOT / "dist", help="folder (dist/)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
