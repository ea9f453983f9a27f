"""How many functions of ours stand between a caller and the HTTP library, and in how many files.

Who reads the main path reads these. A number here only ever falls.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from b24data import B24Hook, Sandbox

PACKAGE = Path(__file__).parents[2] / "b24data"


@pytest.fixture(scope="module")
def portal() -> Iterator[Sandbox]:
    with Sandbox(deals=3_000) as portal:
        yield portal


@pytest.fixture
def b24(portal: Sandbox) -> Iterator[B24Hook]:
    with B24Hook(portal.webhook_url) as client:
        yield client


def own_frames() -> list[str]:
    """The functions of ours that are under way in this thread, the outermost first, each with its file."""
    frame, found = sys._getframe(1), []
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(PACKAGE):
            found.append(f"{path.relative_to(PACKAGE).as_posix()} {frame.f_code.co_qualname}")
        frame = frame.f_back
    return found[::-1]


def stacks(work: Callable[[], object]) -> dict[bool, list[list[str]]]:
    """The frames of ours at each moment when a request is handed over, by whether that was in a worker."""
    found: dict[bool, list[list[str]]] = {True: [], False: []}
    stream = httpx.Client.stream

    def noted(*args: Any, **options: Any) -> Any:
        found[threading.current_thread() is not threading.main_thread()].append(own_frames())
        return stream(*args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(httpx.Client, "stream", noted)
        work()
    return found


def call(b24: B24Hook, _: Path) -> None:
    b24.actions.v2.call.make(method="profile")


def fetch(b24: B24Hook, _: Path) -> None:
    b24.tools.fetch_all("crm.deal.list", progress=False)


def sync(b24: B24Hook, folder: Path) -> None:
    b24.tools.sync("crm.deal.list", to=folder / "deals", progress=False)


# What is done, whether its requests leave in a worker, through which file, and how many frames in how many files of
# ours stand there at most.
PATHS = {
    "a call": (call, False, "actions/v2.py", 4, 3),
    "a worker of a walk": (fetch, True, "lists/reader.py", 5, 4),
    "the opening of a fetch": (fetch, False, "lists/reader.py", 7, 6),
    "the fetch of a sync": (sync, False, "lists/reader.py", 11, 8),
}


@pytest.mark.parametrize("what", PATHS)
def test_the_way_to_the_http_library__is_short(b24: B24Hook, tmp_path: Path, what: str) -> None:
    work, in_a_worker, through, frames, files = PATHS[what]
    found = stacks(lambda: work(b24, tmp_path))[in_a_worker]
    deepest = max((path for path in found if through in map(file_of, path)), key=len)
    assert len(deepest) <= frames, "\n".join(deepest)
    assert len(set(map(file_of, deepest))) <= files, "\n".join(deepest)


def file_of(frame: str) -> str:
    return frame.partition(" ")[0]


def test_the_check_itself__sees_the_whole_way(b24: B24Hook, tmp_path: Path) -> None:
    assert stacks(lambda: call(b24, tmp_path))[False] == [
        [
            "actions/v2.py Call.make",
            "http/session.py Session.call",
            "http/session.py Session._send",
            "http/transport.py Transport.post",
        ]
    ]
