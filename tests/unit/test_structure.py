"""The shape of the package: no circle of imports, no file that is too large."""

from pathlib import Path

import networkx as nx
import pytest

grimp = pytest.importorskip("grimp")
PACKAGE = Path(__file__).parents[2] / "lib" / "databank"
MOST_LINES = 350


def test_no_files_import_each_other_in_a_circle() -> None:
    imports = grimp.build_graph("databank", cache_dir=None)
    graph = nx.DiGraph(
        (module, target)
        for module in imports.modules
        for target in imports.find_modules_directly_imported_by(module)
    )
    circles = [sorted(each) for each in nx.strongly_connected_components(graph) if len(each) > 1]
    assert circles == []


def test_no_file_is_too_large() -> None:
    lengths = {
        str(path.relative_to(PACKAGE)): len(path.read_text(encoding="utf-8").splitlines())
        for path in PACKAGE.rglob("*.py")
    }
    assert {name: n for name, n in lengths.items() if n > MOST_LINES} == {}
