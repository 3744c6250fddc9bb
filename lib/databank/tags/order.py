"""Things that refer to each other by name, put in the order in which they can be built."""

from collections.abc import Collection, Iterable, Mapping

from databank.tags.config import TagConfig


def order_by_reference(references: Mapping[str, Collection[str]], *, kind: str) -> list[list[str]]:
    """Levels of names: each refers to names of earlier levels only.

    References to names outside the mapping are left alone.

    Args:
        references: Name -> names it refers to.
        kind: What they are, for the error: `tags`, `audiences`.

    Raises:
        ValueError: If they refer to each other in a circle, with its path.
    """
    levels: dict[str, int] = {}

    def level(name: str, path: tuple[str, ...]) -> int:
        if name in path:
            circle = " -> ".join((*path[path.index(name) :], name))
            raise ValueError(
                f"{kind} refer to each other in a circle: {circle}; remove one reference"
            )
        if name not in levels:
            below = sorted(set(references[name]) & set(references))
            levels[name] = 1 + max((level(other, (*path, name)) for other in below), default=-1)
        return levels[name]

    for name in references:
        level(name, ())
    depth = max(levels.values(), default=-1) + 1
    return [[name for name in references if levels[name] == at] for at in range(depth)]


def order_tags(tags: Iterable[TagConfig]) -> list[TagConfig]:
    """Tags in an order in which each comes after those it is made of.

    Raises:
        ValueError: If tags refer to each other in a circle, with its path.
    """
    return [tag for level in tag_levels(tags) for tag in level]


def tag_levels(tags: Iterable[TagConfig]) -> list[list[TagConfig]]:
    """Tags in levels: those of one level do not need each other.

    Raises:
        ValueError: If tags refer to each other in a circle, with its path.
    """
    named = {tag.name: tag for tag in tags}
    references = {name: tag.references for name, tag in named.items()}
    return [[named[n] for n in level] for level in order_by_reference(references, kind="tags")]
