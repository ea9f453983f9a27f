"""Targets that are not files of this machine: ``s3://bucket/deals.parquet`` and other addresses of fsspec.

The rows go to a file in the user's data folder, where a fetch that is stopped resumes. The file is uploaded when it is
whole, and removed when it has arrived: at the address there is the old file or the new one.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from b24data.errors import ALREADY_RUNNING, ConfigError, ExportError, extra
from b24data.files.atomic import is_address, name_of, path_of
from b24data.files.locks import locked
from b24data.files.places import data_folder
from b24data.report import FetchReport
from b24data.secret import Secret
from b24data.text.printable import one_line
from b24data.text.redact import redact

R = TypeVar("R")
# What is put there appears as a whole.
_AT_ONCE = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "memory"})
_WITH_BUCKETS = frozenset({"s3", "s3a", "gs", "gcs"})


@dataclass(frozen=True, slots=True)
class Place:
    """The file to write, and what is done with it when it is whole."""

    path: str | os.PathLike[str] | None
    remote: _Remote | None = None

    def done(self, report: R) -> R:
        """The report of the fetch, once the file is where it belongs."""
        if self.remote is None or not isinstance(report, FetchReport):
            return report
        self.remote.upload(Path(os.fspath(self.path or "")))
        return replace(report, target=str(self.remote))


@contextlib.contextmanager
def placed(to: str | os.PathLike[str] | None) -> Iterator[Place]:
    """The place of a target. An address is looked at before anything is fetched.

    :raises ConfigError: the address makes no sense, or its bucket is not there.
    :raises ExportError: another program writes to this address (code ``ALREADY_RUNNING``).
    """
    if not is_address(to):
        yield Place(to)
        return
    address = Secret(str(to))
    remote = _Remote(address)
    folder = data_folder("elsewhere", hashlib.sha256(address.reveal().encode()).hexdigest()[:12])
    busy = ExportError(f"another program is writing {remote}", code=ALREADY_RUNNING, hint="wait until it ends")
    with locked(folder / "lock", busy=busy):
        yield Place(folder / path_of(name_of(str(to))), remote)


class _Remote:
    """A file at an address of fsspec. Its text has no password and no query, which may be a signature."""

    def __init__(self, address: Secret[str]) -> None:
        self._address = address
        parts = urlsplit(address.reveal())
        self._scheme = parts.scheme.lower()
        self._shown = f"{self._scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        self._check()

    def __str__(self) -> str:
        return self._shown

    @functools.cached_property
    def _place(self) -> tuple[Any, str]:
        """The file system, and the path there."""
        with extra("cloud", f"writing to {self._scheme}://"):
            from fsspec.core import url_to_fs
        try:
            found: tuple[Any, str] = url_to_fs(self._address.reveal())
        except ImportError as error:
            raise ConfigError(f"{self}: {error}", hint=f"install the package that knows {self._scheme}://") from error
        except ValueError as error:
            raise ConfigError(
                f"{self} can't be written: {redact(one_line(str(error), 200))}",
                hint="give a file, or an address such as s3://bucket/deals.parquet",
            ) from error
        return found

    def _check(self) -> None:
        """A missing bucket or missing credentials are reported before the rows are read, not after."""
        system, path = self._place
        if self._scheme not in _WITH_BUCKETS:
            return
        try:
            system.info(path.partition("/")[0])
        except FileNotFoundError as error:
            raise ConfigError(f"{self}: there is no such bucket", hint="create it, or give another address") from error
        except PermissionError:
            pass  # who may write need not be allowed to look
        except Exception as error:
            raise self._refused(error, hint="check the address, the credentials and the network") from error

    def upload(self, file: Path) -> None:
        """Put ``file`` there and remove it here."""
        system, path = self._place
        try:
            if self._scheme in _AT_ONCE:
                system.put_file(str(file), path)
            else:
                system.put_file(str(file), f"{path}.part")
                system.mv(f"{path}.part", path)
        except Exception as error:
            raise self._refused(error, hint=f"the whole file is {file}: upload it, or run the call again") from error
        file.unlink()

    def _refused(self, error: Exception, *, hint: str) -> ExportError:
        said = redact(one_line(str(error), 200).replace(self._address.reveal(), self._shown))
        return ExportError(f"{self} was not written: {type(error).__name__}: {said}", code="UPLOAD", hint=hint)
