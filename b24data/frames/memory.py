"""Memory for columns: the process's own allocator in place of Arrow's pool.

That pool keeps what a thread once took, and columns are made in one thread and let go in another: it took
more memory and more processor time.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

POOL = pa.system_memory_pool()


class _Kernels:
    """The functions of ``pyarrow.compute``, with :data:`POOL` for what they make."""

    def __getattr__(self, name: str) -> Any:
        kernel = functools.partial(getattr(pc, name), memory_pool=POOL)
        setattr(self, name, kernel)
        return kernel


kernels = _Kernels()


# pyarrow has one default pool for all threads, so the last run that ends puts the caller's own back.
_runs: list[pa.MemoryPool] = []
_lock = threading.Lock()


@contextlib.contextmanager
def shared_memory() -> Iterator[None]:
    """Take :data:`POOL` for whatever names no pool of its own, such as ``take`` and ``filter``, meanwhile."""
    with _lock:
        if not _runs:
            _runs.append(pa.default_memory_pool())
        _runs.append(POOL)
        pa.set_memory_pool(POOL)
    try:
        yield
    finally:
        with _lock:
            _runs.pop()
            if len(_runs) == 1:
                pa.set_memory_pool(_runs.pop())


def give_back() -> None:
    """Return free memory to the system, where several threads have worked: each kept an arena of its own."""
    pa.default_memory_pool().release_unused()
    if (trim := _c_library("malloc_trim")) is not None:
        trim(0)


def few_arenas() -> None:
    """Let the threads of this process share two arenas: for a program whose process is its own.

    The GNU C library has eight for each processor, and each keeps what the largest answer once took (mallopt(3)).
    """
    if (mallopt := _c_library("mallopt")) is not None:
        mallopt(_M_ARENA_MAX, 2)


_M_ARENA_MAX = -8  # malloc.h


@functools.cache
def _c_library(name: str) -> Any:
    """A function of the GNU C library; None elsewhere."""
    if sys.platform != "linux":
        return None
    return getattr(ctypes.CDLL(None), name, None)
