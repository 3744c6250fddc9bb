"""What only reads starts no Spark: it does not even import pyspark, whatever is configured."""

import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from tests.support.published import publish_rows

HERE = Path(__file__).parents[3]
EXAMPLES = sorted(path.parent for path in HERE.glob("conf/examples/*/identity.yml"))

# every import of pyspark fails in this process
PROGRAM = """
import sys
sys.modules["pyspark"] = None
from databank.cli.main import exit_code
sys.exit(max(exit_code(line.split("|")) for line in sys.argv[1:]))
"""


def without_pyspark(*lines: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROGRAM, *lines]
    return subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False)


def test_every_configuration_is_validated_without_pyspark() -> None:
    folders = [HERE / "conf", *EXAMPLES]
    done = without_pyspark(*(f"validate|--conf-dir|{folder}" for folder in folders))
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == len(folders) >= 5


def test_a_person_is_described_without_pyspark(tmp_path: Path) -> None:
    tables = {
        "identity.identifier": [{"id_key": 1, "id_type": "user_id", "scope": "", "id_value": "u1"}],
        "identity.person": [{"id_key": 1, "person_id": 1}],
        "identity.edges": [],
        "tags.person_tag": [
            {"person_id": 1, "tag": "spend_90d", "value_double": 2.0, "as_of": date(2026, 1, 31)}
        ],
        "models.score": [{"model": "churn", "entity_id": 1, "calibrated": 0.5}],
    }
    ask = f"person|user_id|u1|--root|{publish_rows(tmp_path / 'bank', tables)}"
    more = ("", "|--json", "|--day|2026-01-31", "|--why|user_id:u1", "|--why-tag|top_spender")
    done = without_pyspark(*(ask + each for each in more))
    assert done.returncode == 0, done.stderr
    assert "the 20% with the highest spend_90d" in done.stdout


def test_what_is_in_quarantine_is_looked_for_without_pyspark(tmp_path: Path) -> None:
    done = without_pyspark(f"quarantine|--root|{tmp_path / 'nowhere'}")
    assert (done.returncode, "there is no such folder" in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize(
    "line",
    [
        "tables",
        "tables|archive.person_day",
        "tags",
        "tags|active",
        "validate|--json",
        "run|--help",
        "run|all|--date|2026-03-31|--dry-run",
    ],
)
def test_what_only_reads_works_without_pyspark(line: str) -> None:
    done = without_pyspark(line)
    assert done.returncode == 0, done.stderr
    assert done.stdout
