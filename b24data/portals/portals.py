"""What a caller of many portals holds."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

from b24data.client.connect import Client
from b24data.errors import ConfigError, PortalsError, SdkError
from b24data.fetch.options import ProgressOption
from b24data.params import ApiVersion
from b24data.portals.board import Board
from b24data.portals.outcome import PortalOutcome, outcome_of
from b24data.portals.sizes import Sizes
from b24data.portals.workers import Done, side_by_side
from b24data.progress import Display, ProgressEvent, progress_for
from b24data.text.hints import Face
from b24data.text.markup import facts_html

if TYPE_CHECKING:
    import pandas as pd

    from b24data.portals.tools import PortalTools

T = TypeVar("T")
R = TypeVar("R")


class Portals:
    """Clients of many portals, which answer one call together. :func:`connect_all` makes it.

    ``portals["acme"]`` is the client of one; ``with`` closes the connections of all.
    """

    def __init__(
        self,
        clients: Mapping[str, Client],
        failed: Mapping[str, SdkError],
        *,
        errors: Literal["raise", "collect"],
        workers: int,
    ) -> None:
        self._clients = dict(clients)
        self._failed = dict(failed)
        self._errors = errors
        self._workers = workers
        self._sizes = Sizes()
        self._outcomes: list[PortalOutcome] = []
        self._failures: dict[str, Exception] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.destroy()

    def __reduce__(self) -> tuple[Any, ...]:
        """As the names of the profiles, by which another process connects."""
        again = functools.partial(Portals, errors=self._errors, workers=self._workers)
        return again, (self._clients, self._failed)

    def __getitem__(self, name: str) -> Client:
        if name not in self._clients:
            raise ConfigError(f"{name!r} is not among these portals", hint=f"there are: {', '.join(self._clients)}")
        return self._clients[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._clients)

    def __len__(self) -> int:
        return len(self._clients)

    def __repr__(self) -> str:
        return f"Portals({self.names})"

    def _repr_html_(self) -> str:
        facts = [(name, client.session.portal) for name, client in self._clients.items()]
        return facts_html(f"{len(facts)} portals", [*facts, *((name, str(one)) for name, one in self._failed.items())])

    @property
    def names(self) -> list[str]:
        """The profiles, also those that a client could not be made of."""
        return [*self._clients, *self._failed]

    @property
    def tools(self) -> PortalTools:
        """Whole lists of all portals as one DataFrame, and files and folders for each."""
        from b24data.portals.tools import PortalTools

        return PortalTools(self)

    @property
    def outcome(self) -> pd.DataFrame:
        """How the last call ended: portal, state, rows, seconds, message, a row for each portal."""
        import pandas as pd

        frame = pd.DataFrame(map(asdict, self._outcomes), columns=list(PortalOutcome.__slots__))
        return frame.astype({"portal": "string", "state": "string", "rows": "int64", "message": "string"})

    @property
    def outcomes(self) -> list[PortalOutcome]:
        """As :attr:`outcome`, without pandas."""
        return list(self._outcomes)

    @property
    def failures(self) -> dict[str, Exception]:
        """The errors of the last call, by profile."""
        return dict(self._failures)

    def failed_lines(self, face: Face) -> list[str]:
        """A line for each portal of the last call whose rows are not whole, with what to type in ``face``."""
        lines = []
        for one in self._outcomes:
            if (error := self._failures.get(one.portal)) is not None:
                one = outcome_of(one.portal, error, one.seconds, face)  # noqa: PLW2901
            if one.state != "ok":
                lines.append(f"{one.portal}: {one.state}: {one.message}")
        return lines

    def sql(
        self,
        query: str,
        params: Mapping[str, Any] | None = None,
        *,
        tables: Mapping[str, Any] | None = None,
        all: bool = False,
        progress: ProgressOption = "auto",
    ) -> pd.DataFrame:
        """The answer of every portal to one SELECT, below each other, with the portal in the first column PORTAL.

        Each portal answers for itself: ids have a meaning at one portal only, so a join across portals would put
        company 5 of one beside the deals of another. Sums over all portals are those of the frame, or of
        ``tables=`` in the ``sql`` of one client. The arguments are those of ``b24.sql``.
        """
        return self.tools.sql(query, params, tables=tables, all=all, progress=progress)

    def destroy(self) -> None:
        """Close all connections. A later call opens new ones."""
        for client in self._clients.values():
            client.destroy()

    def ask(
        self,
        what: str,
        work: Callable[[str, Client, Display], T],
        *,
        rows_of: Callable[[T], int],
        progress: ProgressOption = "auto",
        is_partial: Callable[[T], str] = lambda _: "",
    ) -> Answers[T]:
        """Do ``work`` at every portal, the largest first, and say how it ended at each.

        ``work`` gets the name, the client and a display for the progress; ``is_partial`` says why a result is not
        whole. Raises nothing for a portal that failed: :meth:`Answers.settled` does.
        """
        answers: Answers[T] = Answers(self._errors, list(self.names))
        board = Board(progress_for(progress), what, len(self.names))
        for name, error in self._failed.items():
            outcome = outcome_of(name, error, 0.0)
            answers.failed(outcome, error)
            board.done(outcome)
        began = time.monotonic()

        def done(one: Done[T]) -> None:
            if one.error is not None:
                outcome = outcome_of(one.name, one.error, one.seconds)
                answers.failed(outcome, one.error)
            else:
                result: Any = one.result
                rows, missing = rows_of(result), is_partial(result)
                outcome = PortalOutcome(
                    portal=one.name,
                    state="partial" if missing else "ok",
                    rows=rows,
                    seconds=one.seconds,
                    message=missing,
                )
                answers.came(outcome, result)
            board.done(outcome)

        def at_portal(name: str, tell: Callable[[ProgressEvent], None]) -> T:
            return work(name, self._clients[name], tell)

        try:
            side_by_side(
                self._sizes.largest_first(what, self._clients),
                at_portal,
                workers=self._workers,
                stopped=self._stopped,
                told=board.told,
                done=done,
            )
        finally:
            board.close(time.monotonic() - began)
            self._outcomes, self._failures = answers.outcomes, answers.failures
        answers.check_asked()
        self._sizes.learn(what, {one.portal: one.rows for one in answers.outcomes if one.state == "ok"})
        return answers

    @contextlib.contextmanager
    def _stopped(self) -> Iterator[None]:
        """Inside, whatever is under way at any portal ends at once, and nothing begins."""
        with contextlib.ExitStack() as held:
            for client in self._clients.values():
                for version in ApiVersion:
                    held.enter_context(client.get_http_client(version).stopped())
            yield


class Answers(dict[str, T]):
    """What the portals brought, by profile, in the order in which they were named."""

    def __init__(self, errors: Literal["raise", "collect"], names: list[str]) -> None:
        super().__init__()
        self._errors = errors
        self._names = names
        self._outcomes: dict[str, PortalOutcome] = {}
        self.failures: dict[str, Exception] = {}

    def came(self, outcome: PortalOutcome, result: T) -> None:
        """A portal has answered."""
        self._outcomes[outcome.portal] = outcome
        self[outcome.portal] = result

    def failed(self, outcome: PortalOutcome, error: BaseException) -> None:
        """A portal has failed."""
        self._outcomes[outcome.portal] = outcome
        self.failures[outcome.portal] = error if isinstance(error, Exception) else SdkError(str(error))

    @property
    def outcomes(self) -> list[PortalOutcome]:
        """How it ended at each portal that has ended."""
        return [self._outcomes[name] for name in self._names if name in self._outcomes]

    @property
    def in_order(self) -> dict[str, T]:
        """What came, in the order of the names."""
        return {name: self[name] for name in self._names if name in self}

    def check_asked(self) -> None:
        """Raise the error itself where what was asked for makes no sense, at whichever portal."""
        errors = list(self.failures.values())
        wrong = [one for one in errors if isinstance(one, ConfigError) or not isinstance(one, SdkError | OSError)]
        if len(wrong) == len(self._names) and len({str(one) for one in wrong}) == 1:
            raise wrong[0]

    def settled(self, results: R) -> R:
        """The results; with ``errors="raise"`` a :class:`PortalsError` that has them, where a portal failed."""
        if not self.failures or self._errors == "collect":
            return results
        failures = [self._outcomes[name] for name in self._names if name in self.failures]
        said = "; ".join(f"{one.portal}: {one.state}: {one.message.rstrip('.')}" for one in failures)
        raise PortalsError(
            f"{len(failures)} of {len(self._names)} portals failed: {said}",
            errors={one.portal: self.failures[one.portal] for one in failures},
            outcome=[asdict(one) for one in self.outcomes],
            results=results,
            hint='connect_all(..., errors="collect") gives the others and a table of outcomes',
        ) from self.failures[failures[0].portal]
