"""A real JupyterLab in a real Chromium. Screenshots go to the folder in ``B24DATA_SCREENSHOTS``, if that is set."""

import contextlib
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from b24data import Sandbox

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SETTINGS = {
    "@jupyter-widgets/jupyterlab-manager/plugin.jupyterlab-settings": {"saveState": True},
    "@jupyterlab/apputils-extension/notification.jupyterlab-settings": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/docmanager-extension/plugin.jupyterlab-settings": {"autosave": False},
}


def pytest_collection_modifyitems(items):
    """Where there is no Chromium these tests are left out, and say so; in a CI they fail instead."""
    if CHROMIUM is None and not os.environ.get("CI"):
        skip = pytest.mark.skip(reason="no Chromium on this machine: the tests in a real JupyterLab are left out")
        for item in items:
            if Path(item.path).parent == Path(__file__).parent:
                item.add_marker(skip)


@pytest.fixture(scope="package")
def portal():
    """A portal that answers at once."""
    with Sandbox(deals=500) as portal:
        yield portal


@pytest.fixture(scope="package")
def slow_portal():
    """A portal with a long list, one worker and much patience: a fetch takes long enough to be watched."""
    with Sandbox(deals=60_000, latency_s=0.7, workers=1) as portal:
        yield portal


@dataclass
class Lab:
    """The server: where it is, and where it keeps what."""

    url: str
    token: str
    folder: Path

    @property
    def notebooks(self):
        return self.folder / "notebooks"

    @property
    def log(self):
        return self.folder / "lab.log"


@pytest.fixture(scope="package")
def lab(tmp_path_factory, slow_portal):
    folder = tmp_path_factory.mktemp("lab")
    (folder / "notebooks").mkdir()
    for name, content in SETTINGS.items():
        file = folder / "settings" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    ours = {"JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "B24DATA_CONFIG_DIR"}
    environment = os.environ | {name: str(folder / name.lower()) for name in ours}
    environment |= {"JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"), "B24_WEBHOOK": slow_portal.webhook_url}
    environment |= {"JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"), "JUPYTER_TOKEN": token}
    for name in ("B24DATA_NONINTERACTIVE", "SSH_CONNECTION", "JUPYTERHUB_USER"):
        environment.pop(name, None)
    options = ["--allow-root", "--no-browser", "--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0"]
    quiet = ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate", "--LabApp.news_url=None"]
    command = [sys.executable, "-m", "jupyterlab", *options, *quiet, f"--ServerApp.root_dir={folder / 'notebooks'}"]
    with (folder / "lab.log").open("w") as log:
        server = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
        lab = Lab(f"http://127.0.0.1:{port}", token, folder)
        try:
            wait_for(lab, server)
            yield lab
        finally:
            server.terminate()
            server.wait(30)


def wait_for(lab, server):
    """Until the server answers; what it said, if it gives up."""
    ready, pause = False, threading.Event()
    while not ready:
        assert server.poll() is None, lab.log.read_text()
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            urllib.request.urlopen(f"{lab.url}/api?token={lab.token}", timeout=5).close()
            ready = True
        pause.wait(0.2)


@pytest.fixture(scope="package")  # while it is open, no other event loop can run in this thread
def browser():
    assert CHROMIUM is not None, "the CI has to install Chromium: see .ci/run"
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def _bytes(frame):
    return frame if isinstance(frame, bytes) else frame.encode()


class Notebook:
    """A notebook in a tab of the browser."""

    def __init__(self, lab, page, name, cells, place):
        self.lab, self.page, self.path, self.place = lab, page, lab.notebooks / f"{name}.ipynb", place
        notebook = nbformat.v4.new_notebook()
        notebook.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(notebook, self.path)
        where = {"notebook": "notebooks", "classic": "nbclassic/notebooks"}.get(place, f"lab/workspaces/{name}/tree")
        # On a busy machine Lab may ask which kernel is meant, or say that it was slow: a person says OK.
        page.add_locator_handler(
            page.locator(".jp-Dialog .jp-mod-accept").first, lambda button: button.click(), no_wait_after=True
        )
        address = f"{lab.url}/{where}/{name}.ipynb?token={lab.token}"
        if place == "classic":
            # For some seconds the page asks the kernel for its widgets. One that comes at the end of them is there
            # twice: the page shows the one, and hears of the other.
            with page.expect_websocket(lambda one: "/channels" in one.url) as opened:
                page.goto(address)
            opened.value.wait_for_event("framereceived", lambda frame: b"comm_info_reply" in _bytes(frame))
        else:
            page.goto(address)
            page.locator(".jp-Notebook .jp-CodeCell").first.wait_for()

    def cell(self, number):
        return self.page.locator(".jp-Notebook .jp-CodeCell").nth(number)

    def run(self, number):
        """Run a cell; once more where the kernel was not there yet, which loses it without a word."""
        if self.place == "classic":
            cell = self.page.locator(".code_cell").nth(number)
            for _ in range(6):  # a widget that comes before its manager is never drawn
                self.page.evaluate(f"() => Jupyter.notebook.execute_cells([{number}])")
                with contextlib.suppress(PlaywrightTimeout):
                    cell.locator(".jupyter-widgets input:visible").first.wait_for(timeout=5_000)
                    break
            self.page.wait_for_function("() => !Jupyter.notebook.kernel_busy")  # until then it hears no widget
            return cell
        prompt = self.cell(number).locator(".jp-InputPrompt")
        for _ in range(10):
            self.cell(number).locator(".cm-content").click()
            self.page.keyboard.press("Shift+Enter")
            with contextlib.suppress(PlaywrightTimeout):
                prompt.filter(has_text=re.compile(r"\[[*\d]+\]")).wait_for(timeout=2_000)
                break
        return self.cell(number)

    def done(self, number):
        """Wait until the cell has its number."""
        self.cell(number).locator(".jp-InputPrompt").filter(has_text=re.compile(r"\[\d+\]")).wait_for()
        return self.cell(number)

    def type(self, label, text, key, seen):
        """Type, and wait until ``seen`` is there."""
        self.field(label).fill(text)
        self.page.keyboard.press(key)
        seen.wait_for()

    def field(self, label):
        return self.page.get_by_label(label, exact=True).first

    def save(self):
        if self.place == "classic":
            with self._written():
                self.page.evaluate("() => Jupyter.menubar.actions.call('widgets:save-with-widgets')")
            self.page.wait_for_function("() => !Jupyter.notebook.dirty")
            return
        self.page.evaluate("() => document.activeElement?.blur()")  # a field of a widget keeps the keys to itself
        with self._written():
            self.page.keyboard.press("Control+s")
        self.page.locator(".jp-mod-dirty").wait_for(state="detached")

    def _written(self):
        """Until the server has answered that the file is whole."""
        return self.page.expect_response(lambda one: one.request.method == "PUT" and "/api/contents/" in one.url)

    def shoot(self, name):
        if folder := os.environ.get("B24DATA_SCREENSHOTS"):
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=str(Path(folder) / f"{name}.png"))


@pytest.fixture
def notebook(lab, browser, request):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(30_000)

    def open_one(*cells, place="lab"):
        name = re.sub(r"\W", "-", request.node.name)
        return Notebook(lab, context.new_page(), name, cells, place)

    yield open_one
    if (folder := os.environ.get("B24DATA_SCREENSHOTS")) and request.node.stash.get(FAILED, False):
        for number, page in enumerate(context.pages):
            page.screenshot(path=str(Path(folder) / f"failed-{request.node.originalname}-{number}.png"))
    context.close()


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if call.when == "call":
        item.stash[FAILED] = report.failed
    return report
