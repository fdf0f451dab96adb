"""`make up` in a running lab replaces changed processes, and keeps settings that are not given again."""

import re
import shutil

import pytest

from lab import ROOT
from lab.platform import Platform
from lab.ports import Ports
from lab.settings import Settings

pytestmark = pytest.mark.live

NOT_COPIED = shutil.ignore_patterns(".*", "node_modules", "__pycache__", "docs", "tests", "bench")


def test_changed_source_code_restarts_the_service(folder, pids, tmp_path, capsys):
    root = shutil.copytree(ROOT, tmp_path / "checkout", ignore=NOT_COPIED)
    with Platform(root, folder=folder, ports=Ports.free()) as platform:
        first = pids()
        platform.up()
        assert pids() == first
        with (root / "service/storage_api/api/handlers/health.py").open("a") as file:
            file.write("# An edit.\n")
        capsys.readouterr()
        platform.up()
        assert {name for name in first if pids()[name] != first[name]} == {"storage-api"}
    assert "lab: storage-api is replaced (changed: source)\n" in capsys.readouterr().err


def test_a_plain_up_keeps_values_and_ports(lab, folder, pids, scraped_every):
    """Otherwise a plain `make up` in the middle of a drill would undo the drill's settings."""
    free = Ports.free()
    ports = {variable: str(getattr(free, part)) for part, (variable, _) in Ports.KNOWN.items()}
    values = scraped_every(1)["VALUES"]
    assert lab("up", "--minutes", "0", **ports, VALUES=values).returncode == 0
    first = pids()

    plain = lab("up", "--minutes", "0")
    assert (plain.returncode, pids()) == (0, first), plain.stderr
    (line,) = [
        each for each in plain.stderr.splitlines() if each.startswith("lab: kept from the last make up: ")
    ]
    assert f"PORT={ports['PORT']} " in line
    assert f"VALUES={values} " in line

    without = lab("up", "--minutes", "0", VALUES="")
    assert without.returncode == 0, without.stderr
    assert re.search(
        r"^lab: prometheus is replaced \(changed: .*prometheus\.yml", without.stderr, re.MULTILINE
    )
    assert {name for name in first if pids()[name] != first[name]} == {"prometheus"}
    assert "VALUES" not in Settings.read({"LAB_DIR": str(folder)}).kept

    assert lab("down").returncode == 0
    assert Settings.read({"LAB_DIR": str(folder)}).kept == {}
