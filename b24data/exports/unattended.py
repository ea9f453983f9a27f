"""An unattended run."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def unattended(folder: Path) -> Iterator[None]:
    """No prompts; paths and the ``.env`` file are those of ``folder``; SIGTERM works as Ctrl-C.

    >>> with unattended(Path.cwd()):
    ...     os.environ["B24DATA_NONINTERACTIVE"]
    '1'
    """
    before = os.environ.get("B24DATA_NONINTERACTIVE")
    os.environ["B24DATA_NONINTERACTIVE"] = before or "1"
    is_main = threading.current_thread() is threading.main_thread()
    handler = signal.signal(signal.SIGTERM, signal.default_int_handler) if is_main else None
    try:
        with contextlib.chdir(folder):
            yield
    finally:
        if is_main:
            signal.signal(signal.SIGTERM, handler)
        if before is None:
            del os.environ["B24DATA_NONINTERACTIVE"]
        else:
            os.environ["B24DATA_NONINTERACTIVE"] = before
