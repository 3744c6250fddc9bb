from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from databank.demo.activity import DAY_MS
from databank.demo.block import PersonBlock, simulate
from databank.demo.config import Dirt, WorldSettings
from databank.demo.offline import crm_rows
from databank.demo.online import miniprogram_rows
from databank.demo.truth import future_rows, identifier_rows, person_rows
from tests.unit.demo.reading import PLACEHOLDERS, ads_rows, canonical, csv_rows, json_rows

FIELDS = {
    "cookie_id": "cookie", "idfa": "idfa", "gaid": "gaid", "imei": "imei", "oaid": "oaid",
    "mobile": "phone", "mail": "email", "email": "email", "openid": "wechat_openid",
    "unionid": "wechat_unionid", "card_no": "member_card", "user_id": "user_id",
}  # fmt: skip


def seen(rows: pd.DataFrame) -> Iterator[tuple[str, str, str]]:
    """Distinct (type, scope, canonical value) of the identifier fields of some rows."""
    for field, id_type in FIELDS.items():
        if field in rows:
            scope = rows.app_id if id_type == "wechat_openid" else pd.Series("", rows.index)
            pairs = pd.DataFrame({"scope": scope, "value": rows[field]}).dropna()
            for where, value in pairs.drop_duplicates().itertuples(index=False):
                if value not in PLACEHOLDERS:
                    yield id_type, where, canonical(id_type, value)


@pytest.fixture(scope="module")
def identifiers(world: Path) -> pd.DataFrame:
    return pd.read_parquet(world / "truth" / "identifier.parquet")


@pytest.fixture(scope="module")
def everything_seen(world: Path) -> set[tuple[str, str, str]]:
    web = json_rows(world, "web")
    people = web[web.screen != "800x600"]  # the bots' browser
    others = [json_rows(world, "app"), json_rows(world, "miniprogram"), ads_rows(world)]
    tables = [people, *others, csv_rows(world, "pos"), csv_rows(world, "crm")]
    return {each for table in tables for each in seen(table)}


def test_every_identifier_of_truth_is_in_the_files(
    identifiers: pd.DataFrame, everything_seen: set[tuple[str, str, str]]
) -> None:
    known = identifiers[["id_type", "scope", "id_value"]].itertuples(index=False, name=None)
    assert sorted(set(known) - everything_seen) == []


def test_truth_covers_the_identifiers_seen_but_for_typos_and_unreadable_rows(
    identifiers: pd.DataFrame, everything_seen: set[tuple[str, str, str]]
) -> None:
    known = identifiers[["id_type", "scope", "id_value"]].itertuples(index=False, name=None)
    assert len(everything_seen - set(known)) <= 0.01 * len(everything_seen)


def test_an_identifier_and_person_has_one_row(identifiers: pd.DataFrame) -> None:
    assert not identifiers.duplicated(["id_type", "scope", "id_value", "person"]).any()


def test_an_own_identifier_has_one_person(identifiers: pd.DataFrame) -> None:
    own = identifiers[identifiers.sharing == "own"]
    assert (own.groupby(["id_type", "scope", "id_value"]).person.nunique() == 1).all()


def test_a_recycled_phone_is_held_by_one_person_after_the_other(
    block_with: Callable[..., PersonBlock],
) -> None:
    block = block_with(recycled_phone=0.2)
    miniprogram_rows(block)
    crm_rows(block)
    phones = identifier_rows(block).to_pandas().query("id_type == 'phone'")
    shared = phones[phones.id_value.duplicated(keep=False)].sort_values(["id_value", "valid_from"])
    first, second = shared.iloc[::2], shared.iloc[1::2]
    assert len(first) == len(second) > 50
    assert set(shared.sharing) == {"recycled"}
    assert (first.valid_to.to_numpy() <= second.valid_from.to_numpy()).all()
    assert second.valid_to.isna().all()


def test_activity_of_the_next_day_is_part_of_the_future(
    world: Path, settings: WorldSettings
) -> None:
    future = pd.read_parquet(world / "truth" / "future.parquet").set_index("person")
    ids = pd.read_parquet(world / "truth" / "identifier.parquet").query("id_type == 'user_id'")
    app = json_rows(world, "app")
    at = pd.to_datetime(pd.to_numeric(app.ts, errors="coerce"), unit="ms")
    today = app[at.dt.date == settings.next_day].drop_duplicates("id")
    counts = today.groupby("user_id").size()
    person = ids.set_index("id_value").person.reindex(counts.index).dropna().astype(int)
    assert len(person) > 0
    assert (future.events.loc[person].to_numpy() >= counts[person.index].to_numpy()).all()


@pytest.fixture(scope="module")
def foretold(dirt: Dirt) -> pd.DataFrame:
    settings = WorldSettings(persons=2000, seed=9, dirt=dirt)
    blocks = [simulate(settings, index) for index in range(2)]
    persons = pd.concat([person_rows(block).to_pandas() for block in blocks])
    future = pd.concat([future_rows(block).to_pandas() for block in blocks])
    joined: pd.DataFrame = persons.merge(future, on="person")
    return joined.dropna(subset=["p_churn"])


def test_churn_can_be_foretold_but_not_perfectly(foretold: pd.DataFrame) -> None:
    churned = foretold.events == 0
    assert 0.75 < roc_auc_score(churned, foretold.p_churn) < 0.98
    assert churned.mean() == pytest.approx(foretold.p_churn.mean(), abs=0.03)


def test_high_value_can_be_foretold_but_not_perfectly(foretold: pd.DataFrame) -> None:
    top = foretold.amount.rank(pct=True, method="first") > 0.8
    assert 0.75 < roc_auc_score(top, foretold.p_high_value) < 0.98
    assert foretold.p_high_value.mean() == pytest.approx(0.2, abs=0.03)


def test_the_oracle_is_calibrated(foretold: pd.DataFrame) -> None:
    churned = (foretold.events == 0).groupby(pd.qcut(foretold.p_churn, 5)).mean()
    predicted = foretold.p_churn.groupby(pd.qcut(foretold.p_churn, 5)).mean()
    assert (churned - predicted).abs().max() < 0.08


def test_taste_shows_in_what_is_viewed(dirt: Dirt) -> None:
    block = simulate(WorldSettings(persons=1000, seed=9, dirt=dirt), 0)
    h, people = block.online, block.people
    who = block.visits.who[h.visit]
    with_item = h.item >= 0
    liked = h.item[with_item] // 25 == people.taste[who[with_item]]
    assert liked.mean() > 0.5


def test_some_leave_and_some_of_them_come_back(foretold: pd.DataFrame) -> None:
    assert 0.05 < foretold.left.notna().mean() < 0.5
    assert foretold.returned.any()
    assert foretold.loc[foretold.left.notna(), "p_churn"].mean() > 0.5


@pytest.mark.parametrize("persons", [1, 3, 1001])
def test_a_world_may_have_any_number_of_persons(dirt: Dirt, persons: int) -> None:
    settings = WorldSettings(persons=persons, seed=2, dirt=dirt)
    block = simulate(settings, persons // 1000)
    assert len(block.people.number) == persons % 1000
    assert future_rows(block).num_rows == persons % 1000
    assert (block.online.ts >= 0).all()
    assert block.online.ts.max(initial=0) <= (settings.days + 31) * DAY_MS
