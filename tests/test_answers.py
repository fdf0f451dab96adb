"""Kept answers of helm and promtool: only an unchanged question gets one."""

import os
import subprocess

import pytest

from tests.support import answers


@pytest.fixture
def asked(monkeypatch, tmp_path) -> list[list[str]]:
    """The commands that were run instead of answered from what is kept."""
    commands: list[list[str]] = []

    def run(command, **_options):
        commands.append(command)
        return subprocess.CompletedProcess(command, 3, f"read {command[-1]}", "said")

    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr(answers, "_run", run)
    monkeypatch.setattr(answers, "FOLDER", tmp_path / "answers")
    return commands


@pytest.fixture
def rules(tmp_path):
    """A file with rules beside the file with their tests."""
    folder = tmp_path / "rules"
    folder.mkdir()
    for name in ("tests.yaml", "rules.yaml"):
        (folder / name).write_text("groups: []")
    return folder


def rewrite(file) -> None:
    """Change a file, but neither its size nor its time, as may happen within a few milliseconds."""
    before = file.stat()
    file.write_text("groups: {}")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_an_unchanged_question_is_answered_from_what_is_kept(asked, rules):
    first, second = (answers.run(["/bin/cat", rules / "tests.yaml"]) for _ in range(2))
    assert len(asked) == 1
    assert (second.returncode, second.stdout, second.stderr) == (3, f"read {rules}/tests.yaml", "said")
    assert first.stdout == second.stdout


def test_equal_files_elsewhere_get_the_answer_with_their_own_names(asked, rules, tmp_path):
    answers.run(["/bin/cat", rules / "tests.yaml"])
    moved = rules.rename(tmp_path / "moved")
    assert answers.run(["/bin/cat", moved / "tests.yaml"]).stdout == f"read {moved}/tests.yaml"
    assert len(asked) == 1


@pytest.mark.parametrize("change", ["file", "neighbour", "argument", "input", "program", "CI"])
def test_a_changed_question_is_asked_anew(asked, rules, monkeypatch, change):
    command = ["/bin/cat", "--lint", rules / "tests.yaml"]
    answers.run(command, input="a")
    if change in ("file", "neighbour"):
        rewrite(rules / {"file": "tests.yaml", "neighbour": "rules.yaml"}[change])
    if change == "CI":
        monkeypatch.setenv("CI", "true")
    command[0] = "/bin/ls" if change == "program" else command[0]
    command[1] = "--strict" if change == "argument" else command[1]
    answers.run(command, input="b" if change == "input" else "a")
    assert len(asked) == 2


def test_a_folder_stands_for_all_files_below_it(asked, rules):
    file = rules / "templates" / "rules.yaml"
    file.parent.mkdir()
    file.write_text("groups: []")
    for runs in (1, 2):
        for _ in range(2):
            answers.run(["/bin/ls", rules])
        assert len(asked) == runs
        rewrite(file)
