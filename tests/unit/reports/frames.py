"""Tables that the report reads, as small frames: the columns that a report looks at."""

from typing import Any

import pandas as pd
from pyspark.sql import DataFrame, SparkSession

from databank.session import small_frame

SCHEMAS = {
    "raw.file": "source string, file string, rows bigint, status string",
    "core.events": "source string, event_id string, event_ts timestamp, day date, event string, "
    "terminal string, id_key bigint, amount decimal(18,2), page string",
    "core.profiles": "source string, record_id string, id_key bigint",
    "core.items": "source string, item_id string",
    "ops.quarantine": "source string, line bigint, rule string, reason string, raw string",
    "identity.identifier": "id_key bigint, id_type string, scope string, id_value string, "
    "entity boolean",
    "identity.entity": "entity string, person_id bigint, entity_id bigint",
    "identity.entity_rejected": "entity string, id_key bigint, person_id bigint",
    "identity.person": "id_key bigint, person_id bigint, valid_from date, valid_to date",
    "identity.edges": "a_key bigint, b_key bigint, source string, rule string, "
    "last_ts timestamp, n bigint",
    "identity.changes": "day date, kind string, person_id bigint, other_person_id bigint",
    "identity.rejected": "a_key bigint, b_key bigint, rule string, reason string, day date",
    "archive.visit": "person_id bigint, day date, number int, seconds double, events bigint, "
    "pages bigint, entry string, channel string",
    "lifecycle.stage": "person_id bigint, day date, stage string",
    "lifecycle.flow": "day_from date, day_to date, stage_from string, stage_to string, "
    "persons bigint",
    "lifecycle.rfm": "person_id bigint, day date, r int, f int, m int, segment string, "
    "recency_days int, frequency bigint, monetary double",
    "tags.person_tag": "person_id bigint, tag string, value_string string, value_double double, "
    "value_date date, as_of date",
    "models.training": "model string, version bigint, trained_day date, outcome string, "
    "algorithm string, holdout bigint, auc double, ece double, base_rate double",
    "models.lift": "model string, version bigint, sample string, decile int, n bigint, "
    "positives bigint, rate double, lift double, gain double",
    "models.score": "model string, version bigint, as_of date, entity_id bigint, score double",
    "lookalike.member": "name string, day date, person_id bigint, rank bigint, score double, "
    "level string",
    "lookalike.gain": "name string, day date, share double, recall double, lift double",
    "audiences.member": "audience string, day date, person_id bigint",
    "reports.indicator": "indicator string, day date, dimension_value string, part string, "
    "value double, persons bigint, base bigint",
}


def frame_of(name: str, rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    """Rows of a table as a pandas frame."""
    columns = [part.split()[0] for part in SCHEMAS[name].split(", ")]
    return pd.DataFrame(rows, columns=columns, dtype=object)


def table_of(spark: SparkSession, name: str, rows: pd.DataFrame) -> DataFrame:
    """A pandas frame as a table's frame."""
    values = rows.astype(object).where(rows.notna(), None).itertuples(index=False, name=None)
    return small_frame(spark, values, SCHEMAS[name])
