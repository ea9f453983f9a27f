"""An unattended run: no prompts, and an environment that means the same wherever it runs."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path


@contextlib.contextmanager
def unattended(folder: Path) -> Iterator[None]:
    """No prompts; paths and the ``.env`` file are those of ``folder``; SIGTERM works as Ctrl-C.

    The folders and files that the environment names are those of the folder before, for programs that are started too.

    >>> with unattended(Path.cwd()):
    ...     os.environ["B24DATA_NONINTERACTIVE"]
    '1'
    """
    here = from_root(os.environ)
    here["B24DATA_NONINTERACTIVE"] = os.environ.get("B24DATA_NONINTERACTIVE") or "1"
    before = {name: os.environ.get(name) for name in here}
    os.environ.update(here)
    is_main = threading.current_thread() is threading.main_thread()
    handler = signal.signal(signal.SIGTERM, signal.default_int_handler) if is_main else None
    try:
        with contextlib.chdir(folder):
            yield
    finally:
        if is_main:
            signal.signal(signal.SIGTERM, handler)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


_FOLDERS = (
    *("B24DATA_CONFIG_DIR", "B24DATA_STATE_DIR", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"),
    *("XDG_DATA_HOME", "XDG_RUNTIME_DIR", "SSL_CERT_FILE"),
)
_LISTS = ("JUPYTER_PATH", "SSL_CERT_DIR")  # of folders, as PATH is one
PATHS = (*_FOLDERS, *_LISTS)


def from_root(environment: Mapping[str, str]) -> dict[str, str]:
    """The folders and files that an environment names, from the root, so that they are the same in another folder.

    >>> from_root({"B24DATA_STATE_DIR": "/state", "JUPYTER_PATH": "/a:/b", "TZ": "UTC"})
    {'B24DATA_STATE_DIR': '/state', 'JUPYTER_PATH': '/a:/b'}
    """
    found = {name: _absolute(environment[name]) for name in _FOLDERS if environment.get(name)}
    for name in _LISTS:
        if given := environment.get(name):
            found[name] = os.pathsep.join(map(_absolute, given.split(os.pathsep)))
    return found


def _absolute(path: str) -> str:
    return str(Path(path).absolute()) if path else ""
