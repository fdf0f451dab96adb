"""The chart's JSON schema, from which property tests draw values."""

import pytest

from lab import ROOT
from tests.support.chart.schema_values import Reader, chart_schema


@pytest.fixture(scope="session")
def reader() -> Reader:
    return Reader(chart_schema(ROOT))
