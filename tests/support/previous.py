"""The version before this one: the newest tag before the current commit or, without tags, its parent."""

import io
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

from lab import ROOT, toolchain
from lab.render.chart import dependency_package, package_name, stage_chart

BUILD_SECONDS = 900


class NoHistoryError(Exception):
    """This checkout has no earlier version; the message says why, in one line."""


@dataclass(frozen=True)
class Previous:
    """Sources of an earlier version."""

    revision: str
    """The tag, or the commit's abbreviated hash."""
    root: Path

    @classmethod
    def extract(cls, folder: Path, root: Path = ROOT) -> "Previous":
        """Extract the sources into an empty folder; raises NoHistoryError."""
        try:
            revision = _git(root, "describe", "--tags", "--abbrev=0", "HEAD^")
        except NoHistoryError:
            revision = _git(root, "rev-parse", "--short", "HEAD^")
        done = subprocess.run(
            ["git", "archive", revision], cwd=root, capture_output=True, check=True, timeout=60
        )
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
            archive.extractall(folder, filter="data")
        # Packages of other charts are not in git.
        if (package := dependency_package(root)) and package.name == package_name(folder):
            shutil.copy(package, folder / "charts")
        return cls(revision, folder)

    def package(self, folder: Path) -> Path:
        """Package its chart; the folder is empty."""
        staged = stage_chart(folder / "chart", self.root)
        command = [toolchain.helm(), "package", staged, "--destination", folder]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        return next(folder.glob("*.tgz"))

    def build_image(self, archive: Path, name: str) -> None:
        """Build its image with its own program."""
        command = [sys.executable, "-m", "tests.support.image", str(archive), "--name", name]
        subprocess.run(command, cwd=self.root, check=True, capture_output=True, timeout=BUILD_SECONDS)


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=root, capture_output=True, text=True, timeout=60, check=False
        )
    except FileNotFoundError:
        raise NoHistoryError("git is not installed") from None
    if done.returncode != 0:
        raise NoHistoryError(f"git {' '.join(arguments)}: {done.stderr.strip().splitlines()[-1]}")
    return done.stdout.strip()
