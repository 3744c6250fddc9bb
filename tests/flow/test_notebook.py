"""The notebook runs on a finished bank."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

pytestmark = pytest.mark.nightly

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "finished_bank.ipynb"


def test_the_notebook_runs_from_top_to_bottom(loop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABANK_ROOT", str(loop))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, timeout=120).execute()
    stages = notebook.cells[3].outputs[0]["data"]["text/plain"]
    assert "persons" in stages
    (drawn,) = notebook.cells[-1].outputs
    person = drawn["data"]["application/vnd.plotly.v1+json"]
    assert person["layout"]["title"]["text"].startswith("Person ")
    assert "seen together" in [trace["name"] for trace in person["data"] if "name" in trace]
