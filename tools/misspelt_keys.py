"""Typing errors of the keys that we know, where we do not know every key."""

import re
from collections.abc import Iterable
from typing import Any


def refused(keys: Iterable[str]) -> dict[str, dict[str, Any]]:
    """`patternProperties` that refuse every name one edit away from one of `keys`, and say which was meant.

    An edit is a letter dropped, added or replaced, or two neighbours swapped. Helm tells a `const` in its
    message, where `false` would only be called a false schema.
    """
    return {f"^{_edited(key)}$": {"const": f"nothing: did you mean {key}?"} for key in keys}


def _edited(word: str) -> str:
    """One edit at the beginning of the word, or its first letter and one edit of the rest.

    The word itself does not match, and that without a lookahead, which Helm's regular expressions lack.
    """
    if not word:
        return "."
    first, rest = re.escape(word[0]), re.escape(word[1:])
    edits = [rest, f".{first}{rest}", f"[^{first}]{rest}"]
    if word[1:] and word[1] != word[0]:
        edits.append(re.escape(word[1] + word[0] + word[2:]))
    return f"({'|'.join([*edits, first + _edited(word[1:])])})"
