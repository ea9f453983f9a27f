"""When things happen: working hours, a busy and a quiet season, the last day of the records."""

from __future__ import annotations

import numpy as np

from b24data.sandbox.columns import ZONE_S, Ints

DAY = 86400
LAST_DAY = int(np.datetime64("2026-11-01").astype("datetime64[s]").astype(np.int64)) - ZONE_S
SPAN_DAYS = 730
_OPENS, _CLOSES = 9 * 3600, 19 * 3600
# How much of the business comes in each month, January first.
_SEASON = np.array([0.62, 0.85, 1.05, 1.1, 0.9, 0.95, 0.75, 0.8, 1.15, 1.25, 1.3, 1.28])


def arrivals(rng: np.random.Generator, count: int, *, head_start: int = 0) -> Ints:
    """Rising moments of two years, faster every month, on working days and in working hours.

    ``head_start`` is how many days before the others the first ones came.

    >>> moments = arrivals(np.random.default_rng(7), 500)
    >>> bool((np.diff(moments) >= 0).all()), bool(moments.max() < LAST_DAY)
    (True, True)
    """
    days = LAST_DAY - DAY * np.arange(SPAN_DAYS + head_start, 0, -1)
    weekday = ((days + ZONE_S) // DAY + 3) % 7  # 1970-01-01 was a Thursday
    weight = season(days) * np.linspace(0.5, 1.3, len(days)) * np.where(weekday < 5, 1.0, 0.03)
    edges = np.cumsum(weight)
    rank = (np.arange(count) + 0.5) / max(count, 1) * edges[-1]
    moments = days[np.searchsorted(edges, rank)] + rng.integers(_OPENS, _CLOSES, count)
    return np.sort(moments)


def season(moments: Ints) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """How busy the months of these moments are; 1 is usual."""
    months = (moments + ZONE_S).astype("datetime64[s]").astype("datetime64[M]").astype(np.int64) % 12
    return _SEASON[months]


def midnight(moments: Ints) -> Ints:
    """The same days, at their first second by the portal's clock."""
    days: Ints = (moments + ZONE_S) // DAY
    return days * DAY - ZONE_S


def working(moments: Ints) -> Ints:
    """The same moments, or some on the next working day for those outside working hours."""
    second = (moments + ZONE_S) % DAY
    spare = second * 7919 % (_CLOSES - _OPENS)  # over the whole day, not all of them in its first minutes
    start = midnight(moments)
    moved = np.where(second < _OPENS, start + _OPENS + spare, moments)
    moved = np.where(second >= _CLOSES, start + DAY + _OPENS + spare, moved)
    weekday = ((moved + ZONE_S) // DAY + 3) % 7
    later: Ints = moved + np.where(weekday >= 5, 7 - weekday, 0) * DAY
    return later
