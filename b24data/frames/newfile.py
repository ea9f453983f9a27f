"""A file that a library writes, beside its target until it is whole."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from b24data.files.atomic import create, replace_file, temp_sibling
from b24data.files.disk import told


class NewFile:
    """``file`` is open to write; :meth:`put` gives it the name and the rights of the target, :meth:`abort` removes it.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp(), "deals.csv")
    >>> new = NewFile(target)
    >>> new.file.write(b"ID"), target.exists()
    (2, False)
    >>> new.put()
    >>> target.read_bytes()
    b'ID'
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self._path = temp_sibling(target)
        with told(target):
            self.file = create(self._path, private=target.exists())  # until it has the rights of the file that is there

    def put(self) -> None:
        """Write it down to the disk and put it in the place of the target; after an error nothing is left of it."""
        try:
            with told(self._target):
                self.file.flush()
                os.fsync(self.file.fileno())
                self.file.close()
            replace_file(self._path, self._target)
        except BaseException:
            self.abort()
            raise

    def abort(self) -> None:
        """Leave no trace."""
        with contextlib.suppress(OSError):
            self.file.close()
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
