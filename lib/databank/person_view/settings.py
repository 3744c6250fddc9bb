"""What of a configuration matters to questions about a person; the rest may even be broken."""

from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from databank.archive.config import ArchiveConfig
from databank.config import ConfigReader, Settings
from databank.identity.config import IdentityConfig
from databank.tags.kinds.model import ModelTag

_DEFAULT_FOLDER = "conf"


class ViewSettings(NamedTuple):
    """The configuration of a view.

    Attributes:
        zone: Business time zone.
        identity: Manual rules of identity.yml.
        session_events: Events that make sessions; None = all.
    """

    zone: ZoneInfo
    identity: IdentityConfig
    session_events: tuple[str, ...] | None


def read_settings(conf_dir: str) -> ViewSettings:
    """Read the three files that views need; defaults where the default folder is not there.

    Raises:
        ConfigFaultsError: If one of the files has faults, or another folder is not there.
    """
    unknown = IdentityConfig(identifiers=("unknown",))
    if conf_dir == _DEFAULT_FOLDER and not Path(conf_dir).is_dir():
        return ViewSettings(ZoneInfo(Settings().timezone), unknown, None)
    reader = ConfigReader(conf_dir)
    settings = reader.read_file("databank.yml", Settings, optional=True) or Settings()
    identity = None
    if (reader.folder / "identity.yml").exists():
        identity = reader.read_file("identity.yml", IdentityConfig)
    archive = reader.read_file("archive.yml", ArchiveConfig, optional=True)
    reader.finish()
    sessions = archive.sessions if archive else None
    events = sessions.events if sessions else None
    return ViewSettings(ZoneInfo(settings.timezone), identity or unknown, events)


def read_model_tags(conf_dir: str) -> list[ModelTag]:
    """Read the tags that are made of scores; files with faults are passed over."""
    if not Path(conf_dir).is_dir():
        return []
    # all kinds of tags are imported for it
    from databank.tags.library import TagsFile

    files = ConfigReader(conf_dir).read_folder("tags", TagsFile)
    tags = [tag for content in files.values() for tag in content.tags]
    return [tag for tag in tags if isinstance(tag, ModelTag)]
