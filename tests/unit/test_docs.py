"""The pages that come with databank: found, complete, and true to the code."""

import re
from pathlib import Path

import pytest
from scripts.reference import stale_pages

from databank.cli.main import exit_code
from databank.config import ConfigReader
from databank.config.yaml import read_yaml
from databank.docs import read_topic, topics
from databank.errors import DataBankError
from databank.indicators.config import IndicatorsFile
from databank.models.config import spec_type
from databank.project.schemas import file_models, file_schemas, key_texts, models_within
from databank.sources.formats.registry import source_type
from databank.tags.library import TagsFile

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


_YAML = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
BLOCKS = [
    pytest.param(block, id=f"{page.stem}-{number}")
    for page in [*PAGES, HERE / "README.md"]
    for number, block in enumerate(_YAML.findall(page.read_text(encoding="utf-8")))
]
# a folder may hold models of several classes
_CHOSEN = {
    "sources": source_type,
    "models": spec_type,
    "tags": TagsFile,
    "indicators": IndicatorsFile,
}


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_of_yaml_is_a_file_that_databank_reads(
    block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in re.findall(r"\$\{(\w+)\}", block):
        monkeypatch.setenv(name, "of the environment")
    first = block.partition("\n")[0]
    named = re.match(r"# conf/(\S+\.yml)", first)
    assert named, f"the first line does not name the file: {first}"
    path = tmp_path / named[1]
    path.parent.mkdir(exist_ok=True)
    path.write_text(block, encoding="utf-8")
    reader = ConfigReader(tmp_path)
    folder, _, name = named[1].rpartition("/")
    models = file_models()
    if folder:
        chosen = _CHOSEN.get(folder) or models[f"{folder}/*.yml"][0]
        assert list(reader.read_folder(folder, chosen)) or reader.faults
    else:
        reader.read_file(name, models[name][0])
    reader.finish()


def test_the_reference_is_as_the_code_is() -> None:
    assert stale_pages() == [], "run python scripts/reference.py"


def test_every_key_of_the_configuration_is_described() -> None:
    for models in file_models().values():
        for model in (inner for each in models for inner in models_within(each)):
            assert set(key_texts(model)) >= {f.alias or n for n, f in model.model_fields.items()}


def test_the_demos_configuration_holds_by_the_schemas_for_editors() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    for pattern, schema in file_schemas().items():
        validator = jsonschema.Draft202012Validator(schema)
        for path in (HERE / "conf").glob(pattern):
            read = read_yaml(path, path.name)
            assert not read.faults
            messages = [f"{path.name}: {e.message}" for e in validator.iter_errors(read.value)]
            assert messages == []


def test_a_misspelled_key_is_an_error_in_an_editor() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(file_schemas()["archive.yml"])
    assert validator.is_valid({"dimensions": {}})
    assert not validator.is_valid({"dimension": {}})
