"""Whatever becomes of the files that a fetch or a sync goes on with: the right rows, or an error of ours."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from b24data.errors import SdkError
from b24data.fetch.job import Job
from b24data.fetch.manifest import Checkpoint, Fingerprint, folder_of
from b24data.fetch.unfinished import unfinished
from b24data.files.sealed import DamagedError, seal, unsealed
from b24data.sync.clocks import Moment
from b24data.sync.state import Run, State, Store
from tests.http.fakes import FakeClock

FINGERPRINT = Fingerprint(
    method="crm.deal.list", portal="acme.bitrix24.com", query="{}", caller="acme user 1", fields="f"
)
CHECKPOINT = Checkpoint(last_id=7, pinned_id=99, window=("a", "b"), seconds=2.0, columns={"PHONE": {"list": True}})

# Bytes that take the place of others: where (a share of the file), what, and how many go.
changes = st.lists(
    st.tuples(
        st.floats(0, 1), st.binary(max_size=4) | st.sampled_from([b"9", b'"', b"}", b"e308", b"\0"]), st.integers(0, 4)
    ),
    min_size=1,
    max_size=5,
)


def changed(data: bytes, how: list[tuple[float, bytes, int]]) -> bytes:
    found = bytearray(data)
    for where, new, gone in how:
        at = int(where * len(found))
        found[at : at + gone] = new
    return bytes(found)


@pytest.fixture
def left(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("B24DATA_STATE_DIR", str(tmp_path / "state"))
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / "deals.parquet"


def keep(target: Path) -> None:
    with Job(target, FakeClock()) as job:
        job.discard()
        job.begin(FINGERPRINT)
        job.keep([pa.RecordBatch.from_pydict({"ID": list(range(4))})], Checkpoint(last_id=3, pinned_id=99))
        job.keep([pa.RecordBatch.from_pydict({"ID": list(range(4, 8))})], CHECKPOINT)


def check_manifest(target: Path, how: list[tuple[float, bytes, int]]) -> None:
    keep(target)
    manifest = folder_of(target) / "manifest.json"
    manifest.write_bytes(changed(manifest.read_bytes(), how))
    unfinished(0.0)
    with Job(target, FakeClock()) as job:
        kept = job.begin(FINGERPRINT)
        rows = [value for batch in job.batches() for value in batch.column(0).to_pylist()]
    assert (kept, rows) in ((None, []), (replace(CHECKPOINT, rows=8), list(range(8))))


def check_part(target: Path, how: list[tuple[float, bytes, int]]) -> None:
    keep(target)
    part = folder_of(target) / "part-000001.arrow"
    part.write_bytes(changed(part.read_bytes(), how))
    with Job(target, FakeClock()) as job:
        try:
            kept = job.begin(FINGERPRINT)
            rows = [value for batch in job.batches() for value in batch.column(0).to_pylist()]
        except SdkError:
            return
    assert (kept is None, rows) in ((True, []), (False, list(range(8))))


def check_state(folder: Path, how: list[tuple[float, bytes, int]]) -> None:
    store = Store(folder)
    began = Moment(portal="2026-11-28T10:00:00+03:00", local=1_790_000_000.0)
    query = {"select": ["ID"], "filter": {}}
    state = State(number=3, query=query, began=began)
    with store.held():
        store.begin(Run(number=4, query=query, began=began, since=None))
        store.finish(Run(number=3, query=query, began=began, since=None), ["ids-000000000000.parquet"])
    for file, read in (("state.json", store.state),):
        path = store.folder / file
        path.write_bytes(changed(path.read_bytes(), how))
        try:
            found = read()
        except SdkError:
            continue
        assert found is not None
        assert (found.number, found.query, found.began) == (state.number, state.query, state.began)


FEW = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
MANY = settings(FEW, max_examples=1_000)


@FEW
@given(how=changes)
def test_fuzz__a_manifest(left, how):
    check_manifest(left, how)


@FEW
@given(how=changes)
def test_fuzz__a_part(left, how):
    check_part(left, how)


@FEW
@given(how=changes)
def test_fuzz__the_state_of_a_sync(tmp_path, how):
    check_state(tmp_path, how)


@pytest.mark.soak
@MANY
@given(how=changes)
def test_soak__files_of_fetches_and_syncs(left, tmp_path, how):
    check_manifest(left, how)
    check_part(left, how)
    check_state(tmp_path, how)


def test_sealed__half_of_a_character_is_kept_as_an_escape():
    run = Run(number=1, query={"filter": "\ud83d"}, began=Moment(portal="", local=0.0), since=None)
    assert unsealed(seal(run), Run, now=run.version).query == {"filter": "\\ud83d"}


def test_sealed__a_sum_that_is_missing_is_damage():
    run = Run(number=1, query={}, began=Moment(portal="", local=0.0), since=None)
    sealed = seal(run)
    with pytest.raises(DamagedError):
        unsealed(sealed.replace(b'"check"', b'"chekc"'), Run, now=run.version)
