"""The configurations that come with databank hold together."""

from pathlib import Path

import pytest

from databank.archive.config import ArchiveConfig
from databank.audiences.config import AudienceConfig
from databank.config import ConfigReader
from databank.dag import Dag
from databank.lifecycle.config import LifecycleConfig
from databank.tags.library import TagsFile

CONF = Path(__file__).parents[3] / "conf"
FOLDERS = [CONF, CONF / "examples/online_retail", CONF / "examples/taobao_userbehavior"]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_tags_stages_and_audiences_refer_to_what_there_is(folder: Path) -> None:
    reader = ConfigReader(folder)
    reader.read_file("archive.yml", ArchiveConfig)
    lifecycle = reader.read_file("lifecycle.yml", LifecycleConfig)
    tags = [tag for file in reader.read_folder("tags", TagsFile).values() for tag in file.tags]
    audiences = list(reader.read_folder("audiences", AudienceConfig).values())
    reader.finish()
    models = {path.stem for path in (folder / "models").glob("*.yml")}
    assert lifecycle is not None
    assert len(tags) >= 10
    assert len(audiences) >= 4
    names = {tag.name for tag in tags}
    assert (
        len(names)
        == len(tags)
        == sum(map(len, Dag({tag.name: tag.references for tag in tags}).levels()))
    )
    references = {each.audience: each.audiences for each in audiences}
    assert Dag(references).levels()
    for node in (*tags, lifecycle, *audiences):
        assert node.references <= names
        assert node.models <= models
        assert node.audiences <= references.keys()
