"""Typing errors of the keys that we know, in maps where we do not know every key."""

import re
from collections.abc import Callable, Iterable
from typing import Any

_SHORT = 6
"""In shorter words two edits leave too little: half of all words are two edits away from `port`."""


def refused(keys: Iterable[str], others: Iterable[str] = (), edits: int = 2) -> dict[str, dict[str, Any]]:
    """`patternProperties` that refuse every name up to `edits` edits away from one of `keys`.

    The message says which was meant: Helm tells a `const` there, where `false` would only be called a false
    schema. An edit is a letter dropped, added or replaced; two neighbours swapped are always found, a letter
    dropped in one place together with one added in another is not. `others` are names that exist too: where
    one of them is as near, fewer edits are looked for.
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
    """Patterns for the word with one or two edits, none of which the word itself matches.

    It must not, as Helm's regular expressions have no lookahead to leave it out. So a letter is dropped,
    replaced, or gets a neighbour; and of two letters, not one is dropped and one added. A swap replaces two.
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
    """The word with one letter replaced; halving it keeps the pattern short: n log(n)."""
    if len(word) == 1:
        return hole(re.escape(word))
    left, right = _halves(word)
    return f"({_one(left, hole)}{re.escape(right)}|{re.escape(left)}{_one(right, hole)})"


def _two(word: str, hole: Callable[[str], str]) -> str:
    """The word with two letters replaced."""
    left, right = _halves(word)
    patterns = [_one(left, hole) + _one(right, hole)]
    if len(left) > 1:
        patterns.append(_two(left, hole) + re.escape(right))
    if len(right) > 1:
        patterns.append(re.escape(left) + _two(right, hole))
    return f"({'|'.join(patterns)})"


def _halves(word: str) -> tuple[str, str]:
    return word[: len(word) // 2], word[len(word) // 2 :]
