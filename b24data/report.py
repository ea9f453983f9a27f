"""Why a fetched list is whole, and what it took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from b24data.text.language import translated
from b24data.text.markup import facts_html
from b24data.text.printable import printable


@dataclass(frozen=True, slots=True)
class Coercion:
    """Values of one column that did not fit its type and became null: how many, and one of them."""

    count: int
    example: str


@dataclass(frozen=True, slots=True)
class ConditionReport:
    """One condition of the filter: the key as it was written and as it was sent, the value sent, and its proof.

    ``proof`` is ``checked`` (no row contradicts it) or ``not checkable: ...`` with the reason.
    """

    key: str
    value: str
    sent: str
    proof: str

    @property
    def checked(self) -> bool:
        """Whether the rows were checked by this condition."""
        return self.proof == "checked"

    def __str__(self) -> str:
        key, value, reason = self.key, self.value, self.proof.removeprefix("not checkable: ")
        if self.sent != key:
            if self.checked:
                return f"filter {key} {value}, sent as {self.sent}: checked"
            return f"filter {key} {value}, sent as {self.sent}: not checkable: {reason}"
        return f"filter {key} {value}: checked" if self.checked else f"filter {key} {value}: not checkable: {reason}"


@dataclass(frozen=True, slots=True)
class EarlierRuns:
    """What earlier runs of the same fetch had brought before they were stopped; ``window`` is portal time."""

    runs: int
    rows: int
    seconds: float
    window: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchReport:
    """Why a fetched list is whole, and what it took. Times of the window are the portal's own.

    ``reason`` is one of ``short_page``, ``empty_page``, ``reached_pinned_id``, ``total_reached``, ``last_page``,
    ``whole_answer``, ``no_values`` (the filter asks for one of no values), ``limit`` or ``stopped`` (these two with
    ``complete=False``). ``waited_s`` has seconds by reason. ``conditions`` tells of each condition of the filter how it
    was sent and whether the rows were checked by it. Where the fetch went on with what ``earlier`` runs had left,
    ``rows`` and ``window`` are those of all runs
    together, requests and seconds those of the last one.
    """

    method: str
    portal: str
    walk: str
    reason: str
    complete: bool
    rows: int
    pages: int = 0
    requests: int = 0
    commands: int = 0
    retries: int = 0
    refreshes: int = 0
    seconds: float = 0.0
    waited_s: Mapping[str, float] = field(default_factory=dict)
    total: int | None = None
    pinned_id: int | None = None
    last_id: int | None = None
    window: tuple[str, str] | None = None
    earlier: EarlierRuns | None = None
    conditions: tuple[ConditionReport, ...] = ()
    coercions: Mapping[str, Coercion] = field(default_factory=dict)
    target: str | None = None
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON-safe values: what ``df.attrs["b24data"]`` and a Parquet footer hold."""
        data = asdict(self)
        data["waited_s"] = {reason: round(seconds, 3) for reason, seconds in self.waited_s.items()}
        data["seconds"] = round(self.seconds, 3)
        data["window"] = list(self.window) if self.window else None
        if self.earlier:
            data["earlier"]["window"] = list(self.earlier.window) if self.earlier.window else None
        data["conditions"] = list(data["conditions"])
        data["notes"] = list(self.notes)
        return data

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        printer.text(translated(str(self)))

    def _repr_html_(self) -> str:
        title, *lines = str(self).splitlines()
        return facts_html(title, [("", line.strip()) for line in lines], good=self.complete)

    def __str__(self) -> str:
        state = "complete" if self.complete else "INCOMPLETE"
        rows = self.rows - (self.earlier.rows if self.earlier else 0)
        speed = f", {rows / self.seconds:,.0f} rows/s" if self.seconds > 0 else ""
        lines = [
            f"{self.method} at {self.portal}: {self.rows:,} rows, {state} ({self.reason})",
            f"  {self.seconds:.1f} s{speed}; {self.requests:,} requests with {self.commands:,} commands"
            f" ({self.walk} walk); {self.retries:,} retries, {self.refreshes:,} token refreshes",
        ]
        if self.earlier:
            runs = "1 earlier run" if self.earlier.runs == 1 else f"{self.earlier.runs} earlier runs"
            since = f", begun {self.earlier.window[0]}" if self.earlier.window else ""
            lines.append(f"  {self.earlier.rows:,} of the rows by {runs} in {self.earlier.seconds:.1f} s{since}")
        if self.total is not None:
            lines.append(f"  counted by the portal: {self.rows:,} of {self.total:,}")
        if self.pinned_id is not None:
            lines.append(f"  every id up to {self.pinned_id:,}, the largest when the walk began")
        if self.window:
            lines.append(f"  portal time {self.window[0]} to {self.window[1]}")
        waits = ", ".join(
            f"{seconds:.1f} s for {reason}" for reason, seconds in self.waited_s.items() if seconds >= 0.05
        )
        if waits:
            lines.append(f"  waited {waits}")
        lines.extend(f"  {condition}" for condition in self.conditions)
        for column, coercion in self.coercions.items():
            lines.append(f"  {column}: {coercion.count:,} values did not fit and are null, such as {coercion.example}")
        if self.target:
            lines.append(f"  written to {self.target}")
        lines.extend(f"  note: {note}" for note in self.notes)
        return printable("\n".join(lines))
