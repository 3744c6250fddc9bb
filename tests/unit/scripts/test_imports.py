"""The scripts that no test runs whole still import what they use."""

import ast
from importlib import import_module
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[3] / "scripts"
PROGRAMS = sorted(
    path
    for path in SCRIPTS.iterdir()
    if path.suffix == ".py" or (path.is_file() and "python" in path.read_text().partition("\n")[0])
)


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.name)
def test_every_name_that_a_script_imports_of_databank_is_there(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("databank"):
            module = import_module(str(node.module))
            for alias in node.names:
                assert hasattr(module, alias.name), f"{node.module} has no {alias.name}"
