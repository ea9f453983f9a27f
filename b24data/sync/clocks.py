"""The two clocks of a sync: what a portal's times mean for what is to be asked for next. Pure."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Any

from b24data.errors import ConfigError

_LEAST_S = 2.0
_MOST_S = 1e9
_UNITS = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "day": 86_400, "days": 86_400, "w": 604_800}


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One moment by the portal's clock, as it writes it, and by ours (unix seconds)."""

    portal: str
    local: float

    @property
    def portal_s(self) -> float:
        """The portal's clock in unix seconds."""
        return dt.datetime.fromisoformat(self.portal).timestamp()


def jump_between(before: Moment, now: Moment) -> float:
    """How far one of the clocks was moved since: seconds by which the two disagree on what has passed.

    Portals tell whole seconds, so less than two of them are not a jump.

    >>> before = Moment(portal="2026-11-25T10:00:00+03:00", local=0)
    >>> jump_between(before, Moment(portal="2026-11-25T09:30:00+03:00", local=1800))
    3600.0
    """
    jump = abs((now.portal_s - before.portal_s) - (now.local - before.local))
    return jump if jump >= _LEAST_S else 0.0


def earlier(portal: str, seconds: float) -> str:
    """A time of the portal this many seconds earlier, in the same zone; parts of a second are dropped.

    >>> earlier("2026-11-25T10:00:00+03:00", 600)
    '2026-11-25T09:50:00+03:00'
    """
    moment = dt.datetime.fromisoformat(portal) - dt.timedelta(seconds=seconds)
    return moment.replace(microsecond=0).isoformat()


def seconds_of(duration: str | float | dt.timedelta) -> float:
    """A duration in seconds: a number of them, a ``timedelta``, or a text.

    >>> seconds_of("10min"), seconds_of("2 h"), seconds_of(90)
    (600.0, 7200.0, 90.0)
    """
    seconds = -1.0
    plain: Any = duration
    if type(plain).__module__ == "numpy":
        plain = (plain.astype("m8[us]") if plain.dtype.kind == "m" else plain).item()  # nanoseconds become a number
    if isinstance(plain, dt.timedelta):
        seconds = plain.total_seconds()
    elif isinstance(plain, str):
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]+)", plain.strip().lower())
        if match and match[2] in _UNITS:
            seconds = float(match[1]) * _UNITS[match[2]]
    elif isinstance(plain, int | float) and not isinstance(plain, bool) and abs(plain) < _MOST_S:
        seconds = float(plain)
    if not 0 <= seconds < _MOST_S:
        raise ConfigError(f"{duration!r} is not a duration", hint='write "10min", "2h", "1d", or a number of seconds')
    return seconds
