"""Targets, the user's own files: they keep their rights, links stay links, and what is no file is refused."""

from __future__ import annotations

import errno
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from b24data.errors import ConfigError, ExportError
from b24data.files.atomic import create, file_behind, replace_file, temp_sibling, write_whole
from b24data.files.disk import disk_error
from b24data.frames.parquet import check_target
from b24data.sync.source import check_folder
from tests.strangers import STRANGER, as_root

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no modes, links and FIFOs like these")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(autouse=True)
def umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.parametrize("rights", [0o600, 0o640, 0o664, 0o444, 0o666])
def test_target__keeps_its_rights(tmp_path, rights):
    file = tmp_path / "deals.parquet"
    file.touch()
    file.chmod(rights)
    write_whole(file, "new")
    assert (mode(file), file.read_text()) == (rights, "new")


def test_target__that_is_new_has_what_the_umask_leaves(tmp_path):
    write_whole(tmp_path / "a", "")
    os.umask(0o027)
    write_whole(tmp_path / "b", "")
    assert (mode(tmp_path / "a"), mode(tmp_path / "b")) == (0o644, 0o640)


def test_target__a_private_file_that_was_open_to_others_is_closed(tmp_path):
    (tmp_path / "t").touch(0o644)
    write_whole(tmp_path / "t", "secret", private=True)
    assert mode(tmp_path / "t") == 0o600


@as_root
def test_target__keeps_its_owner_and_group_where_it_may(tmp_path):
    file = tmp_path / "deals.parquet"
    file.touch()
    os.chown(file, STRANGER, STRANGER + 1)
    file.chmod(0o640)
    write_whole(file, "new")
    facts = file.stat()
    assert (facts.st_uid, facts.st_gid, mode(file)) == (STRANGER, STRANGER + 1, 0o640)


def test_target__whose_group_can_not_be_kept_gives_its_rights_to_no_other_group(tmp_path, monkeypatch):
    file = tmp_path / "deals.parquet"
    file.touch()
    file.chmod(0o660)
    if os.geteuid() == 0:
        os.chown(file, -1, STRANGER)

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "chown", refuse)
    write_whole(file, "new")
    assert mode(file) == (0o600 if os.geteuid() == 0 else 0o660)


def test_target__is_for_its_owner_alone_until_it_has_the_rights_of_the_old_one(tmp_path):
    new = temp_sibling(tmp_path / "deals.parquet")
    create(new, private=True).close()
    assert mode(new) == 0o600
    replace_file(new, tmp_path / "deals.parquet", like=tmp_path / "none")
    assert mode(tmp_path / "deals.parquet") == 0o600


@pytest.mark.parametrize("steps", [["big/deals.parquet"], ["two", "big/deals.parquet"], ["big/new.parquet"]])
def test_link__its_file_is_what_is_written(tmp_path, steps):
    (tmp_path / "big").mkdir()
    (tmp_path / "big/deals.parquet").write_text("old")
    for name, to in zip(("deals.parquet", "two"), steps, strict=False):
        (tmp_path / name).symlink_to(to)
    assert file_behind(tmp_path / "deals.parquet") == tmp_path / steps[-1]


def test_link__that_leads_to_itself_is_refused(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(ConfigError, match="circle"):
        file_behind(tmp_path / "a")


@as_root
@pytest.mark.parametrize(("owner", "rights", "goes"), [(STRANGER, 0o1777, False), (STRANGER, 0o775, False),
                                                      (STRANGER, 0o755, True), (0, 0o1777, True)])  # fmt: skip
def test_link__of_a_stranger_in_a_folder_that_they_may_write_to_is_refused(tmp_path, owner, rights, goes):
    shared, mine = tmp_path / "shared", tmp_path / "bashrc"
    shared.mkdir()
    shared.chmod(rights)
    mine.write_text("mine")
    (shared / "deals.parquet").symlink_to(mine)
    os.chown(shared / "deals.parquet", owner, owner, follow_symlinks=False)
    if goes:
        assert file_behind(shared / "deals.parquet") == mine
    else:
        with pytest.raises(ConfigError, match=f"is a link of user {STRANGER} to .*bashrc"):
            file_behind(shared / "deals.parquet")


def test_target__what_is_no_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a socket's path may have 107 bytes
    os.mkfifo("pipe")
    Path("folder").mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        for name, kind in (("pipe", "a FIFO"), ("folder", "a folder"), ("socket", "a socket")):
            Path(f"to-{name}").symlink_to(name)
            for one in (name, f"to-{name}"):
                with pytest.raises(ConfigError, match=kind):
                    file_behind(one)
    with pytest.raises(ConfigError, match="a device"):
        file_behind("/dev/null")


@pytest.mark.parametrize("name", ["a\0b", "x" * 300, "\ud800"])
def test_target__a_name_that_no_file_can_have_is_one_sentence(tmp_path, name):
    with pytest.raises(ConfigError):
        file_behind(tmp_path / name)


def test_target__a_name_of_bytes_that_are_no_text_is_written(tmp_path):
    file = tmp_path / os.fsdecode(b"\xee\xf2\xf7\xb8\xf2.parquet")
    write_whole(file_behind(file), "x")
    assert file.read_text() == "x"


@pytest.mark.parametrize(
    ("number", "cure"),
    [
        (errno.ENOSPC, "make room"),
        (errno.EDQUOT, "quota"),
        (errno.EFBIG, "ulimit -f"),
        (errno.EACCES, "a folder of yours"),
        (errno.EROFS, "read-only"),
        (errno.ENAMETOOLONG, "shorter name"),
        (errno.EISDIR, "name of a file"),
        (errno.ENOENT, "folder is gone"),
        (errno.EIO, "fault"),
        (errno.ESTALE, "mount it again"),
        (errno.EMFILE, "too many files open"),
    ],
)
def test_disk_error__has_the_path_and_the_right_cure(tmp_path, monkeypatch, number, cure):
    def fail(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(ExportError) as caught:
        write_whole(tmp_path / "deals.parquet", "x")
    assert caught.value.description.endswith(f"deals.parquet: {os.strerror(number)}")
    assert cure in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_disk_error__that_nobody_foresaw_still_has_a_hint():
    assert disk_error("x", OSError("no number")).hint


@pytest.mark.parametrize("how", [f"os.fsdecode({'отчёт.parquet'.encode()!r})", ascii("отчёт.parquet")])
@pytest.mark.parametrize("locale", ["C", "POSIX"])
def test_target__under_any_locale_cyrillic_names_are_written(tmp_path, locale, how):
    code = (
        "import os; from b24data.frames.parquet import ParquetSink, rows_of, check_target; import pyarrow as pa;"
        "from b24data.report import FetchReport;"
        f"name = {how};"
        "target = check_target(name); sink = ParquetSink(target, pa.schema([('a', pa.int64())]));"
        "sink.write(pa.RecordBatch.from_pydict({'a': [1]}));"
        "r = FetchReport(method='m', portal='p', walk='keyset', reason='r', complete=True, rows=1, pages=1,"
        " target=name, requests=1, commands=1, retries=0, refreshes=0, seconds=0.0, waited_s={},"
        " total=None, pinned_id=None,"
        " last_id=None, window=None); sink.close(r); assert rows_of(target) == 1"
    )
    environment = {**os.environ, "LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert os.listdir(os.fsencode(tmp_path)) == ["отчёт.parquet".encode()]  # noqa: PTH208  as bytes


@pytest.mark.parametrize("path", [b"deals.parquet", 5, None, ["a"]], ids=repr)
@pytest.mark.parametrize("check", [check_target, check_folder])
def test_target__what_is_no_path_is_one_sentence(check, path):
    with pytest.raises(ConfigError, match="is not a path"):
        check(path)


@pytest.mark.parametrize("name", ["a\0b", "x" * 300, "\ud800", "\u0434" * 200])
def test_folder__a_name_that_none_can_have_is_one_sentence(tmp_path, name):
    with pytest.raises(ConfigError):
        check_folder(tmp_path / name)


def test_folder__what_is_none_is_named(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match="pipe is a FIFO"):
        check_folder(tmp_path / "pipe")
