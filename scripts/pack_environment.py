"""Pack what the workers of a cluster need of Python: pack_environment.py ARCHIVE.tar.gz

The interpreter and the packages that databank asks for, as they are installed in this environment:
neither what only its developers use, nor pyspark, which is part of the cluster's Spark. The package
itself travels by --py-files.
"""

import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

_LEFT_OUT = ("../", "pyspark/")
# cached bytecode names the path it was compiled at
_COMPILED = "__pycache__"


def needed(name: str, extras: frozenset[str] = frozenset()) -> dict[str, Distribution]:
    """Distributions that a distribution asks for on this machine, at any remove."""
    packages: dict[str, Distribution] = {}
    left, seen = [(name, extras)], set()
    while left:
        requirement = left.pop()
        if requirement in seen:
            continue
        seen.add(requirement)
        try:
            held = distribution(requirement[0])
        except PackageNotFoundError:
            # asked for on other machines only, or not at all
            continue
        packages[held.metadata["Name"].lower()] = held
        for line in held.requires or ():
            each = Requirement(line)
            wanted = [{"extra": extra} for extra in requirement[1]] or [{"extra": ""}]
            if each.marker is None or any(each.marker.evaluate(extra) for extra in wanted):
                left.append((each.name, frozenset(each.extras)))
    return packages


def files_of(held: Distribution) -> Iterator[tuple[Path, str]]:
    """Where each file of a distribution lies, and its place below site-packages."""
    for path in held.files or ():
        place = path.as_posix()
        if place.startswith(_LEFT_OUT) or _COMPILED in place:
            continue
        yield Path(str(path.locate())), place


def main() -> None:
    archive = Path(sys.argv[1])
    part = archive.with_name(f"{archive.name}.part")
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    distributions = needed("databank")
    del distributions["databank"]
    with (
        tempfile.TemporaryDirectory() as folder,
        tarfile.open(part, "w:gz", compresslevel=1) as out,
    ):
        bare = ("-m", "venv", "--copies", "--without-pip", folder)
        subprocess.run([sys.executable, *bare], check=True)
        out.add(folder, arcname=".")
        for held in distributions.values():
            for path, place in files_of(held):
                out.add(path, arcname=f"lib/{version}/site-packages/{place}")
    part.rename(archive)


if __name__ == "__main__":
    main()
