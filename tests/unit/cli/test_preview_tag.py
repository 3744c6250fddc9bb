"""`databank run build_tags --only NAME --dry-run`: whom a tag would have, without a trace."""

import json
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from databank.cli.main import exit_code
from databank.tables.outside import published_versions
from databank.tags.tables import PERSON_TAG
from tests.support.bank import DAY, Bank, make_bank

DAYS = "\n".join(
    f"{person} | 2026-01-20 | login | {person} | | {'app' if person < 10 else 'web'}"
    for person in range(1, 16)
)
LOGINS = {"name": "logins", "kind": "measure", "event": "login", "measure": "count",
          "window": "last 30 days"}  # fmt: skip
KEEN = {"name": "keen", "kind": "rule", "when": "logins >= 4 and not idle"}
IDLE = {"name": "idle", "kind": "rule", "when": "logins = 0", "status": "active"}
WHERE = {"name": "where_from", "kind": "top", "event": "login", "by": "terminal"}


@pytest.fixture
def bank(spark_session: SparkSession, tmp_path: Path) -> Bank:
    return make_bank(spark_session, tmp_path / "bank", persons=15, days=DAYS, on_disk=True)


@pytest.fixture
def run(bank: Bank, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    folder = tmp_path / "conf"
    (folder / "sources").mkdir(parents=True)
    (folder / "tags").mkdir()
    (folder / "identity.yml").write_text("identifiers: [phone]")

    def call(*words: str, tags: list[dict[str, object]]) -> tuple[int, str]:
        (folder / "tags" / "tags.yml").write_text(json.dumps({"tags": tags}))
        where = ["--conf-dir", str(folder), "--root", bank.root, "--date", str(DAY)]
        capsys.readouterr()
        code = exit_code(["run", "build_tags", *words, *where])
        captured = capsys.readouterr()
        return code, captured.out + "\n" + captured.err

    return call


def lines(output: str, title: str) -> list[list[str]]:
    """Rows below a title, their columns' names first."""
    below = output.partition(title)[2].partition("\n\n")[0].splitlines()[1:]
    return [line.split() for line in below]


def test_it_tells_the_plan_whom_it_would_have_and_leaves_no_trace(bank: Bank, run: Any) -> None:
    assert run(tags=[LOGINS, IDLE])[0] == 0
    published = published_versions(bank.root)
    before = bank.rows(PERSON_TAG, "tag", "person_id", "as_of")
    code, output = run("--only", "keen", "--dry-run", tags=[LOGINS, IDLE, KEEN])
    assert code == 0, output
    # all 15 have logged in
    assert lines(output, "of nobody as it is published") == [["tag"], ["idle"]]
    assert "keen (rule): logins >= 4 and not idle" in output
    _, *plan = lines(output, "keen (rule)")
    assert [row[:2] for row in plan] == [
        ["logins", "archive.person_day"], ["idle", "tags"], ["keen", "tags"], ["keen", "tags"],
    ]  # fmt: skip
    assert "events of login, 2026-01-02 to 2026-01-31" in output
    assert lines(output, "who would have it on 2026-01-31; nothing was published") == [
        ["values", "persons"], ["published", "0"], ["would", "be", "12"],
    ]  # fmt: skip
    examples = lines(output, "10 who would have it")
    assert examples[1:] == [[str(person), "true"] for person in range(4, 14)]
    assert published_versions(bank.root) == published
    assert bank.rows(PERSON_TAG, "tag", "person_id", "as_of") == before


def test_numbers_and_texts_are_told_by_their_values(run: Any) -> None:
    _, output = run("--only", "logins", "--dry-run", tags=[LOGINS])
    table = lines(output, "who would have it")
    assert table[0] == ["values", "persons", "least", "median", "mean", "most"]
    assert table[2] == ["would", "be", "15", "1", "8", "8", "15"]
    _, output = run("--only", "where_from", "--dry-run", tags=[WHERE])
    assert lines(output, "the most frequent values") == [["value", "n"], ["app", "9"], ["web", "6"]]


def test_what_would_fail_says_why(run: Any, tmp_path: Path) -> None:
    code, output = run("--only", "kene", "--dry-run", tags=[LOGINS, IDLE, KEEN])
    assert (code, "did you mean 'keen'?" in output) == (2, True)
    wrong = KEEN | {"when": "logins >= date '2026-01-01'"}
    code, output = run("--only", "keen", "--dry-run", tags=[LOGINS, wrong])
    assert code == 2
    assert "tags/tags.yml: tags[1]" in output
    assert "compares a number with a date" in output
