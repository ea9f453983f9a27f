"""What ``connect()`` goes by in this process: the profile that a sign-in chose, and whether a panel waits for the user.

A choice ends with the process: a click must not decide which portal a later script uses.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from b24data.auth.profiles import Profiles

_lock = threading.Lock()
_chosen: dict[str, str] = {}  # by the place of the profiles
_waiting: list[Callable[[], bool]] = []


def choose(profiles: Profiles, name: str | None) -> None:
    """From now on ``connect()`` without a name takes this profile; None takes the choice back."""
    with _lock:
        _chosen.pop(str(profiles.shelf), None)
        if name is not None:
            _chosen[str(profiles.shelf)] = name


def chosen(profiles: Profiles) -> str | None:
    """The profile that was chosen in this process, if it is still there."""
    with _lock:
        name = _chosen.get(str(profiles.shelf)) if _chosen else None
    return name if name is not None and name in profiles.names() else None


def waits(still: Callable[[], bool]) -> None:
    """A panel was shown; ``still`` says whether it still waits for the user."""
    with _lock:
        _waiting[:] = [one for one in _waiting if one()]
        _waiting.append(still)


def panel_waits() -> bool:
    """Whether a panel waits for the user to sign in or to choose a portal."""
    with _lock:
        return any(still() for still in _waiting)
