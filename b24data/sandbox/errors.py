"""The error that a portal answers with."""

from __future__ import annotations

from typing import Any


class PortalError(Exception):
    """An error as the portal answers it: HTTP status, code, description.

    Some 330 pages show a code that says nothing: ``""``, ``"0"`` or the number 0.
    """

    def __init__(self, status: int, code: str | int, description: str = "") -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code
        self.description = description

    def body(self) -> dict[str, Any]:
        """The documented JSON form (``_includes/error-info.md``)."""
        return {"error": self.code, "error_description": self.description}
