"""The pages that come with databank: found, complete, and true to the code."""

import re
from pathlib import Path

import pytest

from databank.cli.main import exit_code
from databank.docs import read_topic, topics
from databank.errors import DataBankError

HERE = Path(__file__).parents[2]
DOCS = HERE / "lib" / "databank" / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def test_every_page_is_a_topic_with_a_title() -> None:
    assert len(topics()) == len(PAGES) >= 5
    assert all(topics().values())


def test_a_page_is_printed_by_its_last_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["docs", "0001-published-versions"]) == 0
    assert capsys.readouterr().out == read_topic("decisions/0001-published-versions")


def test_a_misspelled_topic_is_answered_with_the_right_one() -> None:
    with pytest.raises(DataBankError, match="did you mean 'glossary'"):
        read_topic("glosary")


@pytest.mark.parametrize("page", [*PAGES, HERE / "README.md"], ids=lambda page: page.stem)
def test_links_lead_to_files(page: Path) -> None:
    for target in _LINK.findall(page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_files_that_a_page_names_are_there(page: Path) -> None:
    named = set(
        re.findall(r"`((?:lib|conf|jobs|scripts|tests|notebooks)/[\w./]+)`", page.read_text())
    )
    # exercises and examples name files that are to be written
    new = {"lib/databank/tags/kinds/nth.py", "jobs/export.py"}
    assert [name for name in sorted(named - new) if not (HERE / name).exists()] == []
