import gzip
import re
from pathlib import Path

import pandas as pd
import pytest
from pyspark.sql import SparkSession

from databank.demo import landing, staging
from databank.demo.config import Dirt, WorldSettings
from databank.demo.generate import deliver_next_day, generate
from databank.errors import DataBankError
from tests.unit.demo.reading import ads_rows, csv_rows, json_rows

SOURCES = ("web", "app", "miniprogram", "crm", "pos", "ads")


def contents(root: Path) -> dict[str, object]:
    """Every file of a world by its relative name, unpacked; a truth table as a whole."""
    files: dict[str, object] = {}
    for path in sorted(p for p in root.rglob("*") if p.is_file() and p.parent.suffix == ""):
        name = str(path.relative_to(root))
        if path.suffix != ".parquet":
            data = path.read_bytes()
            files[name] = gzip.decompress(data) if path.suffix == ".gz" else data
    for path in sorted((*root.glob("*/ads/*.parquet"), *root.glob("truth/*.parquet"))):
        frame = pd.read_parquet(path)
        rows = sorted(frame.astype(str).itertuples(index=False, name=None))
        files[str(path.relative_to(root))] = rows
    return files


@pytest.mark.parametrize("source", [*SOURCES, "items"])
def test_every_source_has_rows_in_landing(
    counts_and_world: tuple[dict[str, int], Path], source: str
) -> None:
    counts, root = counts_and_world
    assert counts[source] > 0
    assert any((root / "landing" / source).iterdir())


@pytest.mark.parametrize("source", SOURCES)
def test_files_of_the_next_day_wait_in_arrivals(
    world: Path, settings: WorldSettings, source: str
) -> None:
    day = settings.next_day.isoformat()
    landed = [path.name for path in (world / "landing" / source).iterdir()]
    waiting = [path.name for path in (world / "arrivals" / source).iterdir()]
    assert waiting == [name for name in waiting if day in name] != []
    assert not [name for name in landed if day in name]


def test_files_are_named_by_source_day_and_part(world: Path) -> None:
    for path in world.glob("landing/*/*"):
        if path.parent.name != "items":
            form = rf"{path.parent.name}-2026-01-\d\d-part-00000\.(json\.gz|csv\.gz|parquet)"
            assert re.fullmatch(form, path.name), path


def test_nothing_of_the_making_is_left_behind(world: Path) -> None:
    assert not [path for path in world.rglob("*") if path.name.startswith(("_", "."))]


def test_the_counts_are_those_of_the_files(counts_and_world: tuple[dict[str, int], Path]) -> None:
    counts, root = counts_and_world
    lines = {
        source: sum(
            len(gzip.decompress(path.read_bytes()).splitlines())
            for path in root.glob(f"*/{source}/*.json.gz")
        )
        for source in ("web", "app", "miniprogram")
    }
    tables = {"pos": len(csv_rows(root, "pos")), "crm": len(csv_rows(root, "crm"))}
    written = {**lines, **tables, "ads": len(ads_rows(root))}
    assert written == {source: counts[source] for source in written}


def test_amounts_come_as_numbers_and_as_text(world: Path) -> None:
    prices = json_rows(world, "web").price.dropna()
    assert {type(price) for price in prices} == {float, str}


def test_web_times_come_in_three_spellings(world: Path) -> None:
    times = json_rows(world, "web").ts
    forms = times.str.replace(r"\d", "9", regex=True).value_counts()
    assert {"9999-99-99T99:99:99Z", "9999-99-99T99:99:99+99:99"} <= set(forms.index)
    assert "9999-99-99T99:99:99.999Z" in forms.index


def test_the_world_does_not_depend_on_how_the_work_is_split(
    spark_session: SparkSession, dirt: Dirt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = WorldSettings(persons=1100, seed=3, days=14, dirt=dirt)
    generate(spark_session, str(tmp_path / "a"), settings)
    monkeypatch.setattr(landing, "_ROWS_A_TASK", 3_000)
    monkeypatch.setattr(staging, "_BLOCKS_A_TASK", 1)
    generate(spark_session, str(tmp_path / "b"), settings)
    first, second = contents(tmp_path / "a"), contents(tmp_path / "b")
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []
    # also the last act of the demo, on a world of its own
    waiting = sorted(str(p.relative_to(tmp_path / "a")) for p in tmp_path.glob("a/arrivals/*/*"))
    moved = deliver_next_day(str(tmp_path / "a"))
    assert moved == [name.replace("arrivals", "landing", 1) for name in waiting]
    assert all((tmp_path / "a" / name).is_file() for name in moved)
    assert deliver_next_day(str(tmp_path / "a")) == []


def test_a_landing_folder_of_somebody_else_is_not_overwritten(
    spark_session: SparkSession, settings: WorldSettings, tmp_path: Path
) -> None:
    (tmp_path / "landing").mkdir()
    with pytest.raises(DataBankError, match="was not generated"):
        generate(spark_session, str(tmp_path), settings)


def test_a_root_that_is_not_a_local_folder_is_refused(
    spark_session: SparkSession, settings: WorldSettings
) -> None:
    with pytest.raises(DataBankError, match="local disk"):
        generate(spark_session, "hdfs://somewhere/demo", settings)
