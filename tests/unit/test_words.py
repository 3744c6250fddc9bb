"""One word for one thing: names say what they hold, in the words of the glossary."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parents[2]
GLOSSARY = HERE / "lib" / "databank" / "docs" / "glossary.md"
FOLDERS = ("lib", "jobs", "scripts", "tests")
CODE = [path for folder in FOLDERS for path in sorted((HERE / folder).rglob("*.py"))]
# programs without suffix
CODE += [
    path
    for path in sorted((HERE / "scripts").iterdir())
    if path.suffix == "" and path.is_file() and re.match(rb"#!.*python", path.read_bytes())
]
# names that say nothing of what they hold
PRONOUNS = frozenset(
    {"told", "found", "one", "other", "theirs", "mine", "news", "met", "asked", "said"}
)
_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")


def glossary() -> dict[str, list[str]]:
    """Term -> the synonyms that it replaces."""
    rows = [line.split("|")[1:-1] for line in GLOSSARY.read_text().splitlines() if "|" in line]
    terms = {}
    for term, *_, synonyms in rows:
        if term.strip() not in ("term", "") and "---" not in term:
            terms[term.strip()] = [each.strip() for each in synonyms.split(",") if each.strip()]
    return terms


def names_in(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every name that a file gives to something, with its line."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store(), lineno=line):
                yield line, name
            case ast.arg(arg=name, lineno=line):
                yield line, name
            case ast.FunctionDef(name=name, lineno=line) | ast.ClassDef(name=name, lineno=line):
                yield line, name
            case ast.alias(name=name, asname=alias, lineno=line):
                yield line, alias or name.rpartition(".")[2]
            case ast.Attribute(attr=name, ctx=ast.Store(), lineno=line):
                yield line, name


def words_of(name: str) -> str:
    """A name as words between underscores, whatever its case: `HubLimit` -> `_hub_limit_`."""
    return f"_{'_'.join(word.lower() for word in _WORD.findall(name))}_"


def test_the_glossary_has_a_sentence_for_each_term() -> None:
    terms = glossary()
    assert len(terms) >= 60
    rows = [line for line in GLOSSARY.read_text().splitlines() if line.startswith("| ")]
    assert all(row.split("|")[2].strip().endswith(".") for row in rows if "what it is" not in row)


def test_no_term_is_a_synonym_of_another_one() -> None:
    terms = glossary()
    synonyms = [each for replaced in terms.values() for each in replaced]
    assert len(synonyms) == len(set(synonyms))
    assert not {term.replace(" ", "_") for term in terms} & set(synonyms)


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(HERE)))
def test_names_say_what_they_hold(path: Path) -> None:
    synonyms = {each: term for term, replaced in glossary().items() for each in replaced}
    faults = []
    for line, name in names_in(ast.parse(path.read_text())):
        if name.strip("_").lower() in PRONOUNS:
            faults.append(f"{line}: {name!r} says nothing of what it holds")
        words = words_of(name)
        faults += [
            f"{line}: {name!r}: the glossary says {term!r}, not {synonym!r}"
            for synonym, term in synonyms.items()
            if f"_{synonym}_" in words
        ]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("term", glossary())
def test_a_term_of_the_glossary_is_used(term: str) -> None:
    """In code, configuration or another page."""
    wanted = re.compile(re.escape(term).replace(r"\ ", "[ _-]?").replace(r"\-", "[-_ ]?"), re.I)
    pages = [p for p in GLOSSARY.parent.rglob("*.md") if p != GLOSSARY]
    files = [*CODE, *pages, *(HERE / "conf").rglob("*.yml")]
    assert any(wanted.search(path.read_text(encoding="utf-8")) for path in files)
