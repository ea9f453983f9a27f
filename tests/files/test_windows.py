"""What Windows does otherwise, as far as it can be tried elsewhere: names, locks, files that are open, the console."""

from __future__ import annotations

import contextlib
import io
import sys
import types
from pathlib import Path

import pytest

from b24data.auth.profiles import Profile, Profiles
from b24data.errors import ConfigError, ExportError
from b24data.files.atomic import replace_file
from b24data.files.locks import _hold_on_windows
from b24data.files.workfolder import WorkFolder
from b24data.secret import Secret
from b24data.signin import keys

HOOK = Secret("https://acme.bitrix24.com/rest/1/a-secret/")


@pytest.mark.parametrize("name", ["con", "NUL", "nul.json", "Com1", "lpt9", "aux", "acme.", "prn.old"])
def test_a_name_that_windows_keeps_for_itself__is_no_profile(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="is not the name of a profile"):
        Profiles(tmp_path).save(Profile(name=name, portal="acme.bitrix24.com", webhook=HOOK))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["console", "nul-acme", "com10", "acme.nul", "a", "lpt", "acme-", "сделки"])
def test_a_name_that_only_looks_like_one__is_a_profile(tmp_path: Path, name: str) -> None:
    Profiles(tmp_path).save(Profile(name=name, portal="acme.bitrix24.com", webhook=HOOK))
    assert Profiles(tmp_path).names() == [name]


class _InUseError(PermissionError):
    """ERROR_SHARING_VIOLATION, as Python on Windows raises it."""

    winerror = 32


@pytest.mark.parametrize("refusals", [0, 1, 19])
def test_a_file_that_is_open_for_a_moment__is_waited_for(
    tmp_path: Path, refusals: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    new, target, waits, left = tmp_path / "new", tmp_path / "deals.parquet", list[float](), [refusals]
    new.write_text("new")
    target.write_text("old")
    replace = Path.replace

    def refusing(self: Path, other: Path) -> Path:
        if left[0]:
            left[0] -= 1
            raise _InUseError(13, "The process cannot access the file")
        return replace(self, other)

    monkeypatch.setattr(Path, "replace", refusing)
    replace_file(new, target, wait=waits.append)
    assert (target.read_text(), len(waits), new.exists()) == ("new", refusals, False)


def test_a_file_that_stays_open__is_an_error_and_the_old_file_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new, target = tmp_path / "new", tmp_path / "deals.parquet"
    new.write_text("new")
    target.write_text("old")

    def refuse(*_: object) -> None:
        raise _InUseError(13, "The process cannot access the file")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(ExportError, match="close the program that has it open"):
        replace_file(new, target, wait=lambda _: None)
    assert target.read_text() == "old"


def test_the_lock_of_windows__has_one_holder_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "acme.json.lock"
    with contextlib.ExitStack() as first, contextlib.ExitStack() as second:
        assert _hold_on_windows(path, None, first)
        assert not _hold_on_windows(path, None, second)
        first.close()
        assert _hold_on_windows(path, None, second)


def test_the_console_of_windows__shows_no_more_than_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    typed = iter(f"{HOOK.reveal()}\r")
    monkeypatch.setitem(sys.modules, "msvcrt", types.SimpleNamespace(getwch=lambda: next(typed)))
    shown = io.StringIO()
    assert keys.line_of(keys._windows_key, shown) == HOOK
    assert shown.getvalue() == "https://acme.bitrix24.com/rest/" + "•" * 11 + "\n"


def test_ctrl_c_in_the_console_of_windows__is_an_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "msvcrt", types.SimpleNamespace(getwch=lambda: "\x03"))
    with pytest.raises(KeyboardInterrupt):
        keys._windows_key()


def test_a_file_in_a_folder_of_ours__is_waited_for_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("b24data.files.workfolder._BY_HANDLE", False)  # as on Windows
    left, replace = [2], Path.replace

    def refusing(self: Path, other: Path) -> Path:
        if left[0]:
            left[0] -= 1
            raise _InUseError(13, "The process cannot access the file")
        return replace(self, other)

    monkeypatch.setattr(Path, "replace", refusing)
    with WorkFolder(tmp_path / "_b24data") as folder:
        folder.write_whole("state.json", b"{}")
        assert (folder.read("state.json"), left) == (b"{}", [0])
