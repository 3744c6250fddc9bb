from pathlib import Path

import pytest
import yaml

from databank.demo.config import Dirt, WorldSettings, load_dirt
from databank.errors import DataBankError
from tests.unit.demo.conftest import DIRT_FILE


def written(tmp_path: Path, **changes: object) -> Path:
    content = {**yaml.safe_load(DIRT_FILE.read_text()), **changes}
    path = tmp_path / "dirt.yml"
    path.write_text(yaml.safe_dump({k: v for k, v in content.items() if v is not None}))
    return path


def test_an_unknown_rate_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(DataBankError, match="typos_everywhere"):
        load_dirt(written(tmp_path, typos_everywhere=0.1))


def test_a_missing_rate_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(DataBankError, match="placeholder"):
        load_dirt(written(tmp_path, placeholder=None))


def test_all_faults_of_the_file_are_reported_together(tmp_path: Path) -> None:
    with pytest.raises(DataBankError, match=r"(?s)duplicate.*late"):
        load_dirt(written(tmp_path, late=1.5, duplicate=-0.1))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataBankError, match=r"nowhere\.yml"):
        load_dirt(tmp_path / "nowhere.yml")


def test_every_rate_has_a_description() -> None:
    assert all(field.description for field in Dirt.model_fields.values())


def test_the_fingerprint_follows_every_setting(dirt: Dirt) -> None:
    base = WorldSettings(persons=10, seed=1, dirt=dirt)
    same = WorldSettings(persons=10, seed=1, dirt=load_dirt(DIRT_FILE))
    dirtier = dirt.model_copy(update={"late": 0.5})
    others = [
        WorldSettings(persons=11, seed=1, dirt=dirt),
        WorldSettings(persons=10, seed=2, dirt=dirt),
        WorldSettings(persons=10, seed=1, days=60, dirt=dirt),
        WorldSettings(persons=10, seed=1, dirt=dirtier),
    ]
    assert same.fingerprint() == base.fingerprint()
    assert len({base.fingerprint(), *(each.fingerprint() for each in others)}) == 5
