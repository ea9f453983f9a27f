"""Which pool Arrow takes its memory from while several threads write files."""

from __future__ import annotations

import pyarrow as pa
import pytest

from b24data.frames.memory import POOL, give_back, shared_memory


@pytest.fixture
def own_pool():
    before = pa.default_memory_pool()
    pool = pa.proxy_memory_pool(pa.system_memory_pool())
    pa.set_memory_pool(pool)
    yield pool
    pa.set_memory_pool(before)


def test_shared_memory__is_taken_from_the_process_and_put_back_by_the_last_that_ends(own_pool):
    with shared_memory():
        with shared_memory():
            pa.array(range(1_000))
        pa.array(range(1_000))
        assert own_pool.bytes_allocated() == own_pool.max_memory() == 0
        assert pa.default_memory_pool().backend_name == POOL.backend_name
    kept = pa.array(range(1_000))
    assert own_pool.bytes_allocated() >= kept.nbytes


def test_shared_memory__is_put_back_after_an_error(own_pool):
    with pytest.raises(ValueError, match="broken"), shared_memory():
        raise ValueError("broken")
    kept = pa.array(range(1_000))
    assert own_pool.bytes_allocated() >= kept.nbytes


def test_give_back__leaves_what_is_in_use():
    kept = pa.array(range(100_000))
    give_back()
    assert kept[-1].as_py() == 99_999
