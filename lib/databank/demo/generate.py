"""Generate a world of consumer data with known truth under a root folder on a local disk."""

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow.csv as pc
from pyspark.sql import SparkSession

from databank.demo.catalogue import catalogue_rows
from databank.demo.config import WorldSettings
from databank.demo.landing import keep_truth, write_source
from databank.demo.staging import SOURCES, TRUTH, stage
from databank.errors import DataBankError

_ZONES = ("landing", "arrivals", "truth")


def generate(spark: SparkSession, root: str, settings: WorldSettings) -> dict[str, int]:
    """Write `<root>/landing`, `<root>/arrivals` and `<root>/truth`.

    The history lies in landing, the files of the day after it in arrivals; truth also knows the
    30 days after the history. A world generated earlier under the root is replaced. Equal
    settings give equal files on any number of cores.

    Returns:
        Rows per source, landing and arrivals together, duplicates and bad lines included.

    Raises:
        DataBankError: If the root is not a local folder, or holds a landing folder that was not
            generated.
    """
    if "://" in root:
        raise DataBankError(f"{root}: the demo writes to a local disk; give a folder as --root")
    base = Path(root)
    _clear(base)
    staging = base / "_staging"
    try:
        rows = stage(spark, staging, settings)
        # Two at a time: the tail of one source's tasks overlaps with the start of the next.
        with ThreadPoolExecutor(2) as pool:
            writes = [
                pool.submit(write_source, spark, staging, base, settings, source, rows[source])
                for source in SOURCES
            ]
            for write in writes:
                write.result()
        for table in TRUTH:
            keep_truth(staging, base, table)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    items = catalogue_rows()
    folder = base / "landing" / "items"
    folder.mkdir(parents=True)
    pc.write_csv(items, folder / f"items-{settings.first_day}.csv")
    facts = {**settings.model_dump(mode="json"), "fingerprint": settings.fingerprint()}
    (base / "truth" / "settings.json").write_text(json.dumps(facts, indent=2) + "\n")
    return {**{source: rows[source] for source in SOURCES}, "items": items.num_rows}


def _clear(base: Path) -> None:
    made_here = (base / "truth" / "settings.json").exists()
    if (base / "landing").exists() and not made_here:
        raise DataBankError(
            f"{base / 'landing'}: exists and was not generated; choose an empty --root"
        )
    for zone in (*_ZONES, "_staging"):
        shutil.rmtree(base / zone, ignore_errors=True)


def deliver_next_day(root: str) -> list[str]:
    """Move `<root>/arrivals/<source>/*` to `<root>/landing/<source>/`.

    Returns:
        The moved files, relative to the root, sorted; empty when nothing was waiting.
    """
    base, moved = Path(root), []
    for path in sorted((base / "arrivals").glob("*/*")):
        target = base / "landing" / path.parent.name
        target.mkdir(parents=True, exist_ok=True)
        os.replace(path, target / path.name)
        moved.append(str((target / path.name).relative_to(base)))
    return moved
