"""What docs/security.md says is kept where: a program in a new home does everything, then all files are read."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from b24data import Sandbox

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/security.md").read_text("utf-8")
posix = pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="the page's folders of Linux are looked at")

PROGRAM = """
import json, os, sys
from pathlib import Path
os.umask(0o022)
import b24data
from b24data import B24OAuthParams, B24OAuthSecret
from b24data.auth.profiles import Profile, Profiles

given = json.load(sys.stdin)
pair, secret = B24OAuthParams.of(given["params"]), B24OAuthSecret.of(given["secret"])
Profiles().save(Profile(name="acme", portal="acme", secret=secret), pair)
Profiles().save(Profile(name="hook", portal="acme", webhook=given["webhook"]))
b24 = b24data.connect("acme")
b24.auth.refresh_auth()
b24.tools.sync("crm.deal.list", ["ID"], filter={">ID": 3}, to="deals", progress=False)
b24.tools.fetch_all("crm.deal.list", ["ID"], filter={"=TITLE": "+49 30 123456"}, to="deals.parquet", progress=False)

def stop(event):
    if event.rows > 500:
        raise KeyboardInterrupt

try:
    b24.tools.fetch_all("crm.deal.list", ["ID", "TITLE"], to="stopped.parquet", progress=stop, workers=1)
except KeyboardInterrupt:
    pass
"""
EXPORTS = '[exports.deals]\nprofile = "acme"\nmethod = "crm.deal.list"\nselect = ["ID"]\ntarget = "exported.parquet"\n'


class Machine:
    """A home, a folder of work, and what was kept in them."""

    def __init__(self, folder: Path) -> None:
        self.home, self.work, self.runtime = folder / "home", folder / "work", folder / "run"
        for one in (self.home, self.work, self.runtime):
            one.mkdir(mode=0o700)
        keep = {name: value for name, value in os.environ.items() if not name.startswith(("B24", "XDG_"))}
        self.env = {
            **keep,
            "HOME": str(self.home),
            "XDG_RUNTIME_DIR": str(self.runtime),
            "PYTHONPATH": str(ROOT),
            "COLUMNS": "500",
        }

    def run(self, *command: str, given: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *command],
            input=given,
            cwd=self.work,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
        )

    def files(self) -> dict[str, Path]:
        """All files, by their path below home, work or run."""
        folders = (self.home, self.work, self.runtime)
        return {
            f"{one.name}/{path.relative_to(one)}": path
            for one in folders
            for path in sorted(one.rglob("*"))
            if path.is_file()
        }


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    machine = Machine(tmp_path_factory.mktemp("machine"))
    (machine.work / "exports.toml").write_text(EXPORTS)
    with Sandbox(deals=3_000, rate_limit=None, cost=0.0) as portal:
        given = {"params": portal.oauth_params(), "secret": portal.oauth_secret(), "webhook": portal.webhook_url}
        done = machine.run("-c", PROGRAM, given=json.dumps(given))
        assert (done.returncode, done.stderr) == (0, "")
        done = machine.run("-m", "b24data", "export", "run", "deals", "--quiet")
        assert (done.returncode, done.stderr) == (0, "")
        machine.doctor = machine.run("-m", "b24data", "doctor", "--profile", "acme")  # type: ignore[attr-defined]
        kept = json.loads((machine.home / ".config/b24data/profiles/acme.json").read_text())["tokens"]["params"]
        machine.secrets = [  # type: ignore[attr-defined]
            *(given["params"]["access_token"], given["params"]["refresh_token"], given["secret"]["client_secret"]),
            *(portal.webhook_url.rstrip("/").rpartition("/")[2], kept["access_token"], kept["refresh_token"]),
        ]
    return machine


@posix
def test_what_is_kept__lies_where_the_page_says_and_nowhere_else(machine):
    kinds = {
        r"home/\.config/b24data/profiles/(acme|hook)\.json(\.lock)?": 0o600,
        r"home/\.local/state/b24data/(exports|unfinished)/.+": 0o600,
        r"run/b24data/.+": 0o644,  # in a folder of 0700
        r"work/\.stopped\.parquet\.unfinished/.+": 0o600,
        r"work/deals/_b24data/.+": 0o600,
        r"work/(exports\.toml|(deals|exported)\.parquet|deals/ids-\d+\.parquet)": 0o644,
    }
    for name, path in machine.files().items():
        [rights] = [rights for kind, rights in kinds.items() if re.fullmatch(kind, name)]
        assert stat.S_IMODE(path.stat().st_mode) & ~rights == 0, name
    for kind in kinds:
        assert any(re.fullmatch(kind, name) for name in machine.files()), kind
    for folder in (
        machine.home / ".config/b24data",
        machine.home / ".local/state/b24data",
        machine.runtime / "b24data",
    ):
        for one in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
            assert stat.S_IMODE(one.stat().st_mode) == 0o700, one


@posix
def test_secrets__are_in_the_files_of_the_profiles_alone(machine):
    old, now = machine.secrets[:2], machine.secrets[2:]
    for name, path in machine.files().items():
        content = path.read_bytes()
        assert not [secret for secret in old if secret.encode() in content], name  # the pair of before the refresh
        if "/profiles/" not in name:
            assert not [secret for secret in now if secret.encode() in content], name
    assert not [secret for secret in machine.secrets if secret in machine.doctor.stdout + machine.doctor.stderr]


@posix
def test_a_parquet_file__names_its_source_with_the_filter_as_it_was(machine):
    footer = pq.read_metadata(machine.work / "deals.parquet").metadata
    assert b"+49 30 123456" in footer[b"b24data.query"]
    assert {b"b24data.portal", b"b24data.method", b"b24data.report"} <= footer.keys()
    assert b"+49 30 123456" not in pq.read_metadata(machine.work / "exported.parquet").metadata[b"b24data.query"]


@posix
def test_doctor__prints_the_folders_that_the_page_names(machine):
    for folder in (".config/b24data/profiles", ".local/state/b24data"):
        assert str(machine.home / folder) in machine.doctor.stdout
    assert str(machine.runtime / "b24data") in machine.doctor.stdout
    (machine.home / ".config/b24data/profiles/acme.json").chmod(0o640)
    told = machine.run("-m", "b24data", "doctor", "--profile", "acme")
    assert told.returncode != 0
    assert "FAILED" in told.stdout


def test_no_command__takes_a_secret_as_an_argument():
    """What is in the process list is read by everybody."""
    told = subprocess.run(
        [sys.executable, "-m", "b24data", "login", "--help"], capture_output=True, text=True, check=True
    )
    assert not re.search(r"--(webhook|secret|token|key|password|client)", told.stdout)
    assert "B24_WEBHOOK" in PAGE


@posix
def test_the_variables_of_the_page__choose_the_folders(machine, tmp_path):
    env = {**machine.env, "B24DATA_CONFIG_DIR": str(tmp_path / "c"), "B24DATA_STATE_DIR": str(tmp_path / "s")}
    code = (
        "from b24data.files.places import *; from b24data.auth.profiles import Profiles;"
        "print(Profiles().folder, data_folder('exports'), cache_folder('fields'), runtime_folder(), sep='\\n')"
    )
    told = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert told.stdout.split() == [str(tmp_path / part) for part in ("c/profiles", "s/exports", "s/fields", "s")]
    unset = machine.run("-c", code)
    below = [".config/b24data/profiles", ".local/state/b24data/exports", ".cache/b24data/fields"]
    assert unset.stdout.split() == [*(str(machine.home / one) for one in below), str(machine.runtime / "b24data")]
