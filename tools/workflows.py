"""Check the workflows in .github/ with actionlint and zizmor, offline.

python -m tools.workflows [FILE ...]     print what they find; exit status 1 if there is anything
"""

import argparse
import subprocess
import sys
from pathlib import Path

from lab import ROOT
from lab.toolchain import ToolError, releasing


def check(files: list[str], folder: Path = ROOT) -> int:
    """Print the findings of both linters on the files, or on all workflows of `folder`; returns 1 if any."""
    # zizmor and shellcheck, which actionlint runs on the scripts, come from the virtual environment.
    venv = Path(sys.executable).parent
    commands = (
        [str(releasing.actionlint()), "-no-color", "-shellcheck", str(venv / "shellcheck"), *files],
        [str(venv / "zizmor"), "--offline", "--quiet", "--no-progress", "--color=never",
         "--persona=pedantic", *(files or ["."])],
    )  # fmt: skip
    failed = 0
    for command in commands:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            print((done.stdout + done.stderr).strip())
            failed = 1
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="*", metavar="FILE")
    try:
        return check(parser.parse_args().files)
    except ToolError as error:
        print(f"workflows: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
