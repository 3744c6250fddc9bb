"""`databank rollback identity`: persons and archive as if the days between had never been."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from databank.archive.build import JOB as ARCHIVE
from databank.archive.config import ArchiveConfig
from databank.archive.tables import PERSON_DAY
from databank.cli.main import exit_code
from databank.identity.tables import CHANGES, STATE
from tests.support.bank import DAY
from tests.support.published import publish_rows
from tests.unit.identity.test_scope import SAME
from tests.unit.identity.world import World, group

RULES: dict[str, Any] = {"limits": {"phone": {"user_id": 1}}}
NEXT = DAY + timedelta(days=1)
USUAL = [f"u{n} c{n}" for n in range(10, 40)]
_IDS = {"person_id", "other_person_id", "old_person_id"}


def archive(world: World, **how: str) -> list[tuple[Any, ...]]:
    world.bank.run(ARCHIVE, ArchiveConfig(), day=NEXT, **how)
    return world.bank.rows(PERSON_DAY, "person_id", "day", "event", "n")


@pytest.mark.nightly
@pytest.mark.usefixtures("affected_only")
def test_a_bad_day_has_never_been(
    spark_session: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World(
        spark_session, tmp_path / "bank", "u1 p1", "u1 c1", "u2 p1", "u2 c2", *USUAL, on_disk=True
    )
    world.resolve(**RULES)
    first = world.persons()
    # u3 and p3 are new, c5 comes to u1; without the limit u1 and u2 are one, u3 and u4 too
    world.come(NEXT, "u3 p3", "u4 p3", "u1 c5", "c1 c5")
    never = world.copy(tmp_path / "never")
    world.resolve(NEXT)
    assert group("u3 p3 u4") <= world.persons()
    given = world.bank.read(STATE).first()["next_id"]
    archive(world, config_hash="same")
    words = ["rollback", "identity", "--root", world.bank.root, "--conf-dir", str(tmp_path)]
    assert exit_code([*words, "--to", str(NEXT), "--json"]) == 2
    assert "already" in capsys.readouterr().err
    assert exit_code([*words, "--to", str(DAY), "--json"]) == 0
    sections = json.loads(capsys.readouterr().out)
    assert sections[0]["rows"][0]["back to the state of"] == str(DAY)
    assert sections[0]["rows"][0]["persons after"] == len(first)
    assert f"--date {NEXT}" in sections[1]["title"]
    assert world.persons() == first
    for each in (world, never):
        summary = each.resolve(NEXT, **RULES).summary
        assert summary["solved again"] != "all"
    assert group("u3", "u4", "u1 c1 c5") <= world.persons()
    for table, own in SAME.items():
        columns = [c.name for c in table.columns if c.name not in (*own, "versions", "next_id")]
        rows = world.bank.rows(table, *columns)
        assert _moved_on(world, columns, rows, given) == never.bank.rows(table, *columns)
    # the archive follows the rollback and the run after it at once
    rows = archive(world, config_hash="same")
    assert _moved_on(world, ["person_id"], rows, given) == archive(never)


def _moved_on(
    world: World, columns: list[str], rows: list[tuple[Any, ...]], given: int
) -> list[tuple[Any, ...]]:
    """Rows with the ids that were given after the rollback as if none had been taken before."""
    day = world.bank.read(CHANGES).where(f"day = date '{DAY}'")
    free = max(row["person_id"] for row in day.collect()) + 1

    def plain(name: str, value: Any) -> Any:
        if name not in _IDS or value is None or value < free:
            return value
        # nobody has an id of the day that was rolled back
        assert value >= given
        return value - given + free

    names = [*columns, *[""] * (len(rows[0]) - len(columns))] if rows else []
    moved = (tuple(plain(n, v) for n, v in zip(names, row, strict=True)) for row in rows)
    return sorted(moved, key=repr)


@pytest.mark.parametrize(
    ("day", "message"),
    [
        ("yesterday", "--to: 'yesterday' is not a day"),
        ("2100-01-01", "--to: 2100-01-01 lies in the future"),
        ("2026-01-31", "was not run for 2026-01-31 or a day before; it has published nothing yet"),
    ],
)
def test_where_nothing_leads_back_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], day: str, message: str
) -> None:
    root = publish_rows(tmp_path, {"lifecycle.stage": []})
    words = ["--root", root, "--conf-dir", str(tmp_path), "--to", day]
    assert exit_code(["rollback", "identity", *words]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["identity"], "--to: is missing; add the day whose state comes back"),
        (["identity", "churn", "--to", "2026-01-31"], "identity: has no part 'churn'; leave out"),
        (["model"], "rollback model: which one is missing; add the name of the model"),
        (["model", "churn", "--to", "2026-01-31"], "to no day; leave out --to"),
        (["model", "churn", "--root", "nowhere"], "nowhere"),
        (["tags"], "'tags' is not one of"),
    ],
)
def test_options_of_a_rollback_that_do_not_fit(
    capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert exit_code(["rollback", *words]) == 2
    assert message in capsys.readouterr().err
