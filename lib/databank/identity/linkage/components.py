"""Components of likely pairs: profiles that are to be compared each with each."""

from functools import reduce
from typing import NamedTuple

from pyspark.sql import DataFrame, functions as F

from databank.identity.components.solve import connected_components
from databank.identity.linkage.linker import LEAST, MOST
from databank.session import checkpoint, checkpoint_counted

LARGEST = 1_000  # identifiers: half a million pairs
_STRICTER = (LEAST, 0.9, 0.99, 0.999, 0.9999, 0.99999, MOST)


class LikelyComponents(NamedTuple):
    """Who is compared with whom.

    Attributes:
        labels: id_key (unique), component (bigint); of identifiers that a likely pair names.
        indistinct: How many identifiers more than `largest` others equal beyond telling: they are
            in no component, for that many profiles with one content are a form's default, not a
            person.
    """

    labels: DataFrame
    indistinct: int


def likely_components(
    pairs: DataFrame, *, scratch: str, local_budget: int, largest: int = LARGEST
) -> LikelyComponents:
    """Find what likely pairs tie together; what is too large is parted at its weaker pairs.

    A component of more than `largest` identifiers is taken again without the pairs below 0.9, what
    of it is still too large without those below 0.99, and so on.

    Args:
        pairs: a_key, b_key (bigint), score.
        scratch: A path that all workers share.
        local_budget: See `connected_components`.
        largest: Identifiers of one component.
    """
    kept = []
    indistinct = 0
    for least in _STRICTER:
        edges = pairs.where(F.col("score") >= least)
        found_labels = connected_components(
            edges, src="a_key", dst="b_key", scratch=scratch, local_budget=local_budget
        )
        labels = checkpoint(found_labels.toDF("id_key", "component"))
        sizes = labels.groupBy("component").count()
        too_large, indistinct = checkpoint_counted(
            sizes.where(F.col("count") > largest).select("component")
        )
        if not indistinct:
            kept.append(labels)
            break
        kept.append(labels.join(too_large, "component", "left_anti"))
        inside, indistinct = checkpoint_counted(labels.join(too_large, "component", "left_semi"))
        pairs = checkpoint(pairs.join(inside.select(F.col("id_key").alias("a_key")), "a_key"))
    whole = reduce(DataFrame.unionByName, kept).select("id_key", "component")
    # a single part is a checkpoint already
    return LikelyComponents(whole if len(kept) == 1 else checkpoint(whole), indistinct)
