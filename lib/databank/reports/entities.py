"""Collect how many households, accounts ... there are, and how large they are."""

from typing import Any

from pyspark.sql import functions as F

from databank.reports.facts import EntityKind
from databank.reports.reader import Reader


def collect_entities(reader: Reader) -> dict[str, Any]:
    """One row per kind of entity; nothing where identity.yml has none."""
    within, rejected = reader.table("identity.entity"), reader.table("identity.entity_rejected")
    if within is None or rejected is None:
        return {}
    sizes = within.groupBy("entity", "entity_id").agg(F.count("*").alias("n"))
    figures = sizes.groupBy("entity").agg(
        F.count("*").alias("number"),
        F.sum("n").alias("persons"),
        F.sum(F.when(F.col("n") > 1, F.col("n")).otherwise(0)).alias("in_company"),
        F.max("n").alias("largest"),
    )
    aside = rejected.where("person_id IS NULL").groupBy("entity").agg(F.count("*").alias("aside"))
    rows = figures.join(aside, "entity", "left").fillna(0, ["aside"]).orderBy("entity").collect()
    return {"entities": tuple(EntityKind(*row) for row in rows)}
