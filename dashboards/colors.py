"""Colours and what they mean, as value mappings and thresholds.

Colour-blind people can tell the palette apart. Series that only differ, and are neither good nor bad, get
Grafana's blues and greys, never the colours below.
"""

from collections.abc import Mapping

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models.dashboard import (
    DashboardRegexMapOptions,
    DashboardSpecialValueMapOptions,
    DynamicConfigValue,
    RegexMap,
    SpecialValueMap,
    SpecialValueMatch,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMapping,
    ValueMappingResult,
)

GOOD = "#009E73"
IDLE = "#808080"
WARNING = "#E69F00"
CRITICAL = "#D55E00"
DOWN = "#A0001C"
UNKNOWN = "#CC79A7"
REDIRECT = "#56B4E9"
DRILL = "#0072B2"
NEUTRAL = "transparent"
"""No colour: the background of the panel."""

STATES = {
    5: ("down", DOWN),
    4: ("paging", CRITICAL),
    3: ("ticket", WARNING),
    2: ("degraded", WARNING),
    1: ("no traffic", IDLE),
    0: ("healthy", GOOD),
}
"""Name and colour of each value of `service:state`."""

NO_TRAFFIC, IS_DOWN = -1, -2
"""Values of a stat's query that stand for the absence of a figure."""


def result(text: str | None, color: str | None, order: int = 0) -> ValueMappingResult:
    """The result of a mapping: a text instead of the value, a colour, or both."""
    return ValueMappingResult(text=text, color=color, index=order)


def values(shown: Mapping[int | str, tuple[str | None, str]]) -> ValueMap:
    """A mapping from numbers or texts to a text (None keeps it) and a colour."""
    return ValueMap({str(value): result(*pair, order) for order, (value, pair) in enumerate(shown.items())})


def pattern(regex: str, color: str, text: str | None = None) -> RegexMap:
    """A mapping that colours texts that match a regular expression of JavaScript, such as `/^0 of/`."""
    return RegexMap(DashboardRegexMapOptions(regex, result(text, color)))


def missing(text: str | None = "no data", color: str = UNKNOWN) -> SpecialValueMap:
    """A mapping for a query without result, which Grafana would paint in the colour of good values.

    Without a text, the panel's own text for no value is shown.
    """
    return SpecialValueMap(DashboardSpecialValueMapOptions(SpecialValueMatch.NULL, result(text, color)))


def states() -> list[ValueMapping]:
    """Mappings for `service:state`."""
    return [values(STATES), missing()]


def absences(no_traffic: str = "no traffic") -> list[ValueMapping]:
    """Mappings for a stat whose query returns NO_TRAFFIC or IS_DOWN if there is no figure."""
    return [values({NO_TRAFFIC: (no_traffic, IDLE), IS_DOWN: ("down", DOWN)}), missing()]


def counted() -> list[ValueMapping]:
    """Mappings for texts such as "1 of 3": only all of them is good."""
    return [
        pattern("/^0 of/", DOWN),
        pattern(r"/^(\d+) of \1$/", GOOD),
        pattern("/ of /", WARNING),
        missing(),
    ]


def steps(base: str, above: dict[float, str] | None = None) -> dashboard.ThresholdsConfig:
    """Absolute thresholds: the base colour, then each colour from its value upwards."""
    built = [Threshold(color=base), *(Threshold(color=c, value=v) for v, c in (above or {}).items())]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(built)


def fixed(color: str) -> DynamicConfigValue:
    """Override property that draws a series in one colour."""
    return DynamicConfigValue(id_val="color", value={"mode": "fixed", "fixedColor": color})
