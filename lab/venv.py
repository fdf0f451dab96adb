"""`python3 -m lab.venv FOLDER REQUIREMENTS`: makes a virtual environment with the pinned packages.

Standard library only, as nothing is installed yet. Errors are one line on stderr; the exit code is then 1.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from lab.folders import build_environment, cache_folder, tools_folder
from lab.progress import progress

# https://bford.info/cachedir: backups skip a folder with this tag, and `make clean` removes it. A folder that
# already held files belongs to the user and gets no tag.
TAG = "CACHEDIR.TAG"
_SIGNATURE = "Signature: 8a477f597d28d172789f06886806bc55\n"
PROGRESS_SECONDS = 5.0


class VenvError(Exception):
    """The environment can't be made; the message is one line."""


def main(arguments: list[str]) -> int:
    folder, requirements = map(Path, arguments)
    try:
        _mark(tools_folder())
        make(folder, requirements)
    except VenvError as error:
        print(f"venv: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("venv: interrupted", file=sys.stderr)
        return 130
    return 0


def make(folder: Path, requirements: Path) -> None:
    """Makes or updates the environment, with uv if on PATH, else with venv and pip; raises VenvError."""
    total = requirements.read_text(encoding="utf-8").count("==")
    _say(f"installing {total} Python packages into {folder} ...")
    python = folder / "bin" / "python"
    if uv := shutil.which("uv"):
        _run([uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, str(folder)])
        _run([uv, "pip", "sync", "--quiet", "--require-hashes", "--python", str(python), str(requirements)])
        return
    try:
        _run([sys.executable, "-m", "venv", str(folder)])
    except VenvError as error:
        raise VenvError(
            f"{sys.executable} has no working venv module (on Debian: apt-get install python3-venv): {error}"
        ) from error
    output: list[str] = []

    def line() -> str:
        if any(text.startswith("Installing collected packages") for text in output):
            # The count may include pip and setuptools.
            installed = len(list(folder.glob("lib/python*/site-packages/*.dist-info")))
            return f"{min(installed, total)} of {total} Python packages installed"
        collected = sum(text.startswith("Collecting ") for text in output)
        return f"{collected} of {total} Python packages downloaded"

    options = ["--disable-pip-version-check", "--progress-bar", "off", "--require-hashes"]
    command = [str(python), "-m", "pip", "install", *options, "--requirement", str(requirements)]
    with (
        subprocess.Popen(
            command, env=build_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process,
        progress(_say, line, PROGRESS_SECONDS),
    ):
        try:
            output.extend(text.strip() for text in process.stdout or ())
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        raise VenvError(f"pip can't install {requirements}: {_reason(output)}")


def _run(command: list[str]) -> None:
    done = subprocess.run(
        command,
        env=build_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise VenvError(f"{' '.join(command[:3])}: {_reason(done.stdout.splitlines())}")


def _reason(lines: list[str]) -> str:
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return (errors or [line for line in lines if line] or ["no output"])[-1]


def _mark(folder: Path) -> None:
    """Creates the tools folder with its cache tag; raises VenvError."""
    try:
        if not folder.is_dir() or not any(folder.iterdir()):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / TAG).write_text(_SIGNATURE, encoding="utf-8")
        cache_folder().mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise VenvError(
            f"{error.filename} can't be used: {error.strerror} (set TOOLS_DIR or CACHE_DIR)"
        ) from error


def _say(message: str) -> None:
    print(f"venv: {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
