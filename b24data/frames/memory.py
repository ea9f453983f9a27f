"""Memory for columns: the process's own allocator in place of Arrow's pool.

That pool keeps what a thread once took, and columns are made in several threads and let go in another: it took
more memory and more processor time.
"""

from __future__ import annotations

import functools
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["POOL", "kernels"]

POOL = pa.system_memory_pool()


class _Kernels:
    """The functions of ``pyarrow.compute``, with :data:`POOL` for what they make."""

    def __getattr__(self, name: str) -> Any:
        kernel = functools.partial(getattr(pc, name), memory_pool=POOL)
        setattr(self, name, kernel)
        return kernel


kernels = _Kernels()
