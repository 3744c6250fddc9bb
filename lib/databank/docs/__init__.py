"""The pages that come with databank: `databank docs TOPIC` prints them."""

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable

from databank.errors import DataBankError, did_you_mean

_ENDING = ".md"


def topics() -> dict[str, str]:
    """Give the title of each page by its topic, e.g. guide/tags; sorted."""
    return {name: _title(page) for name, page in sorted(_pages(files(__name__), ""))}


def read_topic(topic: str) -> str:
    """Give the text of a page; the last part of a topic will do where one page has it.

    Raises:
        DataBankError: If there is no such page.
    """
    pages = dict(_pages(files(__name__), ""))
    matching = [name for name in pages if topic in (name, name.rpartition("/")[2])]
    if topic in pages:
        matching = [topic]
    if len(matching) != 1:
        raise DataBankError(f"unknown topic {topic!r}; {did_you_mean(topic, matching or pages)}")
    return pages[matching[0]].read_text(encoding="utf-8")


def _pages(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _pages(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(_ENDING):
            yield prefix + entry.name.removesuffix(_ENDING), entry


def _title(page: Traversable) -> str:
    return page.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")
