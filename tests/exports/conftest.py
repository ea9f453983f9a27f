"""A portal, an exports.toml and the command, as an analyst has them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from b24data import B24OAuthParams, B24OAuthSecret, Sandbox
from b24data.auth.profiles import Profile, Profiles
from b24data.cli.main import main


class Desk:
    """A folder with an ``exports.toml``, a profile ``acme``, and what the command leaves there."""

    def __init__(self, folder: Path, portal: Sandbox) -> None:
        self.folder = folder
        self.portal = portal
        self.file = folder / "exports.toml"

    def write(self, text: str) -> None:
        self.file.write_text(text, "utf-8")

    def run(self, *words: str) -> int:
        return main(["export", "run", "--file", str(self.file), *words])

    def status(self, name: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
        capsys.readouterr()
        assert main(["export", "status", "--json", "--file", str(self.file)]) == 0
        return {one["export"]: one for one in json.loads(capsys.readouterr().out)}[name]

    def log(self, name: str) -> list[dict[str, Any]]:
        (file,) = (Path(os.environ["B24DATA_STATE_DIR"]) / "exports").glob(f"{name}-*.jsonl")
        return [json.loads(line) for line in file.read_text("utf-8").splitlines()]

    def start(self, *words: str, code: str = "", **options: Any) -> subprocess.Popen[str]:
        """The command in a process of its own; ``code`` is what runs it there."""
        program = ["-c", code] if code else ["-m", "b24data"]
        command = [sys.executable, *program, "export", "run", "--file", str(self.file), *words]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)

    def ended(self, *words: str, code: str = "") -> tuple[int, str]:
        """The exit code of the command in a process of its own, and what it said of troubles."""
        program = self.start(*words, code=code)
        _, said = program.communicate(timeout=120)
        return program.returncode, said

    def files(self) -> list[str]:
        """What lies in the folder, but for what was written there by the test."""
        found = (str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file())
        return sorted(name for name in found if name != "exports.toml")


def sign_in(portal: Sandbox, name: str = "acme") -> None:
    """Keep the portal's tokens as a profile."""
    secret = B24OAuthSecret.of(portal.oauth_secret())
    profile = Profile(name=name, portal=portal.url, secret=secret)
    Profiles().save(profile, B24OAuthParams.of(portal.oauth_params()))


def until(true: Callable[[], bool], patience_s: float = 60.0) -> None:
    """Wait for another program."""
    pause = threading.Event()
    for _ in range(int(patience_s / 0.01)):
        if true():
            return
        pause.wait(0.01)
    raise AssertionError("it did not happen")


@pytest.fixture
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own: nothing of the user's, nothing left behind."""
    for name in ("B24_WEBHOOK", "B24_PROFILE", "B24DATA_NONINTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("B24DATA_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("B24DATA_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    return tmp_path


@pytest.fixture
def desk_at(at_home: Path) -> Iterator[Callable[[Sandbox], Desk]]:
    """A desk at a portal that the test makes."""

    def make(portal: Sandbox) -> Desk:
        folder = at_home / "desk"
        folder.mkdir(exist_ok=True)
        sign_in(portal)
        return Desk(folder, portal)

    return make


@pytest.fixture
def desk(desk_at: Callable[[Sandbox], Desk]) -> Iterator[Desk]:
    """A desk at a small portal that is as fast as it can."""
    with Sandbox(deals=300, tasks=60, rate_limit=None, cost=0.0) as portal:
        yield desk_at(portal)
