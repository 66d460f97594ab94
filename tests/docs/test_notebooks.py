"""The notebooks run from the first cell to the last."""

import nbformat
import pytest
from nbclient import NotebookClient

from tests.docs.pages import ROOT

NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=NOTEBOOKS, ids=lambda path: path.stem)
def executed(request, tmp_path_factory):
    """The notebook with the outputs of its cells, run where it lies, as a reader would."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
        notebook = nbformat.read(request.param, as_version=4)
        return NotebookClient(notebook, resources={"metadata": {"path": str(request.param.parent)}}).execute()


def test_every_cell_of_code_runs_and_shows_something(executed):
    code = [cell for cell in executed.cells if cell.cell_type == "code"]
    assert code and all(cell.outputs for cell in code)
    assert not [output for cell in code for output in cell.outputs if output.output_type == "error"]


def test_the_camera_rule_makes_the_figures_lower(executed):
    printed = "".join(output.get("text", "") for cell in executed.cells for output in cell.get("outputs", []))
    figures = dict(line.split(": mAP ") for line in printed.splitlines() if ": mAP " in line)
    with_rule, without = (float(figures[name].split(",")[0]) for name in ("market1501", "without_cameras"))
    assert 0 < with_rule < without < 100


def test_a_notebook_is_kept_without_outputs():
    for path in NOTEBOOKS:
        cells = nbformat.read(path, as_version=4).cells
        assert not [cell for cell in cells if cell.get("outputs") or cell.get("execution_count")]
