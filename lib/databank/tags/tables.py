"""Tables of tags."""

from databank.tables import Column, TableSpec

_VALUES = (
    Column("tag", "string", "name of the tag in conf/tags"),
    Column("value_string", "string", "text, band, or 'true' of a yes/no tag", pii=True),
    Column("value_double", "double", "number; the score of a banded model tag"),
    Column("value_date", "date", "day, for tags that are days", pii=True),
    Column("as_of", "date", "run day that gave the value"),
)

PERSON_TAG = TableSpec(
    name="tags.person_tag",
    grain="one row per person and tag, as of the latest run; no row = not, 0, or unknown",
    owner="build_tags",
    key=("person_id", "tag"),
    cluster_by=("tag",),
    columns=(Column("person_id", "bigint", "person of identity.person"), *_VALUES),
)

HISTORY = TableSpec(
    name="tags.history",
    grain="one row per person, run day and tag with keep_days; no row = as in tags.person_tag",
    owner="build_tags",
    key=("person_id", "tag", "as_of"),
    cluster_by=("tag", "as_of"),
    columns=(Column("person_id", "bigint", "person of identity.person on that day"), *_VALUES),
)

ENTITY_TAG = TableSpec(
    name="tags.entity_tag",
    grain="one row per household, account ... and tag, as of the latest run; no row = as above",
    owner="build_tags",
    key=("entity", "entity_id", "tag"),
    cluster_by=("tag",),
    columns=(
        Column("entity", "string", "household, account ... of identity.yml"),
        Column("entity_id", "bigint", "the one of identity.entity"),
        *_VALUES,
    ),
)

LISTED = TableSpec(
    name="tags.listed",
    grain="one row per person and tag by a list: the line that says it, as of the latest run",
    owner="build_tags",
    key=("person_id", "tag"),
    cluster_by=("tag",),
    columns=(
        Column("person_id", "bigint", "person of identity.person"),
        Column("tag", "string", "name of the tag in conf/tags"),
        Column("file", "string", "the list, beside the file of the tag"),
        Column("line", "bigint", "line in which its row begins, the header's is 1"),
        Column("id_type", "string", "type of the identifier that the row names the person by"),
        Column("as_of", "date", "run day that read it"),
    ),
)
