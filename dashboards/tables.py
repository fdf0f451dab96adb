"""Tables of this moment: columns from several instant queries, joined by their labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase

from grafana_foundation_sdk.builders import common, table
from grafana_foundation_sdk.models.common import TableAutoCellOptions
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig, DynamicConfigValue, ValueMapping

from dashboards.colors import NEUTRAL, steps
from dashboards.queries import rows


@dataclass(frozen=True)
class Column:
    """A column of a table: the value of `expr`, or, if `label` is set, that label of all queries."""

    title: str
    expr: str = ""
    label: str = ""
    unit: str = "short"
    width: int = 85
    """Pixels."""
    wide: bool = False
    """True for names: the column shares the panel's remaining width, and `width` is the least."""
    mappings: Sequence[ValueMapping] = ()
    background: dict[float, str] | None = None
    """Colour of the cell from a value upwards; {} if only the mappings have colours."""
    link: tuple[str, str] | None = None
    """Title and URL of where a click leads."""
    nothing: str = "-"
    """Text of a cell without value."""
    properties: Sequence[DynamicConfigValue] = ()
    """More override properties, such as the number of decimals."""

    def overrides(self) -> list[DynamicConfigValue]:
        """The column's properties in Grafana's terms."""
        found: dict[str, object] = {"unit": self.unit, "noValue": self.nothing}
        if self.wide:
            found |= {"custom.minWidth": self.width, "custom.wrapText": True}
        else:
            found["custom.width"] = self.width
        if self.mappings:
            # A word, not a number.
            found |= {"mappings": list(self.mappings), "custom.align": "left"}
        if self.background is not None:
            found["custom.cellOptions"] = {"type": "color-background", "mode": "basic"}
            found["thresholds"] = steps(NEUTRAL, self.background).build()
        properties = [DynamicConfigValue(id_val=key, value=value) for key, value in found.items()]
        return [*properties, *([leads_to(*self.link)] if self.link else []), *self.properties]


def leads_to(title: str, url: str) -> DynamicConfigValue:
    """Override property that makes a cell or a series lead to another page."""
    return DynamicConfigValue(id_val="links", value=[{"title": title, "url": url}])


def table_of(
    title: str, description: str, columns: Sequence[Column], sort: Sequence[str], *, empty: str = "no data"
) -> table.Panel:
    """A table with a row for each set of labels that the queries of its columns return.

    `sort` names the columns by which rows are sorted, largest first. `empty` is shown if there is no row.
    """
    panel = (
        table.Panel()
        .title(title)
        .description(description)
        .unit("short")
        .no_value(empty)
        .cell_options(TableAutoCellOptions())
        .thresholds(steps(NEUTRAL))
        .sort_by([common.TableSortByFieldState().display_name(name).desc(True) for name in sort])
        .height(7)
        .span(24)
    )
    queried = [column for column in columns if column.expr]
    refs = {column.title: ref for column, ref in zip(queried, ascii_uppercase, strict=False)}
    names = {}
    for column in columns:
        value = f"Value #{refs.get(column.title)}" if len(queried) > 1 else "Value"
        names[column.label or value] = column.title
        if column.expr:
            panel = panel.with_target(rows(column.expr))
        panel = panel.override_by_name(column.title, column.overrides())
    # `Time`, the same in all queries, is kept until all are joined: it is the only field that a query without
    # a result has in common with the others, and without a common field none would be joined.
    for transformation, options in (
        ("filterFieldsByName", {"include": {"names": ["Time", *names]}}),
        ("merge", {}),
        (
            "organize",
            {
                "excludeByName": {"Time": True},
                "indexByName": {name: at for at, name in enumerate(names)},
                "renameByName": names,
            },
        ),
    ):
        panel = panel.with_transformation(DataTransformerConfig(id_val=transformation, options=options))
    return panel
