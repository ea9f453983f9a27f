"""The place that ``B24DATA_TOKEN_STORE`` names: files, files that the desktop's keyring encrypts, or PostgreSQL."""

from __future__ import annotations

import os
import re

from b24data.auth.cipher import Cipher, key_of_keyring
from b24data.auth.shelf import Folder, Shelf
from b24data.errors import ConfigError
from b24data.files.places import config_folder
from b24data.secret import NOTHING, Secret

STORE = "B24DATA_TOKEN_STORE"


def shelf_at(address: str | Secret[str] | None = None) -> Shelf:
    """The place of an address, or else of ``B24DATA_TOKEN_STORE``, or else the files of this user.

    :raises ConfigError: it is not such an address, or its key is missing.

    >>> shelf_at("redis://cache")
    Traceback (most recent call last):
    b24data.errors.ConfigError: 'redis' is not a token store. Hint: give "file", "keyring" or "postgresql://...".
    """
    address = Secret(address) if isinstance(address, str) else address
    if address is not None and not isinstance(address, str | Secret):
        raise ConfigError(
            f"store is a {type(address).__name__}, and not the name of a token store",
            hint='give "file", "keyring" or "postgresql://..."; a store of your own goes into B24OAuth(..., store=...)',
        )
    wanted = Secret(os.environ.get(STORE, "") if address is None else address) or Secret("file")
    if wanted == Secret("file"):
        return Folder(config_folder() / "profiles")
    if wanted == Secret("keyring"):
        folder = config_folder() / "keyring"
        return Folder(folder, Cipher(key_of_keyring(folder), extra="keyring"))
    if re.match(r"postgres(ql)?://", wanted.reveal()):
        from b24data.auth.postgres import Database

        return Database(wanted, NOTHING)
    kind = re.match(r"[a-z0-9+]{0,16}", wanted.reveal(), re.IGNORECASE)
    raise ConfigError(
        f"{kind[0] if kind else ''!r} is not a token store", hint='give "file", "keyring" or "postgresql://..."'
    )
