"""Encryption of kept tokens, by a key that is elsewhere: in the environment, or in the keyring of a desktop."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import TYPE_CHECKING

from b24data.errors import ConfigError, extra
from b24data.files.locks import locked
from b24data.files.places import make_profiles_folder
from b24data.secret import Sealed, Secret

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

KEY = "B24DATA_TOKEN_KEY"
_MAKE = 'python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'
_SERVICE, _USER = "b24data", "token key"  # what the keyring shows to its owner


class Cipher:
    """Encrypts with the first of ``keys`` (separated by commas) and decrypts with each of them (Fernet: AES, HMAC).

    What is encrypted under one name is not decrypted under another: so the tokens of one portal cannot replace
    another's.

    >>> cipher = Cipher(Secret("YjI0ZGF0YSBpcyBtYWRlIG9mIHRoaXJ0eS10d28gYiE="))
    >>> cipher.decrypt(Secret(cipher.encrypt(Secret(b"a-secret"), "acme")), "acme", place="here") == Secret(b"a-secret")
    True
    """

    def __init__(self, keys: Secret[str], *, extra: str = "token-store") -> None:
        self._keys = keys
        self._extra = extra
        if not re.fullmatch(r"[\w=-]+(,[\w=-]+)*", keys.reveal()):
            raise ConfigError("there is no key to encrypt the tokens with", hint=f"set {KEY}; make a key: {_MAKE}")
        _ = self._fernet

    @functools.cached_property
    def _fernet(self) -> MultiFernet:
        with extra(self._extra, "encrypting tokens"):
            from cryptography.fernet import Fernet, MultiFernet
        try:
            with Sealed():
                return MultiFernet(list(map(Fernet, self._keys.reveal().split(","))))
        except ValueError:
            raise ConfigError(
                "a key for the tokens is 32 bytes in url-safe base64, and this is something else",
                hint=f"make one: {_MAKE}",
            ) from None

    def encrypt(self, content: Secret[bytes], name: str) -> bytes:
        """``content``, to be kept under ``name``."""
        with Sealed():
            return self._fernet.encrypt(b"%s\n%s" % (name.encode(), content.reveal()))

    def decrypt(self, content: Secret[bytes], name: str, *, place: object) -> Secret[bytes]:
        """What was encrypted under ``name``; :class:`ConfigError` that names ``place`` for everything else."""
        from cryptography.fernet import InvalidToken

        try:
            with Sealed():
                plain = Secret(self._fernet.decrypt(content.reveal()))
        except InvalidToken:
            raise ConfigError(
                f"{place} can't be decrypted with this key",
                hint=f"set {KEY} to the key that encrypted it; if that is lost, sign in again",
            ) from None
        begin = b"%s\n" % name.encode()
        if not plain.reveal().startswith(begin):
            raise ConfigError(f"{place} was saved under another name", hint="sign in again")
        return Secret(plain.reveal().removeprefix(begin))


def key_of_keyring(folder: Path) -> Secret[str]:
    """The key in the keyring of this desktop; made there the first time, under a lock in ``folder``.

    :raises ConfigError: there is no keyring here, or it is locked.
    """
    with extra("keyring", "tokens in the keyring"):
        import keyring
        from cryptography.fernet import Fernet
        from keyring.errors import KeyringError
    make_profiles_folder(folder)
    make_profiles_folder(folder / "locks")
    try:
        with locked(folder / "locks" / "key.lock", patience_s=60.0):
            with Sealed():
                key = Secret(keyring.get_password(_SERVICE, _USER) or "")
            if not key:
                key = Secret(Fernet.generate_key().decode())
                with Sealed():
                    keyring.set_password(_SERVICE, _USER, key.reveal())
            return key
    except TimeoutError:
        text, hint = "another program waits for the keyring to be unlocked", "answer its question, and try again"
    except (KeyringError, RuntimeError, OSError) as error:
        text = f"the keyring of this computer does not answer: {type(error).__name__}"
        hint = "unlock it; where there is none, as on a server, set B24DATA_TOKEN_STORE=file"
    raise ConfigError(text, hint=hint)
