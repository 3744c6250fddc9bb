"""Rates are measured on one block of 1,000 persons against the stated ones."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from databank.demo.block import PersonBlock, simulate
from databank.demo.config import Dirt, WorldSettings
from databank.demo.offline import crm_rows
from databank.demo.online import app_rows, bot_rows, miniprogram_rows, web_rows
from tests.unit.demo.reading import PLACEHOLDERS

DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def web(block_with: Callable[..., PersonBlock]) -> pd.DataFrame:
    block = block_with(broken_line=0.02, wrong_type=0.02, wrong_clock=0.02)
    rows: pd.DataFrame = web_rows(block).to_pandas()
    return rows


@pytest.fixture(scope="module")
def app(block_with: Callable[..., PersonBlock]) -> pd.DataFrame:
    rows: pd.DataFrame = app_rows(block_with()).to_pandas()
    return rows


def near(stated: float, trials: int) -> object:
    """Within four standard deviations of a binomial share."""
    return pytest.approx(stated, abs=4 * np.sqrt(stated * (1 - stated) / trials) + 1e-4)


def test_events_are_sent_twice_under_one_id_at_the_stated_rate(web: pd.DataFrame) -> None:
    copies = web.eid.value_counts()
    assert (copies == 2).mean() == near(0.015, len(copies))
    assert copies.max() == 2
    twice = web[web.eid.duplicated(keep=False)]
    assert len(twice.drop_duplicates(["eid", "ts", "name", "cookie"])) == twice.eid.nunique()


def test_late_events_lie_one_to_five_days_behind_their_file(web: pd.DataFrame) -> None:
    first = web.drop_duplicates("eid")
    delay = first.day - first["at"] // DAY_MS
    honest = delay[delay.between(0, 6)]
    assert (honest > 0).mean() == near(0.02, len(honest))
    assert honest.max() == 5


@pytest.mark.parametrize("flaw", ["cut", "wrong type", "clock"])
def test_row_flaws_keep_the_stated_rate(web: pd.DataFrame, flaw: str) -> None:
    years_off = (web.day - web["at"] // DAY_MS).abs() > 300
    hit = {"cut": web.cut, "wrong type": web.bad_ts | web.bad_amount, "clock": years_off}[flaw]
    assert hit.mean() == near(0.02, len(web))


def test_a_wrong_amount_only_hits_purchases(web: pd.DataFrame) -> None:
    assert set(web.name[web.bad_amount]) == {"purchase"}


def test_identifier_fields_hold_placeholders_at_the_stated_rate(web: pd.DataFrame) -> None:
    cookies = web.drop_duplicates("eid").cookie
    assert cookies.isin(PLACEHOLDERS).mean() == near(0.01, len(cookies))


def test_phones_vary_in_form_at_the_stated_rate(block_with: Callable[..., PersonBlock]) -> None:
    rows = miniprogram_rows(block_with(placeholder=0.0)).to_pandas().drop_duplicates("eid")
    phones = rows.mobile.dropna()
    assert (~phones.str.fullmatch(r"\d{11}")).mean() == near(0.30, len(phones))


def test_crm_phones_have_typos_at_the_stated_rate(block_with: Callable[..., PersonBlock]) -> None:
    plain = {"placeholder": 0.0, "phone_format": 0.0}
    clean = crm_rows(block_with(**plain, crm_phone_typo=0.0)).to_pandas()
    typed = crm_rows(block_with(**plain, crm_phone_typo=0.2)).to_pandas()
    both = clean.mobile.notna()
    assert (clean.mobile != typed.mobile)[both].mean() == near(0.2, both.sum())


def test_two_in_five_customers_state_their_gender(block_with: Callable[..., PersonBlock]) -> None:
    rows = crm_rows(block_with()).to_pandas().drop_duplicates("record_id")
    assert rows.gender.notna().mean() == near(0.4, len(rows))


def test_android_shows_imei_or_oaid_and_ios_an_idfa(app: pd.DataFrame) -> None:
    ios = app.platform == "ios"
    assert app.idfa.notna().eq(ios).all()
    assert app.gaid.notna().eq(~ios).all()
    assert (app.imei.notna() ^ app.oaid.notna()).eq(~ios).all()


def test_cloned_imeis_are_the_stated_share_of_phones(dirt: Dirt) -> None:
    changed = Dirt.model_validate({**dirt.model_dump(), "cloned_imei": 0.3, "placeholder": 0.0})
    world = WorldSettings(persons=4000, seed=5, dirt=changed)
    blocks = [app_rows(simulate(world, index)).to_pandas() for index in range(4)]
    rows = pd.concat(blocks).dropna(subset="imei")
    phones = rows.assign(gaid=rows.gaid.str.lower()).drop_duplicates("gaid")
    shared = phones.imei.duplicated(keep=False)
    # a clone of which a block shows one phone only cannot be told from an own IMEI
    assert 0.2 < shared.mean() < 0.35
    assert phones[shared].groupby("imei").size().mean() > 2


def test_rings_have_five_to_fifteen_accounts_on_at_most_three_devices(
    block_with: Callable[..., PersonBlock],
) -> None:
    block = block_with(rings_per_10k=50.0, device_renewal=0.0, placeholder=0.0)
    rows = app_rows(block).to_pandas()
    sizes = pd.Series(block.people.ring[block.people.ring >= 0]).value_counts()
    assert sizes.between(5, 15).all()
    for ring in sizes.index:
        members = np.flatnonzero(block.people.ring == ring)
        users = {block.ledger.text("user_id", int(m)) for m in members}
        devices = rows[rows.user_id.isin(users)]
        ids = devices.idfa.str.lower().fillna(devices.gaid.str.lower())
        assert ids.nunique() <= 3


def test_no_dirt_means_clean_rows(block_with: Callable[..., PersonBlock]) -> None:
    names = ("duplicate", "late", "broken_line", "wrong_type", "wrong_clock", "placeholder")
    rows = web_rows(block_with(**dict.fromkeys(names, 0.0))).to_pandas()
    assert rows.eid.is_unique
    assert (rows.day == rows["at"] // DAY_MS).all()
    assert not (rows.cut | rows.bad_ts | rows.bad_amount).any()
    assert rows.cookie.str.fullmatch("[0-9a-f]{32}").all()


def test_bots_have_thousands_of_views_and_no_person(block_with: Callable[..., PersonBlock]) -> None:
    block = block_with()
    people = web_rows(block)
    bots = bot_rows(block, people.schema).to_pandas()
    assert (bots.cookie.value_counts() == 2000).all()
    assert bots.user_id.isna().all()
    assert not set(bots.eid) & set(people.column("eid").to_pylist())
