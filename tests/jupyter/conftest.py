"""One kernel and one sandbox for all tests of the room."""

import json
import os
from dataclasses import dataclass, field

import pytest
from jupyter_client.manager import start_new_kernel

from b24data import Sandbox


@dataclass
class Reply:
    """What a cell did: its status, and what it showed."""

    status: str
    outputs: list = field(default_factory=list)

    @property
    def text(self):
        """Everything that a person reads."""
        shown = []
        for kind, content in self.outputs:
            data = content.get("data", {})
            error = "\n".join(content.get("traceback", ()))
            shown.append(content.get("text") if kind == "stream" else error or data.get("text/plain", ""))
        return "".join(shown)

    @property
    def html(self):
        return "".join(content.get("data", {}).get("text/html", "") for _, content in self.outputs)

    @property
    def errors(self):
        return [content for kind, content in self.outputs if kind == "error"]


class Kernel:
    """A real kernel that answers as a notebook's does."""

    def __init__(self, client):
        self.client = client

    def run(self, code, *, allow_stdin=True, answers=(), before=""):
        code = f"{before}\n{code}" if before else code
        answers = iter(answers)
        shown = []
        kinds = {"stream", "error", "execute_result", "display_data", "update_display_data"}

        def keep(message):
            if message["msg_type"] in kinds:
                shown.append((message["msg_type"], message["content"]))

        reply = self.client.execute_interactive(
            code,
            output_hook=keep,
            stdin_hook=lambda _: self.client.input(next(answers, "")),
            allow_stdin=allow_stdin,
            timeout=60,
        )
        return Reply(reply["content"]["status"], shown)

    def value(self, expression):
        """What an expression is in the kernel, by way of JSON."""
        shown = self.run(f"import json; print(json.dumps({expression}))")
        assert shown.status == "ok", shown.text
        return json.loads(shown.text)

    def matches(self, code, cursor=None):
        cursor = len(code) if cursor is None else cursor
        answer = self.client.complete(code, cursor, reply=True, timeout=30)["content"]
        return [code[: answer["cursor_start"]] + match for match in answer["matches"]]


@pytest.fixture(scope="session")
def portal():
    with Sandbox(deals=230, tasks=60, rate_limit=None) as portal:  # many tests call it at once
        yield portal


@pytest.fixture(scope="session")
def _kernel(portal, tmp_path_factory):
    folder = tmp_path_factory.mktemp("kernel")
    home = {"IPYTHONDIR": str(folder / "ipython"), "B24DATA_CONFIG_DIR": str(folder / "config")}
    environment = os.environ | home | {"B24_WEBHOOK": portal.webhook_url}
    environment.pop("B24DATA_NONINTERACTIVE", None)
    manager, client = start_new_kernel(kernel_name="python3", env=environment, cwd=str(folder))
    yield Kernel(client)
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.fixture
def kernel(_kernel):
    """The kernel, as new: no variables, the extension loaded afresh."""
    _kernel.run("%reset -f\n%load_ext b24data\n%reload_ext b24data")
    return _kernel
