"""What a person sees while a list is fetched: rows, speed, time left, and what is being waited for.

A :class:`Meter` counts, a display shows. A display is a callable that takes :class:`ProgressEvent`; the ones here
write a bar into a terminal or notebook, or lines into a log. One of the caller's own works as well:

>>> seen = []
>>> progress = progress_for(seen.append)
>>> progress.start("crm.deal.list", total=100)
>>> progress.close("100 rows, complete")
>>> [event.kind for event in seen]
['start', 'done']
"""

from __future__ import annotations

import functools
import html
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TextIO

from b24data.errors import ConfigError
from b24data.text.language import translated
from b24data.text.markup import note_html

if TYPE_CHECKING:
    from tqdm import tqdm

_LOGGER = logging.getLogger("b24data.progress")
_SHOW_EVERY_S = 0.5  # rows; with one wait in between that is at most four updates a second
_WORTH_TELLING_S = 1.0  # shorter waits are how the limits work, not something that a person waits for
_LINE_EVERY_S = 10.0
_NOTES_THAT_STAY = 8  # more of them fold behind the summary in a notebook
_ENOUGH_TO_JUDGE = 0.02  # of the way: before it the time left is a guess


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressEvent:
    """The state of a fetch, for a display. Times are in seconds, ``until`` is unix time.

    ``fraction`` is the part that is done, 0 to 1, or ``None`` if it is unknown. ``wait_s``, ``reason``,
    ``until`` and ``host`` have a meaning when ``kind`` is ``wait``, ``summary`` when it is ``done``, and ``note``: of a
    piece of the work that has ended before the rest, such as one portal of many.
    """

    kind: Literal["start", "rows", "wait", "note", "done"]
    label: str
    rows: int = 0
    total: int | None = None
    fraction: float | None = None
    seconds: float = 0.0
    refreshes: int = 0
    reason: str = ""
    wait_s: float = 0.0
    until: float = 0.0
    host: str = ""
    summary: str = ""

    @property
    def rows_per_s(self) -> float:
        """Rows a second since the start; 0 before the first."""
        return self.rows / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """What the rest takes at the pace so far, or ``None`` where that can't be said (yet)."""
        if self.fraction is None or self.fraction < _ENOUGH_TO_JUDGE or self.seconds <= 0:
            return None
        return self.seconds * (1 - self.fraction) / self.fraction

    def __str__(self) -> str:
        """The state as text.

        >>> str(ProgressEvent(kind="rows", label="crm.deal.list", rows=69112, fraction=0.75, seconds=41, refreshes=2))
        '69,112 rows, 1,686 rows/s, 0:14 left, 2 tokens renewed'
        """
        return ", ".join(self._parts())

    def told(self) -> str:
        """The state in the reader's language."""
        return ", ".join(map(translated, self._parts()))

    def _parts(self) -> list[str]:
        rows = f"{self.rows:,} rows"
        match self.kind:
            case "done" | "note":
                return [self.summary]
            case "wait":
                ends = datetime.fromtimestamp(self.until).astimezone()
                why = f"{self.host}: {self.reason}" if self.host else f"the {self.reason}"
                return [f"waiting {self.wait_s:.0f} s for {why}, until {ends:%H:%M:%S}; {rows}"]
        parts = [rows]
        if self.rows_per_s:
            parts.append(f"{self.rows_per_s:,.0f} rows/s")
        if self.seconds_left is not None:
            parts.append(f"{_minutes(self.seconds_left)} left")
        if self.refreshes:
            parts.append(f"{self.refreshes} token{'s' * (self.refreshes > 1)} renewed")
        return parts


Display = Callable[[ProgressEvent], object]


def progress_for(option: bool | Literal["auto"] | Callable[[ProgressEvent], object]) -> Meter:
    """The progress that ``progress=`` asks for.

    ``"auto"`` is a bar in a terminal or notebook and one line every ten seconds elsewhere (cron, a log, a notebook
    that runs unattended), ``True`` a bar in any case, ``False`` nothing; a callable gets the events, at most four a
    second. One that raises is named in the log once and not called again: the fetch goes on.

    >>> progress_for("loud")
    Traceback (most recent call last):
    b24data.errors.ConfigError: progress is 'loud'. Hint: pass "auto", True, False or a callable.
    """
    if option is False:
        return Meter(_ignore)
    kernel = _kernel()
    if option is True or (option == "auto" and (_is_watched(kernel) if kernel else _is_terminal(sys.stderr))):
        return Meter(HtmlBar() if kernel else Bar(sys.stderr))
    if option == "auto":
        return Meter(Lines(sys.stderr))
    if callable(option):
        return Meter(option)
    raise ConfigError(f"progress is {option!r}", hint='pass "auto", True, False or a callable')


def _ignore(_event: ProgressEvent) -> None:
    """The display of ``progress=False``."""


def _kernel() -> Any:
    """The notebook's kernel that runs this, if one does."""
    ipython = sys.modules.get("IPython")
    return getattr(ipython.get_ipython(), "kernel", None) if ipython else None


def _is_watched(kernel: Any) -> bool:
    """Whether a person can answer a prompt: an unattended run says that no one can."""
    is_voila = os.environ.get("SERVER_SOFTWARE", "").startswith("voila")
    return is_voila or (getattr(kernel, "_allow_stdin", True) and not os.environ.get("B24DATA_NONINTERACTIVE"))


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and not stream.closed and stream.isatty()


class Meter:
    """Counts what a walk tells, and shows it: rows twice a second, a wait of a second or more at once.

    Every method may be called from any thread; none of them raises.

    ``monotonic`` is the clock that the pace of the display goes by.
    """

    def __init__(self, display: Display, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._display: Display | None = display
        self._monotonic = monotonic
        self._lock = threading.RLock()  # a display of the caller's own may end the walk, and so close this
        self._now = ProgressEvent(kind="start", label="")
        self._started_at = self._shown_at = 0.0

    def start(self, label: str, *, total: int | None) -> None:
        """The walk begins; ``total`` is its number of rows, where that is known."""
        with self._lock:
            self._started_at = self._monotonic()
            self._show(ProgressEvent(kind="start", label=label, total=total))

    def update(self, rows: int, *, fraction: float | None = None) -> None:
        """The number of rows so far; ``fraction`` of the fetch is done, 0 to 1."""
        with self._lock:
            if fraction is None and self._now.total:
                fraction = rows / self._now.total
            known = self._now.fraction if fraction is None else min(max(fraction, 0.0), 1.0)
            now = replace(self._now, rows=rows, fraction=known)
            if self._is_due():
                self._show(replace(now, kind="rows"))
            else:
                self._now = now

    def wait(self, reason: str, seconds: float, until: float, host: str = "") -> None:
        """Nothing is sent to ``host`` for ``seconds``, until the unix time ``until``."""
        with self._lock:
            if seconds >= _WORTH_TELLING_S and (self._now.kind != "wait" or self._is_due()):
                wait = replace(self._now, kind="wait", reason=reason, wait_s=seconds, until=until, host=host)
                self._show(wait)

    def refreshed(self) -> None:
        """A token died and was replaced; the next update says so."""
        with self._lock:
            self._now = replace(self._now, refreshes=self._now.refreshes + 1)

    def note(self, summary: str) -> None:
        """A piece of the work is done; its summary is a line that stays, and the rest goes on."""
        with self._lock:
            before = self._now
            self._show(replace(before, kind="note", summary=summary))
            self._now = replace(before, kind="rows")

    def close(self, summary: str) -> None:
        """The walk is over; the summary, which names it, is the line that stays. Later calls show nothing."""
        with self._lock:
            self._show(replace(self._now, kind="done", summary=summary))
            self._display = None

    def _is_due(self) -> bool:
        return self._monotonic() - self._shown_at >= _SHOW_EVERY_S

    def _show(self, event: ProgressEvent) -> None:
        self._shown_at = self._monotonic()
        self._now = replace(event, seconds=self._shown_at - self._started_at)
        if self._display is None:
            return
        try:
            self._display(self._now)
        except Exception:
            self._display = None
            _LOGGER.warning("the progress display failed and is off; the fetch goes on", exc_info=True)


class Bar:
    """A line that is written over and over; the summary takes its place at the end."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._bar: tqdm[Any] | None = None

    def __call__(self, event: ProgressEvent) -> None:
        """Show this moment."""
        if self._bar is None:
            self._bar = _bar_class()(
                total=1.0, file=self._stream, desc=event.label, leave=False, dynamic_ncols=True, bar_format="{desc}"
            )
        if event.kind in ("note", "done"):
            if event.kind == "done":
                self._bar.close()
            self._bar.write(event.told(), file=self._stream)
            self._stream.flush()
            return
        way = "{percentage:3.0f}% |{bar:12}| "
        if event.fraction is None or event.kind == "wait":  # the words of a wait need the room: 80 columns
            way = ""
        self._bar.bar_format = "{desc} " + way + event.told().replace("{", "{{").replace("}", "}}")
        self._bar.n = event.fraction or 0
        self._bar.refresh()


class HtmlBar:
    """A line of HTML in a notebook, updated in place; the summary replaces it at the end.

    Not a widget: this needs no comm, so it works wherever HTML does, and what is saved is the summary.
    """

    def __init__(self) -> None:
        self._handle: Any = None
        self._notes: list[str] = []

    def __call__(self, event: ProgressEvent) -> None:
        """Show this moment, below the notes so far."""
        from IPython.display import display

        if event.kind == "note":
            self._notes.append(str(event))
            return  # shown with the next moment, in the same place
        said = event.told()
        text = said if event.kind == "done" else f"{event.label}: {said}"
        role = "status" if event.kind == "done" else "timer"
        above = "".join(note_html(note, role="status") for note in self._notes)
        below = f"{_way(event)}{note_html(text, role=role)}"
        if event.kind == "done" and len(self._notes) > _NOTES_THAT_STAY:
            above, below = "", f"<details><summary>{html.escape(text)}</summary>{above}</details>"
        shown = {"text/plain": "\n".join([*self._notes, text]), "text/html": f"{above}{below}"}
        if self._handle is None:
            self._handle = display(shown, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(shown, raw=True)


def _way(event: ProgressEvent) -> str:
    """The bar itself, while there is a way to go that is known."""
    if event.kind == "done" or event.fraction is None:
        return ""
    name = html.escape(event.label, quote=True)
    return f'<progress aria-label="{name}" max="1" value="{event.fraction:.3f}" style="width:20em"></progress>'


@functools.cache
def _bar_class() -> type[tqdm[Any]]:
    from tqdm import tqdm

    class _Bar(tqdm):  # type: ignore[type-arg]
        monitor_interval = 0  # no thread of its own: the meter sets the pace

    _Bar.set_lock(threading.RLock())  # tqdm's own one is a semaphore shared with other processes
    return _Bar


class Lines:
    """One line with the time of day every ten seconds, one for a wait that is longer, and the summary."""

    def __init__(self, stream: TextIO, *, every_s: float = _LINE_EVERY_S) -> None:
        self._stream = stream
        self._every_s = every_s
        self._written_at = 0.0  # in seconds of the walk

    def __call__(self, event: ProgressEvent) -> None:
        """Write this moment, if it is time to."""
        is_long_wait = event.kind == "wait" and event.wait_s >= self._every_s
        stays = event.kind in ("note", "done")
        if not stays and not is_long_wait and event.seconds - self._written_at < self._every_s:
            return
        self._written_at = event.seconds
        label = "" if stays else f"{event.label}: "
        self._stream.write(f"{datetime.now().astimezone():%H:%M:%S} {label}{event}\n")
        self._stream.flush()


def _minutes(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
