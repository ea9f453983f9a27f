"""The ``time`` object of an answer."""

from __future__ import annotations

from functools import lru_cache

from b24data.sandbox.columns import iso


@lru_cache(maxsize=256)
def _iso_second(second: int) -> str:
    return iso(second)


def time_json(start: float, finish: float, processing: float, operating: float, reset_at: float) -> bytes:
    """The object as limits.md and the method pages show it.

    >>> time_json(0.5, 1.0, 0.25, 3.5, 600.0)[:39]
    b'{"start":0.500000,"finish":1.000000,"du'
    """
    return (
        f'{{"start":{start:.6f},"finish":{finish:.6f},"duration":{finish - start:.6f},"processing":{processing:.6f},'
        f'"date_start":"{_iso_second(int(start))}","date_finish":"{_iso_second(int(finish))}",'
        f'"operating_reset_at":{int(reset_at)},"operating":{operating:.6f}}}'
    ).encode()
