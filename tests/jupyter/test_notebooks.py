"""The notebooks of the repository are kept without outputs; a failing one fails who runs it unattended.

That they run, and what they show, is tested where they are made into pages: tests/docs/test_site.py.
"""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from b24data import Sandbox

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def secrets_of(portal):
    hook = portal.webhook_url.rstrip("/").rpartition("/")[2]
    return [hook, portal.oauth_secret()["client_secret"]]


@pytest.fixture
def portal(monkeypatch, tmp_path):
    """The portal that ``connect()`` finds."""
    with Sandbox(deals=60, tasks=20) as portal:
        monkeypatch.setenv("B24_WEBHOOK", portal.webhook_url)
        monkeypatch.setenv("B24DATA_CONFIG_DIR", str(tmp_path / "config"))
        monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
        yield portal


def execute(notebook, folder):
    NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()
    return notebook


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_notebook__is_kept_without_outputs(path):
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert [cell.source for cell in cells if cell.outputs or cell.execution_count] == []
    assert "widgets" not in nbformat.read(path, as_version=4).metadata


@pytest.fixture
def failing(tmp_path):
    notebook = nbformat.v4.new_notebook()
    cells = ["%load_ext b24data", "deals = %b24 call crm.deals.list", "print('not reached')"]
    notebook.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = tmp_path / "failing.ipynb"
    nbformat.write(notebook, path)
    return path


def test_a_failing_magic__fails_under_nbclient(failing, portal, tmp_path):
    with pytest.raises(CellExecutionError, match=r"did you mean crm\.deal\.list") as caught:
        execute(nbformat.read(failing, as_version=4), tmp_path)
    assert "Traceback" not in str(caught.value)


NBCLIENT = ["-c", "from nbclient.cli import main; main()", "failing.ipynb"]
PAPERMILL = ["-m", "papermill", "failing.ipynb", "done.ipynb"]


@pytest.mark.parametrize("command", [NBCLIENT, PAPERMILL], ids=["nbclient", "papermill"])
def test_a_failing_magic__is_an_exit_code(command, failing, portal, tmp_path):
    run = subprocess.run([sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode != 0
    assert "did you mean crm.deal.list" in run.stderr
    assert [secret for secret in secrets_of(portal) if secret in run.stdout + run.stderr] == []
    if (tmp_path / "done.ipynb").exists():
        cells = nbformat.read(tmp_path / "done.ipynb", as_version=4).cells
        assert [output.output_type for cell in cells for output in cell.get("outputs", ())][-1] == "error"
        assert "not reached" not in (tmp_path / "done.ipynb").read_text("utf-8").replace("print('not reached')", "")
