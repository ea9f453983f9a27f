"""Files that appear whole or not at all, and locks between programs."""

import os
import stat
from pathlib import Path

import pytest

from b24data.errors import ExportError
from b24data.files import atomic as files
from b24data.files.atomic import remove_temp_siblings, replace_file, write_whole
from b24data.files.locks import locked
from b24data.files.places import data_folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_write_whole__a_failure_leaves_what_was_there(tmp_path, monkeypatch):
    target = tmp_path / "state.json"
    write_whole(target, "old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(ExportError, match=r"state\.json: No space left .*make room"):
        write_whole(target, "new")
    assert (target.read_text(), names(tmp_path)) == ("old", ["state.json"])


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes of files")
@pytest.mark.parametrize(("private", "mode"), [(True, 0o600), (False, 0o644)])
def test_write_whole__is_private_when_asked(tmp_path, private, mode):
    mask = os.umask(0o022)
    try:
        write_whole(tmp_path / "x", b"\x00", private=private)
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == mode


def test_remove_beside__takes_what_a_killed_program_left_of_this_file_only(tmp_path):
    others = [".a.json.1f.tmp", ".a.json.x.0123abcd.tmp", ".aXjson.0123abcd.tmp", ".b.json.0123abcd.tmp", "a.json"]
    for name in (*others, ".a.json.0123abcd.tmp"):
        (tmp_path / name).touch()
    remove_temp_siblings(tmp_path / "a.json")
    remove_temp_siblings(tmp_path / "[ab].json")
    assert names(tmp_path) == sorted(others)


def test_put_in_place__an_open_target_is_waited_for_then_named(tmp_path, monkeypatch):
    waits: list[float] = []

    class InUseError(PermissionError):
        winerror = 32

    def refuse(self, _):
        raise InUseError(13, "in use")

    monkeypatch.setattr(files.Path, "replace", refuse)
    with pytest.raises(ExportError, match=r"deals\.parquet.*in use"):
        replace_file(tmp_path / "new", tmp_path / "deals.parquet", wait=waits.append)
    assert len(waits) == 19


def test_locked__is_free_again_whatever_happens_inside(tmp_path):
    with pytest.raises(KeyError), locked(tmp_path / "lock"):
        raise KeyError
    with (
        locked(tmp_path / "lock"),
        pytest.raises(TimeoutError, match="another program holds"),
        locked(tmp_path / "lock"),
    ):
        pass


def test_data_folder__is_where_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.setenv("B24DATA_STATE_DIR", str(tmp_path / "state"))
    assert data_folder() == tmp_path / "state"
    assert (tmp_path / "state").is_dir()
    monkeypatch.delenv("B24DATA_STATE_DIR")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert data_folder().is_relative_to(tmp_path / "home")
