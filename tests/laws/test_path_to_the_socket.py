"""How many of our own functions, in how many files, lie between what a person calls and the next library."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

import b24data
from b24data import Sandbox
from b24data.http.transport import Transport

PACKAGE = Path(b24data.__file__).parent
Way = tuple[tuple[str, str], ...]


@pytest.fixture
def ways(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[Way]]:
    """The functions of the package on the way to each request, as files and names, the outermost first."""
    found: set[Way] = set()
    post = Transport.post

    def recorded(self, *args, **options):
        frames = ((Path(frame.filename), frame.name) for frame in traceback.extract_stack()[:-1])
        ours = [(path, name) for path, name in frames if path.is_relative_to(PACKAGE) and "sandbox" not in path.parts]
        found.add((*((str(path), name) for path, name in ours), ("transport.py", "post")))
        return post(self, *args, **options)

    monkeypatch.setattr(Transport, "post", recorded)
    yield found


def fits(way: Way, functions: int, files: int) -> bool:
    return len(way) <= functions and len({path for path, _ in way}) <= files


def through(ways: set[Way], *names: str) -> list[Way]:
    return [way for way in ways if {name for _, name in way} >= set(names)]


def test_call__is_four_functions_in_three_files(ways: set[Way]) -> None:
    with Sandbox(deals=3) as portal:
        portal.connect().actions.v2.call.make(method="profile")
    [way] = through(ways, "make")
    assert fits(way, 4, 3)


def test_fetch_all__opens_a_walk_and_reads_it_by_a_short_way(ways: set[Way]) -> None:
    with Sandbox(deals=6_000, rate_limit=None, cost=0.0) as portal:
        portal.connect().tools.fetch_all("crm.deal.list", ["ID"], progress=False)
    [opening] = through(ways, "open")
    assert fits(opening, 8, 6)
    workers = through(ways, "_ask_chains")
    assert workers
    assert [way for way in workers if not fits(way, 5, 4)] == []
