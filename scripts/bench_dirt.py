"""OneID against its truth on other worlds: another seed, and twice the dirt.

Twice: every rate of conf/dirt.yml by which one identifier has many persons, an identifier is
written badly, a row is bad, or nobody is behind it.
"""

from datetime import date
from pathlib import Path

from pyspark.sql import functions as F

from databank.demo.config import Dirt, WorldSettings, load_dirt
from databank.demo.generate import generate
from databank.demo.identity_scores import identity_scores
from databank.demo.scores import Truth
from databank.project.execute import execute
from databank.project.load import load_project
from databank.project.plan import Step
from databank.session import get_spark
from databank.tables import DeltaStore

HERE = Path(__file__).parents[1]
_WORLDS = ((7, 1), (11, 1), (7, 2), (11, 2))
_RATES = (
    "family_share", "recycled_phone", "cloned_imei", "rings_per_10k",
    "placeholder", "phone_format", "mail_format", "id_case", "crm_phone_typo",
    "duplicate", "late", "broken_line", "wrong_type", "wrong_clock", "bots_per_10k",
)  # fmt: skip


def bench_dirt(folder: Path, persons: int) -> None:
    """Print precision and recall of each world beside those of components without any guard."""
    project, dirt = load_project(HERE / "conf"), load_dirt(HERE / "conf/dirt.yml")
    spark = get_spark("bench")
    cap = project.identity.persons["any"].most
    for seed, times in _WORLDS:
        root = str(folder / f"seed-{seed}-dirt-{times}")
        world = WorldSettings(persons=persons, seed=seed, dirt=dirtier(dirt, times))
        generate(spark, root, world)
        day: date = world.last_day
        steps = [Step("ingest"), Step("resolve_identity")]
        execute(project, steps, root=root, day=day)
        store = DeltaStore(spark, root)
        sizes = (
            store.require("identity.person").where("valid_to IS NULL").groupBy("person_id").count()
        )
        largest = sizes.agg(F.max("count").alias("n")).first()
        print(f"seed {seed}, {times} x dirt: largest person {largest['n']} identifiers (cap {cap})")
        for score in identity_scores(store, Truth(spark, root)):
            beside = f"{score.beside[1]:.4f} {score.beside[0]}" if score.beside else ""
            print(f"    {score.figure:<28} {score.value:.4f}   {beside}")


def dirtier(dirt: Dirt, times: int) -> Dirt:
    """The rates so many times as high, shares at most 1."""
    given = dirt.model_dump()
    for name in _RATES:
        most = 1.0 if given[name] <= 1 else 100.0
        given[name] = min(most, given[name] * times)
    return Dirt.model_validate(given)
