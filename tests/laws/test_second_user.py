"""A second user of the same machine reads nothing of ours, forges nothing and removes nothing, whatever was done."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from b24data import B24OAuthParams, B24OAuthSecret, Sandbox, connect
from b24data.auth.profiles import Profile, Profiles
from b24data.cli.main import main
from b24data.fields.cache import DescriptionCache
from b24data.fields.fields import Field
from b24data.files.places import cache_folder, data_folder, runtime_folder
from b24data.http.limits import Limits
from b24data.params import RestrictionParams
from tests.strangers import as_root, by_stranger

EXPORT = """
[exports.deals]
profile = "acme"
method = "crm.deal.list"
select = ["ID"]
target = "deals.parquet"
"""


@pytest.fixture
def home(common_folder, monkeypatch) -> Iterator[Path]:
    """The home of somebody who left it open to others, as many systems make it."""
    for name in ("B24DATA_CONFIG_DIR", "B24DATA_STATE_DIR", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(common_folder / "anna"))
    monkeypatch.setenv("TMPDIR", str(common_folder / "tmp"))
    monkeypatch.setattr("tempfile.tempdir", str(common_folder / "tmp"))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr(Limits, "_files", {})
    (common_folder / "anna").mkdir(mode=0o755)
    (common_folder / "tmp").mkdir()
    (common_folder / "tmp").chmod(0o1777)
    before = os.umask(0o002)  # the most generous one that is usual
    yield common_folder / "anna"
    os.umask(before)


def everything_is_done(home: Path, portal: Sandbox) -> None:
    """A sign-in, an export and its log, descriptions, limits."""
    secret = B24OAuthSecret.of(portal.oauth_secret())
    profile = Profile(name="acme", portal=portal.url, secret=secret)
    Profiles().save(profile, B24OAuthParams.of(portal.oauth_params()))
    (home / "exports.toml").write_text(EXPORT)
    assert main(["export", "run", "deals", "--quiet", "--file", str(home / "exports.toml")]) == 0
    with connect("acme") as b24:
        b24.auth.refresh_auth()
    DescriptionCache(cache_folder("fields") / "acme", "acme").put(
        "v2", "crm.deal.list", {}, {"ID": Field("ID", "id")}, at=1.0
    )
    Limits("acme.bitrix24.com", "app", RestrictionParams(), shared=True)


def ours(home: Path) -> list[Path]:
    found = [Profiles().folder, data_folder(), cache_folder(), runtime_folder()]
    assert all(folder.is_relative_to(home.parent) for folder in found)
    return [*found, *(path for folder in found for path in folder.rglob("*"))]


def attacks(path: Path, *, is_folder: bool) -> Iterator[Callable[[], object]]:
    if is_folder:
        yield lambda: list(path.iterdir())
        yield (path / "forged.json").touch
        yield lambda: path.rename(path.with_name("moved"))
    else:
        yield path.read_bytes
        yield lambda: path.open("ab")
        yield path.unlink
        yield lambda: os.link(path, path.parent.parent / "link")


@as_root
def test_second_user__reads_forges_and_removes_nothing(home):
    with Sandbox(deals=30) as portal:
        everything_is_done(home, portal)
    went: list[str] = []

    def attack() -> None:
        for path, is_folder in paths.items():
            for number, act in enumerate(attacks(path, is_folder=is_folder)):
                try:
                    act()
                except OSError:
                    continue
                went.append(f"{path} {number}")
        raise AssertionError(went)

    paths = {path: path.is_dir() for path in ours(home)}
    assert {path.suffix for path in paths} >= {".json", ".jsonl", ".lock", ".sqlite3"}
    assert by_stranger(attack) == "AssertionError: []"


@as_root
def test_files_with_secrets__are_for_their_owner_alone_at_every_moment(home, monkeypatch):
    modes: list[tuple[str, int]] = []
    real = os.open

    def opened(path, flags, mode=0o777, **named):
        handle = real(path, flags, mode, **named)
        if flags & os.O_CREAT and str(home) in str(path):
            modes.append((str(path), stat.S_IMODE(os.fstat(handle).st_mode)))
        return handle

    monkeypatch.setattr(os, "open", opened)
    with Sandbox(deals=30) as portal:
        everything_is_done(home, portal)
    secret = [mode for path, mode in modes if "profiles" in path]
    assert secret
    assert set(secret) == {0o600}
