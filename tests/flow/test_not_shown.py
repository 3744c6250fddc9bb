"""No report, ledger or command shows an identifier that nobody asked for by name."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from databank.cli.main import exit_code
from databank.tables import DeltaStore
from tests.flow.conftest import FIXED_BANK
from tests.support.search import holding

pytestmark = pytest.mark.nightly

_SHORTEST = 6  # characters; shorter texts come by chance
OF_BANK, OF_CONF = "--root", "--conf-dir"


@pytest.fixture(scope="module")
def values(spark_session: SparkSession, fixed_bank: Path) -> list[str]:
    names = DeltaStore(spark_session, str(fixed_bank)).require("identity.identifier")
    values = [row["id_value"].removeprefix("+86") for row in names.select("id_value").collect()]
    # as the search compares them, without signs
    return [value for value in values if sum(map(str.isalnum, value)) >= _SHORTEST]


def test_reports_and_ledgers_hold_none(fixed_bank: Path, values: list[str]) -> None:
    # the search meets all of them where they are kept
    assert len(values) > 20
    assert all(holding(fixed_bank / "identity" / "identifier", values).values())
    pages = list((fixed_bank / "reports").glob("*.html"))
    assert pages
    for folder in ("reports", "ops/run", "ops/metric", "ops/publish", "audiences", "lifecycle"):
        assert holding(fixed_bank / folder, values) == {value: set() for value in values}, folder


@pytest.mark.parametrize(
    "command",
    [
        ("runs", "--json", OF_BANK),
        ("runs", OF_BANK),
        ("tags", OF_BANK, OF_CONF),
        ("tags", "spend", OF_BANK, OF_CONF),
        ("tags", "city", "--json", OF_BANK, OF_CONF),
        ("quarantine", OF_BANK),
        ("quarantine", "--json", OF_BANK),
        ("tables", "identity.identifier"),
        ("person", "phone", "+8613999999999", OF_BANK, OF_CONF),
        ("validate", OF_CONF),
    ],
    ids=" ".join,
)
def test_commands_print_none(
    fixed_bank: Path, values: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str],
    command: tuple[str, ...],
) -> None:  # fmt: skip
    places = {OF_BANK: [OF_BANK, str(fixed_bank)], OF_CONF: [OF_CONF, str(FIXED_BANK / "conf")]}
    typed = [word for part in command for word in places.get(part, [part])]
    exit_code(typed)
    printed = capfd.readouterr()
    assert printed.out + printed.err
    (tmp_path / "printed").write_text(printed.out + printed.err)
    assert holding(tmp_path, values) == {value: set() for value in values}
