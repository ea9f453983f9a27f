"""What an export tells: one JSON line for each event in its log, and the same event for whoever looks on."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from b24data.errors import SdkError
from b24data.files.atomic import append_private
from b24data.http.clock import Clock
from b24data.progress import ProgressEvent
from b24data.text.printable import one_line
from b24data.text.redact import redact

Show = Callable[[Mapping[str, Any]], object]

_LOGGER = logging.getLogger("b24data.exports")
_LARGEST = 1_000_000  # bytes of a log; the one before it is kept as well
_PROGRESS_EVERY_S = 10.0


class Journal:
    """The log of one export. No secret gets into it, and a disk that takes no more does not stop the export."""

    def __init__(self, file: Path, export: str, show: Show, clock: Clock) -> None:
        self._file = file
        self._export = export
        self._show = show
        self._clock = clock
        self._told_s = 0.0
        self._is_open = self._is_shown = True

    def begin(self) -> None:
        """Put a log that has grown large aside. Only for who holds the lock of the export."""
        try:
            if self._file.exists() and self._file.stat().st_size > _LARGEST:
                self._file.replace(self._file.with_suffix(".1.jsonl"))
        except OSError as error:
            self._give_up(error)

    def write(self, event: str, text: str, **facts: Any) -> None:
        """Tell one event; ``text`` is what a person reads."""
        at = datetime.fromtimestamp(self._clock.time(), UTC).isoformat(timespec="seconds")
        told = redact({"at": at, "export": self._export, "event": event, "text": one_line(text), **facts})
        if self._is_open:
            try:
                with append_private(self._file) as file:
                    # An escape where there is no character for it: half of a pair, or a byte of a file's name.
                    file.write(
                        f"{json.dumps(told, ensure_ascii=False, default=str)}\n".encode("utf-8", "backslashreplace")
                    )
            except (OSError, SdkError) as error:
                self._give_up(error)
        if self._is_shown:
            try:
                self._show(told)
            except OSError:  # whoever looked on has gone; the export goes on
                self._is_shown = False

    def progress(self, moment: ProgressEvent) -> None:
        """A display for ``progress=``: a moment every ten seconds, and a wait that is longer."""
        is_long_wait = moment.kind == "wait" and moment.wait_s >= _PROGRESS_EVERY_S
        if moment.kind != "done" and (is_long_wait or moment.seconds - self._told_s >= _PROGRESS_EVERY_S):
            self._told_s = moment.seconds
            self.write("progress", f"{moment.label}: {moment}", rows=moment.rows)

    def _give_up(self, error: OSError | SdkError) -> None:
        self._is_open = False
        said = error.description if isinstance(error, SdkError) else error.strerror
        _LOGGER.warning("the log %s can't be written (%s); the export goes on", self._file, said)
