"""Fetches and syncs into folders that others may write to: what somebody has put there is refused, and left alone."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pandas as pd
import pytest

from b24data import Sandbox
from b24data.errors import ConfigError, ExportError
from b24data.fetch.job import Job, discard
from b24data.fetch.manifest import Checkpoint, Fingerprint, folder_of
from b24data.fetch.unfinished import unfinished
from b24data.http.clock import SYSTEM_CLOCK
from tests.strangers import STRANGER, as_root, by_stranger

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no owners and links like these")


@pytest.fixture(scope="module")
def portal():
    with Sandbox(deals=60) as portal:
        yield portal


@pytest.fixture
def shared(common_folder) -> Path:
    """A folder that everybody may write to."""
    (common_folder / "shared").mkdir()
    (common_folder / "shared").chmod(0o777)
    return common_folder / "shared"


@pytest.fixture
def precious(tmp_path) -> Path:
    (tmp_path / "project/run").mkdir(parents=True)
    (tmp_path / "project/thesis.docx").write_text("precious")
    (tmp_path / "project/run/manifest.json").write_text("precious")
    return tmp_path / "project"


def fetch(portal, to, **options):
    with portal.connect() as b24:
        return b24.tools.fetch_all("crm.deal.list", ["ID"], to=to, progress=False, **options)


def sync(portal, to):
    with portal.connect() as b24:
        return b24.tools.sync("crm.deal.list", ["ID", "DATE_MODIFY"], to=to, progress=False)


def untouched(folder: Path) -> bool:
    return [path.read_text() for path in (folder / "thesis.docx", folder / "run/manifest.json")] == ["precious"] * 2


@pytest.mark.parametrize("resume", [True, False])
@pytest.mark.parametrize("make", ["link", "file", "fifo"])
def test_fetch__what_has_the_name_of_its_folder_is_refused(portal, shared, precious, resume, make):
    place = folder_of(shared / "deals.parquet")
    {"link": lambda: place.symlink_to(precious), "file": place.touch, "fifo": lambda: os.mkfifo(place)}[make]()
    with pytest.raises(ExportError, match=r"unfinished is a (link|file|FIFO) of ") as caught:
        fetch(portal, shared / "deals.parquet", resume=resume)
    assert caught.value.code == "NOT_OURS"
    assert untouched(precious)
    assert not (shared / "deals.parquet").exists()


@pytest.mark.parametrize("name", ["_b24data", "_b24data/run"])
def test_sync__what_has_the_name_of_its_memory_is_refused(portal, shared, precious, name):
    (shared / name).parent.mkdir(exist_ok=True)
    (shared / name).symlink_to(precious)
    with pytest.raises(ExportError, match=f"{name} is a link of "):
        sync(portal, shared)
    assert untouched(precious)


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_sync__a_part_that_is_no_file_is_refused(portal, shared, make):
    sync(portal, shared)
    make(shared / "ids-000000009999.parquet")
    with pytest.raises(ConfigError, match=r"ids-000000009999.parquet is a (FIFO|folder|link) of"):
        sync(portal, shared)


def test_sync__new_parts_are_as_private_as_the_others(portal, tmp_path, monkeypatch):
    sync(portal, tmp_path / "deals")
    [part] = (tmp_path / "deals").glob("*.parquet")
    part.chmod(0o600)
    portal.update("deals", portal.truth().ids[:2], {"TITLE": "changed"})
    modes = []
    real = os.fsync

    def seen(handle: int) -> None:
        facts = os.fstat(handle)
        if stat.S_ISREG(facts.st_mode):
            modes.append(stat.S_IMODE(facts.st_mode))
        real(handle)

    monkeypatch.setattr(os, "fsync", seen)
    sync(portal, tmp_path / "deals")
    assert modes
    assert {mode & 0o077 for mode in modes if mode != 0o644} <= {0}
    assert stat.S_IMODE(part.stat().st_mode) == 0o600


@as_root
def test_stranger__reads_a_dataset_that_they_may_read_and_nothing_beside_it(portal, shared):
    fetch(portal, shared / "x.parquet")
    sync(portal, shared / "deals")
    assert by_stranger(lambda: pd.read_parquet(shared / "deals")) == ""
    assert "PermissionError" in by_stranger((shared / "deals/_b24data/state.json").read_bytes)


FINGERPRINT = Fingerprint(method="crm.deal.list", portal="acme", query="{}", caller="1", fields="")


@as_root
def test_stranger__neither_reads_nor_forges_nor_removes_what_a_stopped_fetch_left(shared, monkeypatch):
    import pyarrow as pa

    with Job(shared / "deals.parquet", SYSTEM_CLOCK) as job:
        job.begin(FINGERPRINT)
        job.keep([pa.RecordBatch.from_pydict({"ID": [1, 2]})], Checkpoint(last_id=2, pinned_id=9))
    folder = folder_of(shared / "deals.parquet")
    monkeypatch.setenv("B24DATA_STATE_DIR", str(shared / "state-of-another"))

    def theirs() -> None:
        with Job(shared / "deals.parquet", SYSTEM_CLOCK) as job:
            job.discard()

    for act in (
        (folder / "part-000000.arrow").read_bytes,
        (folder / "manifest.json").unlink,
        lambda: (folder / "manifest.json").write_text("{}"),
        (folder / "part-000001.arrow").touch,
        theirs,
        lambda: discard(shared / "deals.parquet", SYSTEM_CLOCK),
    ):
        assert "PermissionError" in by_stranger(act) or "is a folder of root" in by_stranger(act)
    with Job(shared / "deals.parquet", SYSTEM_CLOCK) as job:
        assert job.begin(FINGERPRINT)


@as_root
def test_stranger__a_manifest_that_they_put_there_is_not_gone_on_with(shared, tmp_path, monkeypatch):
    import pyarrow as pa

    monkeypatch.setenv("B24DATA_STATE_DIR", str(tmp_path / "state"))

    def forge() -> None:
        os.environ["B24DATA_STATE_DIR"] = str(shared / "theirs")
        with Job(shared / "deals.parquet", SYSTEM_CLOCK) as job:
            job.begin(FINGERPRINT)
            job.keep([pa.RecordBatch.from_pydict({"ID": [666]})], Checkpoint(last_id=666, pinned_id=999))

    assert by_stranger(forge) == ""
    with (
        pytest.raises(ExportError, match=f"unfinished is a folder of user {STRANGER}"),
        Job(shared / "deals.parquet", SYSTEM_CLOCK),
    ):
        pass
    (tmp_path / "state/unfinished").mkdir(parents=True, mode=0o700)
    (tmp_path / "state").chmod(0o700)
    (tmp_path / "state/unfinished").chmod(0o700)
    (tmp_path / "state/unfinished/1.json").write_text(f'"{folder_of(shared / "deals.parquet")}"')
    assert unfinished(0.0) == []
