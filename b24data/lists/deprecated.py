"""Deprecated methods, told once a process: a report of every night need not repeat it."""

from __future__ import annotations

import logging
import sys
import threading

from b24data.http.log_filter import tell

__all__ = ["tell_deprecated"]

_lock = threading.Lock()
_told: set[str] = set()


def tell_deprecated(method: str, follower: str, logger: logging.Logger) -> None:
    """Log once that ``method`` is deprecated, and what to use. A warning where a person watches, else a detail."""
    with _lock:
        is_new = method not in _told
        _told.add(method)
    if is_new:
        is_watched = "ipykernel" in sys.modules or (sys.stderr is not None and sys.stderr.isatty())
        level = logging.WARNING if is_watched else logging.INFO
        tell(logger, level, "%s is deprecated: use %s instead", method, follower)
