"""Which options of Spark a configuration may give, and which only the command line."""

from pathlib import Path

import pytest

from databank.cli.main import exit_code
from databank.config.spark_options import given_options, note_given, refuse_options

REFUSED = [
    "spark.jars", "spark.jars.packages", "spark.jars.repositories", "spark.sql.extensions",
    "spark.plugins", "spark.driver.extraJavaOptions", "spark.executor.extraJavaOptions",
    "spark.driver.defaultJavaOptions", "spark.driver.extraClassPath", "spark.submit.pyFiles",
    "spark.executorEnv.LD_PRELOAD", "spark.yarn.appMasterEnv.X", "spark.eventLog.dir",
    "spark.eventLog.enabled", "spark.sql.catalog.evil", "spark.extraListeners",
    "spark.sql.queryExecutionListeners", "spark.sql.streaming.streamingQueryListeners",
    "spark.log4j.configuration", "spark.serializer", "spark.shuffle.manager",
    "spark.shuffle.sort.io.plugin.class", "spark.io.compression.codec", "spark.ui.filters",
    "spark.master", "spark.hadoop.fs.s3a.endpoint", "spark.hadoop.fs.file.impl",
    "spark.pyspark.python", "spark.pyspark.driver.python", "spark.archives", "spark.files",
    "spark.driver.resource.gpu.discoveryScript", "spark.metrics.conf", "spark.redaction.regex",
    "spark.sql.adaptive.customCostEvaluatorClass", "spark.delta.logStore.class",
    "spark.sql.session.timeZone", "spark.sql.ansi.enabled", "spark.sql.files.ignoreCorruptFiles",
    "spark.databricks.delta.retentionDurationCheck.enabled", "spark.sql.warehouse.dir",
    "spark.sql.hive.metastore.jars", "spark.kubernetes.driver.podTemplateFile",
    "spark__jars", "spark.driver__extraJavaOptions", "spark.driver.memoryX", "master",
]  # fmt: skip
TUNING = [
    "spark.driver.memory", "spark.executor.memory", "spark.executor.instances",
    "spark.sql.shuffle.partitions", "spark.sql.adaptive.coalescePartitions.enabled",
    "spark.dynamicAllocation.maxExecutors", "spark.memory.fraction", "spark.local.dir",
    "spark.sql.autoBroadcastJoinThreshold", "spark__sql__shuffle__partitions",
]  # fmt: skip


@pytest.fixture(autouse=True)
def nothing_given() -> None:
    note_given(())


@pytest.mark.parametrize("option", REFUSED)
def test_what_loads_code_or_moves_data_is_refused(option: str) -> None:
    with pytest.raises(ValueError, match=r"load code, or change where data goes.*databank --spark"):
        refuse_options(["spark.driver.memory", option])


def test_what_tunes_is_taken() -> None:
    refuse_options(TUNING)


def test_validate_names_the_option_and_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "databank.yml").write_text('spark: {spark.jars: "/tmp/evil.jar"}')
    assert exit_code(["validate", "--conf-dir", str(tmp_path)]) == 2
    line = capsys.readouterr().err.splitlines()[0]
    assert line.startswith("error: ")
    assert "databank.yml: spark: spark.jars is no option that tunes Spark" in line
    assert "/tmp/evil.jar" not in line


def test_the_command_line_may_give_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["--spark", "spark.jars=a=b.jar", "--spark", "spark.master=yarn", "docs"]) == 0
    assert given_options() == {"spark.jars": "a=b.jar", "spark.master": "yarn"}
    assert exit_code(["docs"]) == 0
    assert given_options() == {}
    capsys.readouterr()
    assert exit_code(["--spark", "spark.jars", "docs"]) == 2
    assert "write an option of Spark, spark.name=value" in capsys.readouterr().err
