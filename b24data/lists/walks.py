"""Which walk reads a list."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
from collections.abc import Callable, Generator
from typing import TypeVar

from b24data.http.log_filter import tell
from b24data.lists.blocks import BlockWalk
from b24data.lists.counted import CountedWalk
from b24data.lists.cursors import CursorWalk
from b24data.lists.keyset import KeysetWalk
from b24data.lists.methods import WalkKind
from b24data.lists.reader import PageReader
from b24data.lists.walk import Decode, Walk, WalkFacts, broken_off
from b24data.lists.whole import EmptyWalk, WholeWalk

T = TypeVar("T")

_WALKS: dict[WalkKind, Callable[[PageReader, WalkFacts], Walk]] = {
    "whole": WholeWalk,
    "offset": CountedWalk,
    "offset_limit": CountedWalk,
    "page_nav": CountedWalk,
    "last_id": CursorWalk,
    "v3_keyset": CursorWalk,
    "v3_tail": CursorWalk,
}


def walk_of(reader: PageReader, facts: WalkFacts, *, workers: int | None = None, count: bool = False) -> Walk:
    """The walk for the plan of ``reader``, which keeps ``facts`` about itself.

    ``workers`` is the most requests under way at once; with ``count`` the portal counts a list by ids in the end.
    """
    plan = reader.plan
    if isinstance(follower := plan.spec.deprecated, str):
        tell_deprecated(plan.method, follower, reader.session.logger)
    if plan.empty:
        return EmptyWalk(reader, facts)
    if plan.by:
        return BlockWalk(reader, facts, workers)
    if plan.walk == "keyset":
        return KeysetWalk(reader, facts, workers=workers, count=count)
    return _WALKS[plan.walk](reader, facts)


def read_list(reader: PageReader, decode: Decode[T], facts: WalkFacts) -> Generator[T, None, None]:
    """All rows of a list whose decoder needs no first page, block by block; errors as :func:`broken_off` tells them."""
    with broken_off(reader.plan.method, facts):
        walk = walk_of(reader, facts)
        walk.open()
        with contextlib.closing(walk.blocks(decode)) as blocks:
            yield from blocks


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
