"""The score of a mutation test: survivors, the reasons for them, and the line of README.md."""

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import yaml

from lab import ROOT

LEAST = 95.0
"""The least score in percent."""
README = ROOT / "README.md"
One = TypeVar("One")


def sampled(found: Sequence[One], most: int) -> list[One]:
    """At most so many mutants, evenly over all of them: the same ones in each run."""
    return list(found) if len(found) <= most else [found[len(found) * i // most] for i in range(most)]


@dataclass(frozen=True)
class Subject:
    """What is mutated, and what notices it."""

    sentence: str
    """The sentence of README.md, such as `The proof notices {score} % of {mutants} small faults`."""
    survivors: Path
    """A YAML file: mutants that nothing notices, as a map from a pattern of their names to the reason."""
    equivalents: Path | None = None
    """Another one: mutants that differ from the original in nothing that anyone could notice."""

    @cached_property
    def reasons(self) -> dict[str, str]:
        """The reason for each pattern of survivors."""
        return yaml.safe_load(self.survivors.read_text(encoding="utf-8"))

    @cached_property
    def equals(self) -> dict[str, str]:
        """The reason for each pattern of equivalent mutants."""
        return yaml.safe_load(self.equivalents.read_text(encoding="utf-8")) if self.equivalents else {}

    def explained(self, name: str) -> bool:
        """Tell if there is a reason why nothing notices this mutant."""
        return any(re.search(pattern, name) for pattern in self.reasons)

    def equivalent(self, name: str) -> bool:
        """Tell if this mutant is none."""
        return any(re.search(pattern, name) for pattern in self.equals)

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Matches the sentence with any figures."""
        text = re.escape(self.sentence)
        return re.compile(text.replace(r"\{score\}", r"[\d.]+").replace(r"\{mutants\}", r"\d+"))

    def told(self) -> str:
        """The sentence as README.md has it now; empty without one."""
        found = self.pattern.search(README.read_text(encoding="utf-8"))
        return found[0] if found else ""

    def tell(self, sentence: str) -> None:
        """Write the sentence into README.md."""
        README.write_text(self.pattern.sub(sentence, README.read_text(encoding="utf-8")), encoding="utf-8")


@dataclass(frozen=True)
class Result:
    """How many mutants there were, and the names of those that nothing noticed."""

    subject: Subject
    mutants: int
    survivors: list[str]

    @property
    def score(self) -> float:
        """Percent of the mutants that were noticed."""
        return 100 * (self.mutants - len(self.survivors)) / self.mutants

    @property
    def line(self) -> str:
        """The sentence of README.md."""
        return self.subject.sentence.format(score=f"{self.score:.1f}", mutants=self.mutants)

    def unexplained(self) -> list[str]:
        """Survivors for which there is no reason."""
        return [name for name in self.survivors if not self.subject.explained(name)]


def main(about: str, subject: Subject, sample: int, run: Callable[[int, bool], Result]) -> int:
    """The command line of a mutation test. `run` gets the number of mutants, and whether to run survivors."""
    parser = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument(
        "--check", action="store_true", help="do not write; fail if README.md has another score"
    )
    parser.add_argument("--most", type=int, help=f"other than {sample} mutants; leaves README.md as it is")
    parser.add_argument("--again", action="store_true", help="run the known survivors too")
    arguments = parser.parse_args()
    result = run(arguments.most or sample, arguments.again)
    unexplained = result.unexplained()
    print(f"{result.line}; these it does not notice:")
    for name in result.survivors:
        print(f"  {'WITHOUT A REASON ' if name in unexplained else ''}{name}")
    if arguments.most is None and not arguments.check:
        subject.tell(result.line)
    stale = arguments.most is None and subject.told() != result.line
    if stale:
        print("README.md has another score: run make mutate", file=sys.stderr)
    return int(stale or bool(unexplained) or result.score < LEAST)
