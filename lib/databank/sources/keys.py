"""One 64-bit key for each identifier, and never one key for two.

The key is a hash, so that every machine and run gives the same one. Among n identifiers two share a
hash with a chance of n^2 / 2^65: one in 370,000 for ten million of them, one in 37 for a billion.
Where it happens, who comes second (or has the larger name, in the same load) gets the hash with a
salt instead. identity.identifier keeps the salt, so that later loads give the same key.
"""

from collections.abc import Callable, Sequence

from pyspark.sql import Column, DataFrame, functions as F

from databank.session import checkpoint, small_frame

Collision = tuple[str, str, str, int, int]  # id_type, scope, id_value, salt, id_key
_NAME = ("id_type", "scope", "id_value")
_SALTED = "id_type string, scope string, id_value string, salt int, id_key bigint"
_MOST_SALTS = 100


def key_of(id_type: Column, scope: Column, value: Column, *, salt: int = 0) -> Column:
    """Compute the BIGINT that stands for an identifier on every machine and in every run."""
    return F.xxhash64(id_type, scope, value, *([F.lit(salt)] if salt else []))


def key_collisions(existing: DataFrame) -> list[Collision]:
    """List identifiers whose key is not their plain hash; so few that they come to the driver."""
    rows = existing.where("salt > 0").select(*_NAME, "salt", "id_key")
    return [tuple(row) for row in rows.collect()]


def with_corrected_keys(staged: DataFrame, collisions: Sequence[Collision]) -> DataFrame:
    """Correct the keys of colliding identifiers in staged rows, wherever these name them."""
    if not collisions:
        return staged

    def corrected(identifier: Column) -> Column:
        name = [identifier[part] for part in _NAME]
        key = corrected_key(identifier["id_key"], name, collisions)
        return identifier.withField("id_key", key)

    identifiers = F.transform("identifiers", corrected)

    def keys(kept: Callable[[Column], Column]) -> Column:
        chosen = F.filter(identifiers, kept)
        return F.array_distinct(F.transform(chosen, lambda each: each["id_key"]))

    of_entities = keys(lambda each: each["entity"].isNotNull())
    of_entities = F.when(F.size(of_entities) > 0, of_entities)
    ids = keys(lambda each: each["entity"].isNull())
    return staged.withColumns({"identifiers": identifiers, "ids": ids, "entity_ids": of_entities})


def corrected_key(key: Column, name: Sequence[Column], collisions: Sequence[Collision]) -> Column:
    """Give the key of an identifier: its plain hash, unless another identifier has that.

    Args:
        key: The plain hash.
        name: id_type, scope, id_value.
        collisions: Those with another key.
    """
    for *values, _, salted_key in collisions:
        same = [part == value for part, value in zip(name, values, strict=True)]
        key = F.when(same[0] & same[1] & same[2], F.lit(salted_key)).otherwise(key)
    return key


def unknown_identifiers(
    staged: DataFrame, existing: DataFrame, *, load_id: str
) -> tuple[DataFrame, list[Collision]]:
    """Find the identifiers of sound rows that identity.identifier does not hold.

    Args:
        staged: identifiers, rule; keys of known identifiers are right.
        existing: identity.identifier.
        load_id: Written to the rows.

    Returns:
        Rows of identity.identifier; and those of them whose key was taken.
    """
    seen = (
        staged.where("rule IS NULL")
        .select(F.explode("identifiers").alias("identifier"))
        .select("identifier.*")
        .groupBy("id_key", *_NAME, "entity")
        .agg(F.lit(load_id).alias("first_load"))
    )
    old = existing.select("id_key", F.struct(*_NAME).alias("old"))
    same = F.col("old") == F.struct(*_NAME)
    fresh = seen.join(old, "id_key", "left").where(F.col("old").isNull() | ~same)
    fresh = checkpoint(fresh)
    plain = fresh.drop("old").withColumn("salt", F.lit(0))
    counts = fresh.agg(
        F.count("old").alias("taken"),
        F.count("*").alias("n"),
        F.count_distinct("id_key").alias("keys"),
    ).first()
    if counts is None or not (counts["taken"] or counts["keys"] < counts["n"]):
        return plain, []
    collisions = _salt(
        _late_comers(fresh), plain.select("id_key").unionByName(existing.select("id_key"))
    )
    salted = small_frame(staged.sparkSession, collisions, _SALTED)
    salted = salted.withColumn("first_load", F.lit(load_id))
    salted = salted.join(plain.select(*_NAME, "entity"), list(_NAME))
    first = plain.join(F.broadcast(salted), list(_NAME), "left_anti")
    return first.unionByName(salted).select(*plain.columns), collisions


def _late_comers(fresh: DataFrame) -> list[tuple[str, str, str]]:
    """List the identifiers that came second to a key, by name; a handful."""
    name = F.struct(*_NAME)
    known = F.max("old").alias("known")
    rivals = fresh.groupBy("id_key").agg(known, F.sort_array(F.collect_list(name)).alias("names"))
    late = F.when(F.col("known").isNotNull(), F.col("names"))
    late = late.otherwise(F.slice("names", 2, F.size("names")))
    rows = rivals.select(F.explode(late).alias("name")).select("name.*").collect()
    return sorted((row["id_type"], row["scope"], row["id_value"]) for row in rows)


def _salt(names: Sequence[tuple[str, str, str]], taken: DataFrame) -> list[Collision]:
    """Give each name a key of its own, with the smallest salt that gives one."""
    given: list[Collision] = []
    left = list(names)
    for salt in range(1, _MOST_SALTS):
        schema = "id_type string, scope string, id_value string"
        tried = small_frame(taken.sparkSession, left, schema).withColumn("salt", F.lit(salt))
        key = key_of(F.col("id_type"), F.col("scope"), F.col("id_value"), salt=salt)
        tried = tried.withColumn("id_key", key)
        free = tried.join(taken, "id_key", "left_anti").select(*_NAME, "salt", "id_key")
        for row in sorted(tuple(row) for row in free.collect()):
            if row[4] not in {key for *_, key in given}:
                given.append(row)
        done = {row[:3] for row in given}
        left = [name for name in left if name not in done]
        if not left:
            return given
    raise RuntimeError(f"{len(left)} identifiers found no key of their own; the hash is broken")
