"""Names that b24data uses itself: what a link, or somebody else, has put there is refused, and left alone."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from b24data.errors import ConfigError, ExportError
from b24data.files.atomic import read_private, remove_temp_siblings
from b24data.files.locks import locked
from b24data.files.workfolder import WorkFolder
from tests.strangers import STRANGER, as_root, by_stranger

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no owners and modes like these")


@pytest.fixture
def precious(tmp_path) -> Path:
    folder = tmp_path / "home-of-somebody"
    (folder / "run").mkdir(parents=True)
    (folder / "run/thesis.docx").write_text("precious")
    return folder


def test_work_folder__is_seen_by_others_and_read_by_its_owner_alone(tmp_path):
    with WorkFolder(tmp_path / "_b24data") as folder:
        folder.write_whole("state.json", b"{}")
        assert folder.names() == ["state.json"]
    if os.name != "nt":
        assert stat.S_IMODE((tmp_path / "_b24data").stat().st_mode) & 0o022 == 0
        assert stat.S_IMODE((tmp_path / "_b24data/state.json").stat().st_mode) == 0o600


def test_work_folder__a_check_of_it_leaves_nothing_not_even_what_a_killed_one_left(tmp_path):
    with WorkFolder(tmp_path / "_b24data") as folder:
        folder.check_writable()
        assert folder.names() == []
        (tmp_path / "_b24data" / "probe").write_bytes(b"")
        folder.check_writable()
        assert folder.names() == []


def test_work_folder__whoever_holds_it_removes_what_killed_programs_left_half_written(tmp_path):
    with WorkFolder(tmp_path / "_b24data") as folder:
        for name in (".state.json.1880b249.tmp", ".ids-x.tmp", "state.json", ".state.json.tmp"):
            (tmp_path / "_b24data" / name).write_bytes(b"half")
        with folder.lock():
            assert folder.names() == [".ids-x.tmp", ".state.json.tmp", "lock", "state.json"]


@posix
def test_work_folder__that_a_generous_umask_made_is_closed_to_others(tmp_path):
    (tmp_path / "_b24data").mkdir()
    (tmp_path / "_b24data").chmod(0o777)
    with WorkFolder(tmp_path / "_b24data"):
        assert stat.S_IMODE((tmp_path / "_b24data").stat().st_mode) == 0o755


@pytest.mark.parametrize("to", ["home-of-somebody", "nowhere"])
def test_work_folder__a_link_is_refused_and_named(tmp_path, precious, to):
    (tmp_path / "_b24data").symlink_to(to)
    with (
        pytest.raises(ExportError, match=r"_b24data is a link of .*folder of its own") as caught,
        WorkFolder(tmp_path / "_b24data"),
    ):
        pass
    assert caught.value.code == "NOT_OURS"
    assert (precious / "run/thesis.docx").read_text() == "precious"


@pytest.mark.parametrize("make", [lambda path: path.touch(), os.mkfifo])
def test_work_folder__what_is_no_folder_is_refused(tmp_path, make):
    make(tmp_path / "_b24data")
    with pytest.raises(ExportError, match=r"_b24data is a (file|FIFO) of "), WorkFolder(tmp_path / "_b24data"):
        pass


@as_root
def test_work_folder__of_another_user_is_refused_with_the_owner(tmp_path):
    (tmp_path / "_b24data").mkdir()
    os.chown(tmp_path / "_b24data", STRANGER, STRANGER)
    with pytest.raises(ExportError, match=f"is a folder of user {STRANGER}"), WorkFolder(tmp_path / "_b24data"):
        pass


def test_work_folder__links_in_it_are_not_followed(tmp_path, precious):
    with WorkFolder(tmp_path / "work") as folder:
        (tmp_path / "work/state.json").symlink_to(precious / "run/thesis.docx")
        (tmp_path / "work/run").symlink_to(precious / "run")
        with pytest.raises(ExportError, match=r"state.json is a link"):
            folder.read("state.json")
        folder.write_whole("state.json", b"ours")
        folder.remove("run")
        assert folder.read("state.json") == b"ours"
    assert (precious / "run/thesis.docx").read_text() == "precious"


def test_work_folder__whose_name_was_given_to_something_else_is_what_was_opened(tmp_path, precious):
    with WorkFolder(tmp_path / "work") as folder:
        folder.write_whole("thesis.docx", b"a part")
        (tmp_path / "work").rename(tmp_path / "elsewhere")
        (tmp_path / "work").symlink_to(precious / "run")
        assert not folder.is_there
        folder.remove("thesis.docx")
        folder.remove_all()
    assert (precious / "run/thesis.docx").read_text() == "precious"
    assert (tmp_path / "work").is_symlink()


def test_lock__that_is_a_link_or_a_fifo_is_refused(tmp_path, precious):
    (tmp_path / "a.lock").symlink_to(precious / "run/thesis.docx")
    os.mkfifo(tmp_path / "b.lock")
    for name in ("a.lock", "b.lock"):
        with pytest.raises(ExportError, match=f"{name} is a (link|FIFO) of"), locked(tmp_path / name):
            pass
    assert (precious / "run/thesis.docx").read_text() == "precious"


def test_lock__of_a_folder_that_is_gone_says_so(tmp_path):
    with (
        pytest.raises(ExportError, match=r"a.lock: No such file or directory. Hint: the folder is gone"),
        locked(tmp_path / "gone" / "a.lock"),
    ):
        pass


@posix
def test_remove_beside__leaves_links_and_the_files_of_others(tmp_path, precious):
    (tmp_path / ".a.json.0123abcd.tmp").symlink_to(precious / "run/thesis.docx")
    (tmp_path / ".a.json.0123abce.tmp").mkdir()
    remove_temp_siblings(tmp_path / "a.json")
    assert sorted(path.name for path in tmp_path.glob(".a*")) == [".a.json.0123abcd.tmp", ".a.json.0123abce.tmp"]


@posix
def test_read_private__what_others_may_have_written_is_not_used(tmp_path):
    file = tmp_path / "acme.json"
    file.write_text("{}")
    file.chmod(0o664)
    with pytest.raises(ConfigError, match=r"others on this machine may write .*chmod 600"):
        read_private(file)
    file.chmod(0o644)
    assert read_private(file) == b"{}"


@as_root
def test_read_private__of_another_user_is_refused_with_the_owner(tmp_path):
    file = tmp_path / "acme.json"
    file.write_text("{}")
    os.chown(file, STRANGER, STRANGER)
    with pytest.raises(ConfigError, match=f"acme.json is a file of user {STRANGER}"):
        read_private(file)


@as_root
def test_stranger__can_neither_read_nor_remove_what_is_in_a_work_folder(common_folder):
    with WorkFolder(common_folder / "work") as folder:
        folder.write_whole("manifest.json", b"rows")
    assert "PermissionError" in by_stranger((common_folder / "work/manifest.json").read_bytes)
    assert "PermissionError" in by_stranger((common_folder / "work/manifest.json").unlink)
    assert "PermissionError" in by_stranger((common_folder / "work/forged.json").touch)
    assert "is a folder of root" in by_stranger(lambda: WorkFolder(common_folder / "work").__enter__())
