"""The notebook on a bank of two days: each figure is of the newest one, against pandas."""

from datetime import timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
from pyspark.sql import SparkSession

from databank.tables import DeltaStore
from tests.unit.reports.bank import DAY, bank_frames, publish

pytestmark = pytest.mark.slow  # seven tables in Delta

NOTEBOOK = Path(__file__).parents[3] / "notebooks" / "finished_bank.ipynb"
TABLES = (
    "identity.identifier",
    "identity.person",
    "lifecycle.stage",
    "lifecycle.flow",
    "lifecycle.rfm",
    "tags.person_tag",
    "audiences.member",
)


def two_days() -> dict[str, pd.DataFrame]:
    """A bank whose stages, flows, scores and members of the day before are kept."""
    rows = bank_frames(30, 7)
    kept = {
        "lifecycle.stage": "day",
        "lifecycle.rfm": "day",
        "lifecycle.flow": "day_to",
        "audiences.member": "day",
    }
    for name, day in kept.items():
        before = rows[name][rows[name][day] == DAY].assign(**{day: DAY - timedelta(days=1)})
        if name == "lifecycle.flow":
            before["day_from"] -= timedelta(days=1)
        rows[name] = pd.concat([rows[name], before], ignore_index=True).drop_duplicates()
    return rows


@pytest.fixture(scope="module")
def bank() -> dict[str, pd.DataFrame]:
    return two_days()


@pytest.fixture(scope="module")
def figures(
    bank: dict[str, pd.DataFrame],
    spark_session: SparkSession,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Any]:
    """What the cells leave, but for the last one, which draws a person."""
    root = tmp_path_factory.mktemp("two_days")
    publish(DeltaStore(spark_session, str(root)), *TABLES, rows=bank)
    cells = [
        cell for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "code"
    ]
    names: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABANK_ROOT", str(root))
        for cell in cells[:-1]:
            exec(cell.source, names)
    return names


def test_stages_are_those_of_the_newest_day(
    figures: dict[str, Any], bank: dict[str, pd.DataFrame]
) -> None:
    stages = bank["lifecycle.stage"].query("day == @DAY")["stage"].value_counts()
    assert dict(figures["stages"][["stage", "persons"]].itertuples(index=False)) == stages.to_dict()


def test_the_flow_is_the_one_that_ends_on_the_newest_day(
    figures: dict[str, Any], bank: dict[str, pd.DataFrame]
) -> None:
    flow = bank["lifecycle.flow"].query("day_to == @DAY")
    assert flow["day_from"].nunique() == 1
    cells = flow.groupby(["stage_from", "stage_to"])["persons"].sum().to_dict()
    shown = figures["flow"].melt(id_vars="stage_from", var_name="stage_to").dropna()
    assert {(row.stage_from, row.stage_to): row.value for row in shown.itertuples()} == cells


def test_money_is_of_one_day(figures: dict[str, Any], bank: dict[str, pd.DataFrame]) -> None:
    scored = bank["lifecycle.rfm"].query("day == @DAY").astype({"monetary": float})
    by_segment = scored.groupby("segment")["monetary"].agg(["size", "sum"])
    assert {row.segment: (row.persons, row.money) for row in figures["segments"].itertuples()} == {
        name: (size, round(money)) for name, size, money in by_segment.itertuples()
    }


def test_overlaps_are_of_the_newest_day_of_each_audience(
    figures: dict[str, Any], bank: dict[str, pd.DataFrame]
) -> None:
    members = bank["audiences.member"].query("day == @DAY").groupby("audience")["person_id"]
    sets = {name: set(persons) for name, persons in members}
    both = {(a, b): len(sets[a] & sets[b]) for a, b in combinations(sorted(sets), 2)}
    shown = {(row.audience, row.also_in): row.persons for row in figures["overlaps"].itertuples()}
    assert shown == {pair: n for pair, n in both.items() if n}


def test_a_tag_of_words_has_no_mean(figures: dict[str, Any], bank: dict[str, pd.DataFrame]) -> None:
    tags = bank["tags.person_tag"]
    persons = tags.groupby("tag").size()
    for row in figures["tags"].itertuples():
        assert row.persons == persons[row.tag]
        numbers = tags[(tags["tag"] == row.tag) & tags["value_string"].isna()]["value_double"]
        assert pd.isna(row.mean) == numbers.empty
