"""How many cases tests draw: an everyday number, or all of them with THOROUGH=1, as CI does.

For tests whose confidence grows with the number of cases and that would take minutes for all of them. A test
uses the fixture `draws`, `parametrize` uses `sample`. Both give the test the marker `thorough`.
"""

import os
from collections.abc import Sequence
from typing import Any, TypeVar

import pytest

THOROUGH = os.environ.get("THOROUGH", "") not in ("", "0")
Size = TypeVar("Size")


def draws(everyday: Size, full: Size) -> Size:
    """The everyday size, or the full one with THOROUGH=1."""
    return full if THOROUGH else everyday


def sample(cases: Sequence[Any], every: int) -> list[Any]:
    """Cases for `parametrize`: every n-th, or all with THOROUGH=1."""
    return [pytest.param(case, marks=pytest.mark.thorough) for case in cases[:: draws(every, 1)]]
