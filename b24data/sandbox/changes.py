"""What changes on a portal while it is used: records, rights, fields, the time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any


class Changes(ABC):
    """The part of :class:`~b24data.sandbox.SandboxPortal` that changes what it answers."""

    @abstractmethod
    def _ask(self, name: str, **arguments: Any) -> Any:
        """Carry out a command of :class:`~b24data.sandbox.control.Control`."""

    def insert(self, entity: str, rows: Sequence[Mapping[str, Any]] | int = 1) -> list[int]:
        """Add records (fields as in ``crm.<entity>.list``, or just how many), made now; returns their ids."""
        wanted = [{} for _ in range(rows)] if isinstance(rows, int) else [dict(row) for row in rows]
        numbers: list[int] = self._ask("insert", entity=entity, rows=wanted)
        return numbers

    def delete(self, entity: str, ids: Sequence[int]) -> list[int]:
        """Remove records; returns the ids that existed."""
        numbers: list[int] = self._ask("delete", entity=entity, ids=list(ids))
        return numbers

    def update(self, entity: str, ids: Sequence[int], values: Mapping[str, Any]) -> list[int]:
        """Change fields of records, given as they stand in ``crm.<entity>.list``; the time of the change is now."""
        numbers: list[int] = self._ask("update", entity=entity, ids=list(ids), values=dict(values))
        return numbers

    def hide(self, entity: str, ids: Sequence[int]) -> list[int]:
        """Take the right to see these records from the user; with no ids, all are to be seen again.

        They can be changed and deleted meanwhile; :meth:`truth` and :meth:`rows` tell what the user sees.
        """
        numbers: list[int] = self._ask("hide", entity=entity, ids=list(ids))
        return numbers

    def deny(self, what: str) -> None:
        """Take a right from the user: a method (``crm.stagehistory.list``, also with ``*``) or an entity (``deals``).

        Every call that needs it is refused as the method's page shows it; :meth:`truth` and :meth:`rows` still tell.
        """
        self._ask("deny", what=what)

    def allow(self, what: str | None = None) -> None:
        """Give back a right that :meth:`deny` took, or all of them."""
        self._ask("allow", what=what)

    def remove_pipeline(self, number: int, move_to: int = 0) -> list[int]:
        """Move the deals of a pipeline to the first stage of another one, and remove it with its stages.

        The history keeps the stages that are gone. Returns the ids of the deals.
        """
        moved: list[int] = self._ask("remove_pipeline", number=number, move_to=move_to)
        return moved

    def add_field(self, entity: str, name: str, type: str, title: str = "", *, multiple: bool = False) -> None:
        """Add a user field, such as ``UF_CRM_NEW`` of type ``string``, which is empty in all records."""
        self._ask("add_field", entity=entity, code=name, kind=type, title=title or name, multiple=multiple)

    def move_clock(self, seconds: float) -> None:
        """Set the portal's clock forward or back by this many seconds."""
        self._ask("move_clock", seconds=seconds)

    def mutate(
        self,
        entity: str = "deals",
        *,
        insert: int = 0,
        delete: int = 0,
        update: int = 0,
        values: Mapping[str, Any] | None = None,
        at: int | None = None,
        every: int | None = None,
    ) -> None:
        """Change records at the ``at``-th request, or at every ``every``-th; ``stats.mutations`` tells which."""
        plan = {"entity": entity, "insert": insert, "delete": delete, "update": update, "values": values}
        self._ask("mutate", plan={**plan, "at": at, "every": every})

    def calm(self) -> None:
        """Forget what :meth:`mutate` had planned."""
        self._ask("calm")
