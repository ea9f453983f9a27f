"""A file under a name of ours that somebody, or a fault of the disk, made as large as memory: it is not read."""

from __future__ import annotations

from pathlib import Path

import pytest

from b24data import connect
from b24data.auth.profiles import Profiles
from b24data.errors import ConfigError
from b24data.exports.file import read_exports
from b24data.fetch.manifest import read_manifest
from b24data.files.workfolder import WorkFolder
from b24data.sync.state import Store

HUGE = 3 << 30
SAID = r" has 3,221 MB, and b24data reads no more than 67 MB of such a file\. Hint: check it, then move it away\."


def huge(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(HUGE)  # a hole: it takes no room
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("read", [Store.state, Store.run])
def test_state_of_a_dataset__is_refused_by_its_path(tmp_path, read):
    huge(tmp_path / "_b24data/state.json")
    huge(tmp_path / "_b24data/run/run.json")
    with pytest.raises(ConfigError, match=r"_b24data.*json" + SAID):
        read(Store(tmp_path))


def test_profile__is_refused_and_hides_no_other(tmp_path):
    huge(tmp_path / "acme.json")
    with pytest.raises(ConfigError, match=r"acme\.json" + SAID):
        Profiles(tmp_path).load("acme")
    with pytest.raises(ConfigError, match=SAID):
        Profiles(tmp_path).store("acme").load()


def test_exports_toml__is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"exports\.toml" + SAID):
        read_exports(huge(tmp_path / "exports.toml"))


def test_dotenv__is_refused(tmp_path, monkeypatch):
    huge(tmp_path / ".env")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("B24_WEBHOOK", raising=False)
    with pytest.raises(ConfigError, match=r"\.env" + SAID):
        connect()


def test_manifest_of_a_fetch__is_as_if_there_were_none(tmp_path):
    huge(tmp_path / "manifest.json")
    with WorkFolder(tmp_path) as folder:
        assert read_manifest(folder) is None
