"""The first start of Spark in a process of its own: what it says goes to a log file."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from databank.session.jars import jar_folder

pytestmark = pytest.mark.process

_START = """
import os, sys
from pathlib import Path
from databank.config import Settings
from databank.errors import DataBankError
from databank.session import get_spark, open_session
from databank.tables.hadoop_files import files_of
from databank.session.spark_faults import read_fault
from pyspark.errors import PySparkException
try:
    options = dict(option.split("=") for option in sys.argv[1:])
    spark = get_spark("quiet", **options) if options else open_session(Settings())
    print(spark.range(3).count())
    bank = f"{os.environ['HOME']}/bank"
    spark.range(9).repartition(3).write.format("delta").save(f"{bank}/core/card")
    files_of(spark, bank).create("_lease/ingest", "held")
    spark.range(9).write.parquet(f"{bank}/_scratch/parsed")
    local = Path(spark.sparkContext.getConf().get("spark.local.dir"))
    print(oct(local.stat().st_mode), any(local.iterdir()))
    mails = spark.range(1).selectExpr("concat(id, '@mail-example.com') AS mail")
    try:
        mails.repartition(2).selectExpr("cast(mail AS int)").collect()
    except PySparkException as error:
        print(read_fault(error))
except DataBankError as error:
    print(f"error: {error}")
"""
_NOWHERE = """<ivysettings>
  <settings defaultResolver="nowhere"/>
  <resolvers><filesystem name="nowhere"><artifact pattern="{folder}/[artifact].[ext]"/></filesystem>
  </resolvers>
</ivysettings>"""


def start(home: Path, *options: str) -> tuple[str, str, str]:
    """What a process that starts Spark prints, says on stderr and leaves in the log."""
    given = {"HOME": str(home), "DATABANK_JARS": str(jar_folder())}
    done = subprocess.run(
        [sys.executable, "-c", _START, *options],
        env=os.environ | given, capture_output=True, text=True, check=True,
    )  # fmt: skip
    log = home / ".cache" / "databank" / "spark.log"
    return done.stdout, done.stderr, log.read_text(encoding="utf-8")


@pytest.mark.nightly
def test_a_start_says_nothing_but_in_its_log_and_values_nowhere(tmp_path: Path) -> None:
    printed, said_on_stderr, log = start(tmp_path)
    failed = "[CAST_INVALID_INPUT] (STRING, INT) in `cast(mail AS int)`\n"
    assert (printed, said_on_stderr) == (f"3\n0o40700 True\n{failed}", "")
    assert "WARN" in log
    assert "ERROR Executor: Exception in task" in log
    assert "mail-example.com" not in log
    assert (tmp_path / ".cache" / "databank" / "spark.log").stat().st_mode & 0o077 == 0
    # what is written is for its owner alone, by Spark, by Delta, by workers and by Hadoop
    files = list((tmp_path / "bank").rglob("*"))
    assert {".parquet", ".json", ".crc", ""} <= {path.suffix for path in files}
    assert [path for path in files if path.stat().st_mode & 0o077] == []


def test_a_failed_resolution_of_jars_names_the_log(tmp_path: Path) -> None:
    settings = tmp_path / "ivysettings.xml"
    settings.write_text(_NOWHERE.format(folder=tmp_path / "empty"), encoding="utf-8")
    printed, said_on_stderr, log = start(
        tmp_path,
        "spark.jars.packages=org.nowhere:nothing:1",
        f"spark.jars.ivySettings={settings}",
        f"spark.jars.ivy={tmp_path / 'ivy'}",
    )
    assert said_on_stderr == ""
    assert printed.startswith(f"error: Spark did not start (its log: {tmp_path}/.cache/databank/")
    assert ":: resolving dependencies ::" in log
    assert "unresolved dependency" in log
