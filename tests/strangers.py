"""A second user of the same machine, for tests that run as root: a child process under another number."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

STRANGER = 12_345

as_root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can be somebody else")


def by_stranger(act: Callable[[], object], uid: int = STRANGER) -> str:
    """What ``act`` raises when another user does it, as ``TypeError: text``; empty where it goes well."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        said = ""
        try:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
            act()
        except BaseException as error:  # noqa: BLE001  told to the parent
            said = f"{type(error).__name__}: {error}"
        os.write(writing, said.encode()[:4000])
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read().decode()
    os.waitpid(child, 0)
    return said
