"""The notebooks: stored without what they printed, and true from beginning to end when they are run."""

import os
import sys
import tempfile
from pathlib import Path

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

from tests.cases import nightly_but

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
VERSION = 4  # of the format
DRAWS = ("plt.show()", "Image(", "plane(", "compliance(")  # what a cell that leaves a picture contains
KERNEL = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


class ThisInterpreter(KernelSpecManager):
    """Knows one kernel: this Python; what is registered on the machine does not matter."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """Whatever it is called."""
        return KernelSpec(argv=KERNEL, display_name=kernel_name, language="python")


def run(path: Path, directory: Path) -> list[nbformat.NotebookNode]:
    """The cells of a notebook after they were run, one after the other, in a kernel of their own."""
    notebook = nbformat.read(path, VERSION)
    env = os.environ | {
        "PYTHONPATH": str(ROOT),
        "IPYTHONDIR": str(directory / "ipython"),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    }
    with tempfile.TemporaryDirectory() as place:  # a socket's path must be short
        connection = str(Path(place) / "kernel.json")
        kernel = AsyncKernelManager(
            kernel_spec_manager=ThisInterpreter(), transport="ipc", connection_file=connection
        )
        NotebookClient(notebook, km=kernel, timeout=None).execute(
            cwd=str(directory), env=env, cleanup_kc=True
        )
    return notebook.cells


def has_picture(cell: nbformat.NotebookNode) -> bool:
    """Whether a cell left one."""
    return any("image/png" in output.get("data", {}) for output in cell.outputs)


def test_there_are_six_notebooks_in_the_order_in_which_they_are_read():
    assert [path.stem.partition("_")[0] for path in NOTEBOOKS] == ["1", "2", "3", "4", "5", "6"]


@every_notebook
def test_a_notebook_is_stored_without_what_it_printed(path):
    cells = nbformat.read(path, VERSION).cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    assert cells[0].cell_type == "markdown"
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)


@pytest.mark.parametrize("path", nightly_but(NOTEBOOKS[:1], NOTEBOOKS), ids=lambda path: path.stem)
@pytest.mark.timeout(420)
def test_a_notebook_runs_from_a_clean_state_and_draws_its_pictures(path, tmp_path):
    """What it claims, it asserts itself; an error in any cell ends it here."""
    directory = tmp_path / "notebooks"
    directory.mkdir()
    code = [cell for cell in run(path, directory) if cell.cell_type == "code"]
    drawing = [
        cell for cell in code if any(text in cell.source for text in DRAWS) and "def " not in cell.source
    ]
    assert drawing
    assert [has_picture(cell) for cell in drawing] == [True] * len(drawing)
