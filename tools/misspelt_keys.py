"""Patterns that refuse misspelt keys in maps that may have keys we do not know."""

import re
from collections.abc import Callable, Iterable
from typing import Any

_SHORT = 6
"""For shorter words only one edit is looked for: too many words are two edits away from `port`."""


def misspellings(
    keys: Iterable[str], others: Iterable[str] = (), edits: int = 2
) -> dict[str, dict[str, Any]]:
    """`patternProperties` that refuse every name up to `edits` edits away from one of `keys`.

    An edit drops, adds or replaces a letter. Two swapped neighbours are always found; a letter dropped in one
    place and another added elsewhere is not. `others` are names that exist as well: for a key close to one of
    them, fewer edits are looked for.

    The schema of a match is a `const` with the name that was meant, which Helm shows in its message; with
    `false` it would only say "false schema".
    """
    keys = list(keys)
    known = {*keys, *others}
    found = {}
    for key in keys:
        for most in range(1 if len(key) < _SHORT else edits, 0, -1):
            pattern = f"^({'|'.join(_edited(key, most))})$"
            if not any(re.search(pattern, name) for name in known):
                found[pattern] = {"const": f"nothing: did you mean {key}?"}
                break
    return found


def _edited(word: str, edits: int) -> list[str]:
    """Patterns for the word with one or two edits; the word itself matches none of them.

    Helm's regular expressions have no lookahead that could exclude the word. So a letter is dropped, replaced
    by another, or gets a neighbour, but of two letters never one is dropped and one added. Swapping
    neighbours replaces two letters.
    """
    patterns = [_one(word, lambda letter: f"([^{letter}]?|{letter}.|.{letter})")]
    if edits > 1:
        patterns += [
            _two(word, lambda letter: f"[^{letter}]?"),
            _two(word, lambda letter: f"([^{letter}]|{letter}.|.{letter})"),
        ]
    else:
        pairs = [i for i in range(len(word) - 1) if word[i] != word[i + 1]]
        patterns += [re.escape(word[:i] + word[i + 1] + word[i] + word[i + 2 :]) for i in pairs]
    return patterns


def _one(word: str, hole: Callable[[str], str]) -> str:
    """A pattern for the word with one letter replaced; halving the word keeps it short: n log(n)."""
    if len(word) == 1:
        return hole(re.escape(word))
    left, right = _halves(word)
    return f"({_one(left, hole)}{re.escape(right)}|{re.escape(left)}{_one(right, hole)})"


def _two(word: str, hole: Callable[[str], str]) -> str:
    """A pattern for the word with two letters replaced."""
    left, right = _halves(word)
    patterns = [_one(left, hole) + _one(right, hole)]
    if len(left) > 1:
        patterns.append(_two(left, hole) + re.escape(right))
    if len(right) > 1:
        patterns.append(re.escape(left) + _two(right, hole))
    return f"({'|'.join(patterns)})"


def _halves(word: str) -> tuple[str, str]:
    return word[: len(word) // 2], word[len(word) // 2 :]
