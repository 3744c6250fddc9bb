"""Tables of the indicators."""

from databank.tables import Column, TableSpec

INDICATOR = TableSpec(
    name="reports.indicator",
    grain="one row per indicator, day, value of its dimension and part",
    owner="build_indicators",
    key=("indicator", "day", "dimension_value", "part"),
    cluster_by=("indicator", "day"),
    columns=(
        Column("indicator", "string", "indicator of conf/indicators"),
        Column("day", "date", "day it is about; of retention and funnels that of the first step"),
        Column("dimension_value", "string", "value of its dimension; '' = all, it has none"),
        Column("part", "string", "'' | day 7 of a retention | 2 add_to_cart of a funnel"),
        Column("value", "double", "the figure; of retention and funnels persons / base"),
        Column("persons", "bigint", "persons counted; null for sums and counts of events"),
        Column("base", "bigint", "of how many persons; null where the figure is no share"),
        Column("as_of", "date", "run day that made the row: later events are not in it"),
    ),
)
