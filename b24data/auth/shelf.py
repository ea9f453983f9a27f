"""Where documents with secrets are kept: a pair of tokens, or a profile with its pair, each under a name."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from b24data.auth.cipher import Cipher
from b24data.errors import ALREADY_RUNNING, ConfigError, ExportError, RefreshTokenError
from b24data.files.atomic import read_private, remove_temp_siblings, write_whole
from b24data.files.disk import told
from b24data.files.locks import locked
from b24data.files.places import make_profiles_folder
from b24data.secret import Secret

LOCK_S = 180.0  # longer than a refresh can take
LEASE_S = 5.0  # as long as a killed program may take to go
# Not what Windows takes for a device, such as nul and com1, nor a dot in the end, which it leaves off.
PROFILE_NAME = re.compile(r"(?!(?:con|prn|aux|nul|(?:com|lpt)\d)(?:\.|$))\w(?:[\w.-]{0,62}[\w-])?", re.IGNORECASE)


class Document(Protocol):
    """One document. Its text says where it is, without a secret."""

    def read(self) -> Secret[bytes] | None:
        """The content; None where there is no such document."""

    def write(self, content: Secret[bytes]) -> None:
        """Replace the document as a whole, or not at all."""

    def remove(self) -> None:
        """Remove the document if it is there."""

    def lock(self) -> AbstractContextManager[None]:
        """Exclude every other thread and program; :class:`RefreshTokenError` if one holds it for minutes."""


class Shelf(Protocol):
    """All documents of one place. Its text says which place, without a secret."""

    @property
    def kind(self) -> str:
        """What ``B24DATA_TOKEN_STORE`` calls such a place."""

    def names(self) -> list[str]:
        """The names of the documents."""

    def document(self, name: str) -> Document:
        """The document of that name, whether it is there or not."""

    def prepare(self) -> None:
        """Make the place ready to be written to."""

    def leftovers(self) -> list[Path]:
        """Files there that nothing reads."""

    def lease(self, portal: str) -> AbstractContextManager[None]:
        """Be the only program that reads ``portal`` for an engine, until the block or the program ends.

        :raises ExportError: another one is; its code is ``ALREADY_RUNNING``.
        """


def already_read(portal: str, shelf: Shelf) -> ExportError:
    """The error of the second program that wants the lease of a portal."""
    return ExportError(
        f"another run on an engine is reading {portal} (its lease is in {shelf})",
        code=ALREADY_RUNNING,
        hint="wait until that run has ended; a second one on the same portal would not be faster",
    )


class FileDocument:
    """A file that only its owner may read (0600), replaced atomically; encrypted where there is a ``cipher``."""

    def __init__(self, path: Path, cipher: Cipher | None = None) -> None:
        self.path = path
        self._cipher = cipher

    def __str__(self) -> str:
        return str(self.path)

    def read(self) -> Secret[bytes] | None:
        """The content of the file."""
        try:
            content = Secret(read_private(self.path))
        except FileNotFoundError:
            return None
        return content if self._cipher is None else self._cipher.decrypt(content, self.path.stem, place=self)

    def write(self, content: Secret[bytes]) -> None:
        """Write a file beside it and put that in its place."""
        if self._cipher is not None:
            content = Secret(self._cipher.encrypt(content, self.path.stem))
        self._make_folder()
        write_whole(self.path, content, private=True)

    def remove(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold ``<file>.lock``."""
        self._make_folder()
        text = f"another program has held {self.path}.lock for {LOCK_S:.0f} s"
        with locked(f"{self.path}.lock", patience_s=LOCK_S, busy=RefreshTokenError(text, code="LOCKED")):
            remove_temp_siblings(self.path)
            yield

    def _make_folder(self) -> None:
        with told(self.path.parent):
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)


class Folder:
    """A folder with a file for each document."""

    def __init__(self, folder: Path, cipher: Cipher | None = None) -> None:
        self.folder = folder
        self._cipher = cipher

    def __str__(self) -> str:
        return str(self.folder)

    @property
    def kind(self) -> str:
        """With a cipher its key is in the keyring."""
        return "keyring" if self._cipher else "file"

    def names(self) -> list[str]:
        """The names of the files."""
        try:
            files = [path for path in self.folder.iterdir() if path.suffix == ".json"]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise ConfigError(
                f"{self.folder} can't be read: {error.strerror}", hint="set B24DATA_CONFIG_DIR to another folder"
            ) from error
        return sorted(path.stem for path in files if PROFILE_NAME.fullmatch(path.stem))

    def document(self, name: str) -> FileDocument:
        """The file of that name."""
        return FileDocument(self.folder / f"{name}.json", self._cipher)

    def prepare(self) -> None:
        """Make the folder, for this user alone."""
        make_profiles_folder(self.folder)

    def leftovers(self) -> list[Path]:
        """Copies, and what killed programs and old versions left."""
        used = {file for name in self.names() for file in (f"{name}.json", f"{name}.json.lock")}
        try:
            return sorted(path for path in self.folder.iterdir() if path.is_file() and path.name not in used)
        except OSError:
            return []

    def lease(self, portal: str) -> AbstractContextManager[None]:
        """Hold a lock file in ``locks``: the programs of this machine see it."""
        self.prepare()
        folder = self.folder / "locks"
        make_profiles_folder(folder)
        name = re.sub(r"[^\w.-]", "-", portal)
        return locked(folder / f"lease-{name}.lock", patience_s=LEASE_S, busy=already_read(portal, self))
