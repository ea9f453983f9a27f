"""The user's own folders: for this user alone, wherever the program runs; else one line says what to set."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from b24data.errors import ConfigError
from b24data.files.disk import warn_once
from b24data.files.locks import locked
from b24data.files.places import cache_folder, config_folder, data_folder, make_profiles_folder, runtime_folder
from b24data.http.shared_state import UnusableError, state_folder
from tests.strangers import STRANGER, as_root, by_stranger

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no owners and modes like these")

VARIABLES = ("HOME", "B24DATA_CONFIG_DIR", "B24DATA_STATE_DIR", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def test_folders__are_made_for_their_owner_alone(home):
    for folder in (data_folder("exports"), cache_folder("fields"), data_folder()):
        assert folder.is_relative_to(home)
        assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("place", [data_folder, runtime_folder])
def test_folder__that_others_may_write_to_is_refused(tmp_path, monkeypatch, place):
    monkeypatch.setenv("B24DATA_STATE_DIR", str(tmp_path / "state"))
    (tmp_path / "state").mkdir()
    (tmp_path / "state").chmod(0o777)
    with pytest.raises(ConfigError, match=r"only its owner can write.*B24DATA_STATE_DIR"):
        place()


@as_root
def test_folder__of_another_user_is_refused_with_the_owner_also_below_ours(tmp_path, monkeypatch):
    monkeypatch.setenv("B24DATA_STATE_DIR", str(tmp_path / "state"))
    os.chown(data_folder("exports"), STRANGER, STRANGER)
    with pytest.raises(ConfigError, match=f"exports is a folder of user {STRANGER}"):
        data_folder("exports")
    os.chown(tmp_path / "state", STRANGER, STRANGER)
    with pytest.raises(ConfigError, match=f"state is a folder of user {STRANGER}"):
        data_folder()
    with pytest.raises(UnusableError, match=f"user {STRANGER}"):
        state_folder()


@as_root
def test_folder__a_link_that_a_stranger_made_is_refused(tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir(mode=0o700)
    (tmp_path / "state").symlink_to(tmp_path / "mine")
    monkeypatch.setenv("B24DATA_STATE_DIR", str(tmp_path / "state"))
    assert data_folder() == tmp_path / "state"
    os.chown(tmp_path / "state", STRANGER, STRANGER, follow_symlinks=False)
    with pytest.raises(ConfigError, match=f"state is a link of user {STRANGER}"):
        data_folder()


@as_root
def test_home_of_somebody_else__gets_no_folders_that_they_could_not_use(home):
    os.chown(home, STRANGER, STRANGER)
    for place in (data_folder, cache_folder):
        with pytest.raises(ConfigError, match=r"belongs to user 12345, and this program runs as root.*set HOME"):
            place()
    assert list(home.iterdir()) == []


@as_root
def test_runtime_folder__of_the_user_before_is_not_taken(tmp_path, monkeypatch):
    monkeypatch.delenv("B24DATA_STATE_DIR")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "run").mkdir(mode=0o700)
    os.chown(tmp_path / "run", STRANGER, STRANGER)
    assert runtime_folder() == tmp_path / "b24data-0"
    assert list((tmp_path / "run").iterdir()) == []


@as_root
def test_runtime_folder__that_a_stranger_made_first_is_refused(common_folder, monkeypatch):
    monkeypatch.delenv("B24DATA_STATE_DIR")
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(common_folder))
    common_folder.chmod(0o1777)
    assert by_stranger((common_folder / "b24data-0").mkdir) == ""
    with pytest.raises(UnusableError, match=f"b24data-0 is a folder of user {STRANGER}"):
        state_folder()


def test_no_home_and_no_name__is_one_line_that_says_what_to_set(tmp_path):
    code = (
        "import os, pwd\n"
        "def nobody(uid): raise KeyError(uid)\n"
        "pwd.getpwuid = nobody\n"
        "from b24data.errors import ConfigError\n"
        "from b24data.files.places import data_folder, cache_folder, config_folder\n"
        "for place, name in ((data_folder, 'STATE'), (cache_folder, 'STATE'), (config_folder, 'CONFIG')):\n"
        "    try: print('made', place())\n"
        "    except ConfigError as error: assert f'B24DATA_{name}_DIR' in error.hint, error\n"
    )
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_config_folder__is_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("B24DATA_CONFIG_DIR", str(tmp_path))
    assert config_folder() == tmp_path


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_file_system_without_locks__a_local_file_is_held_instead(tmp_path, monkeypatch, caplog, number):
    monkeypatch.setenv("B24DATA_STATE_DIR", str(tmp_path / "state"))
    (tmp_path / "drive").mkdir()
    real = fcntl.flock

    def refuse(handle: int, how: int) -> None:
        if os.fstat(handle).st_ino in {path.stat().st_ino for path in (tmp_path / "drive").iterdir()}:
            raise OSError(number, os.strerror(number))
        real(handle, how)

    monkeypatch.setattr(fcntl, "flock", refuse)
    warn_once.cache_clear()
    with (
        caplog.at_level(logging.WARNING),
        locked(tmp_path / "drive/a.lock"),
        locked(tmp_path / "drive/b.lock"),
        pytest.raises(TimeoutError),
        locked(tmp_path / "drive/a.lock"),
    ):
        pass
    assert "this file system has no locks" in caplog.text
    monkeypatch.setenv("B24DATA_STATE_DIR", "/dev/null/nowhere")
    with locked(tmp_path / "drive/a.lock"), locked(tmp_path / "drive/a.lock"):
        assert "two programs may work there at once" in caplog.text


@pytest.mark.parametrize("make", [data_folder, lambda: make_profiles_folder(config_folder() / "profiles")])
def test_folders_around_ours__are_made_for_their_owner_alone_whatever_the_umask(home, make):
    before = os.umask(0)
    try:
        make()
    finally:
        os.umask(before)
    made = [folder for folder in home.rglob("*") if folder.is_dir()]
    assert made
    assert {folder.name: folder.stat().st_mode & 0o777 for folder in made if folder.stat().st_mode & 0o077} == {}
