"""The user's own folders: what lasts, what may be deleted, the profiles, and what lasts until the next boot.

No other user can write to them: a folder that others own or can write to is refused. ``B24DATA_STATE_DIR`` and
``B24DATA_CONFIG_DIR`` set other ones.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

from b24data.errors import ConfigError
from b24data.files.ownership import file_kind, is_own, may_others_write, owner_of, user_name

_STATE, _CONFIG = "B24DATA_STATE_DIR", "B24DATA_CONFIG_DIR"


def data_folder(*below: str) -> Path:
    """The folder for what must outlive a reboot, or a folder below it; made when it is not there.

    :raises ConfigError: there is none that only this user can write to; the hint names ``B24DATA_STATE_DIR``.
    """
    import platformdirs

    return _below(_chosen(_STATE, lambda: platformdirs.user_state_path("b24data", appauthor=False)), below)


def cache_folder(*below: str) -> Path:
    """The folder for what may be deleted at any time, since it can be asked for again; as :func:`data_folder`."""
    import platformdirs

    return _below(_chosen(_STATE, lambda: platformdirs.user_cache_path("b24data", appauthor=False)), below)


def config_folder() -> Path:
    """Where the folder of the profiles and ``exports.toml`` lie; not made here, but by :func:`make_profiles_folder`.

    :raises ConfigError: no home folder is known; the hint names ``B24DATA_CONFIG_DIR``.
    """
    if given := os.environ.get(_CONFIG):
        return Path(given)
    import platformdirs

    return _at_home(lambda: platformdirs.user_config_path("b24data", appauthor=False), _CONFIG)


def make_profiles_folder(folder: Path) -> None:
    """Make the folder of the profiles; :class:`ConfigError` if it can't be for this user alone."""
    if not os.environ.get(_CONFIG):
        _check_home(folder, _CONFIG)
    make_private(folder, _CONFIG)


def runtime_folder(*, chosen: bool = True) -> Path:
    """The folder for what lasts until the next boot, and is never on a network; made when it is not there.

    It is that of ``B24DATA_STATE_DIR``, unless ``chosen`` is false, else one in ``XDG_RUNTIME_DIR`` or in the
    temporary folder. Raises :class:`ConfigError` as :func:`data_folder` does.
    """
    if chosen and (given := os.environ.get(_STATE)):
        return make_private(Path(given), _STATE)
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if runtime and _is_mine(Path(runtime)):
        return make_private(Path(runtime, "b24data"), _STATE)
    user = f"-{os.geteuid()}" if hasattr(os, "geteuid") else ""
    return make_private(Path(tempfile.gettempdir(), f"b24data{user}"), _STATE)


def _is_mine(folder: Path) -> bool:
    """Whether it is a folder of this user: a shell that became another user may still name that of the first."""
    try:
        facts = folder.stat()
    except OSError:
        return False
    return stat.S_ISDIR(facts.st_mode) and is_own(facts)


def _chosen(variable: str, default: Callable[[], Path]) -> Path:
    if given := os.environ.get(variable):
        return make_private(Path(given), variable)
    folder = _at_home(default, variable)
    _check_home(folder, variable)
    return make_private(folder, variable)


def _at_home(default: Callable[[], Path], variable: str) -> Path:
    """A folder in the home of the user, who may have none: in a container, as a number without a name."""
    try:
        folder = default()
    except (RuntimeError, KeyError):
        folder = Path()
    if not folder.is_absolute():
        raise ConfigError("this user has no home folder", hint=f"set HOME, or set {variable} to a folder of yours")
    return folder


def _check_home(folder: Path, variable: str) -> None:
    """Raise if the folder would be created in another user's home, as by sudo: they could not use it then."""
    there = next((at for at in (folder, *folder.parents) if os.path.lexists(at)), folder)
    try:
        facts = there.stat()
    except OSError:
        return  # what is wrong with it is said when it is made
    if not is_own(facts, or_root=True):
        raise ConfigError(
            f"{there} belongs to {owner_of(facts)}, and this program runs as {user_name(os.geteuid())}",
            hint=f"set HOME to your own home folder, or {variable} to a folder of yours",
        )


def _below(folder: Path, names: tuple[str, ...]) -> Path:
    for name in names:
        folder = make_private(folder / name, _STATE)
    return folder


def make_private(folder: Path, variable: str) -> Path:
    """The folder, made (0700) if it is not there; :class:`ConfigError` if anybody else may write to it.

    >>> make_private(Path(tempfile.mkdtemp(), "state"), "B24DATA_STATE_DIR").name
    'state'
    """
    hint = f"set {variable} to a folder of yours"
    try:
        # Those around it as well: `parents=True` would give them what the umask leaves, and a shared server has 002.
        for at in (*reversed(folder.parents), folder):
            if at == folder or not at.exists():
                at.mkdir(mode=0o700, exist_ok=True)
        link, facts = folder.lstat(), folder.stat()
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(f"the folder {folder} can't be made: {said}", hint=hint) from error
    if not is_own(link, or_root=True):
        raise ConfigError(f"{folder} is {file_kind(link)} of {owner_of(link)}", hint=hint)
    if not is_own(facts):
        raise ConfigError(f"{folder} is a folder of {owner_of(facts)}", hint=hint)
    if may_others_write(facts):
        raise ConfigError(
            f"{folder} is not a folder that only its owner can write to", hint=f"chmod 700 {folder}, or {hint}"
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(f"{folder} can't be written to", hint=hint)
    return folder
