"""From a list method's answer to its rows, still as raw JSON, and to the id of a row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from b24data.errors import AjaxError, BadReplyError, ProtocolViolationError
from b24data.http.protocol import Response
from b24data.lists.methods import MethodSpec

__all__ = ["Row", "id_reader", "rows_of"]

Row = msgspec.Raw

_list = msgspec.json.Decoder(list[msgspec.Raw])
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])


def rows_of(response: Response, spec: MethodSpec) -> list[Row]:
    """The rows of one answer.

    Raises :class:`AjaxError` for an error inside an answer with HTTP 200, and :class:`BadReplyError` that shows what
    came where a list was expected: null or a missing list is never an empty one.

    >>> answer = Response(msgspec.Raw(b'{"items": [{"id": 1}, {"id": 2}]}'))
    >>> len(rows_of(answer, MethodSpec("crm.item.list", "keyset", rows_at="items")))
    2
    """
    raw = bytes(response.result).lstrip()
    try:
        if raw.startswith(b"["):
            rows = _list.decode(raw)
            if not spec.rows_at or spec.rows_at == "*" or not rows:  # PHP writes an empty map as []
                return rows
        elif raw.startswith(b"{"):
            content = _object.decode(raw)
            if "error" in content:
                raise _error_inside(spec, content)
            found = _rows_in(content, spec.rows_at)
            if found is not None and bytes(found).lstrip().startswith(b"["):
                return _list.decode(found)
    except msgspec.DecodeError as error:
        raise BadReplyError(spec.method, f"the list can't be read: {error}") from error
    where = f"result.{spec.rows_at}" if spec.rows_at and spec.rows_at != "*" else "result"
    raise BadReplyError(
        spec.method,
        f"no list in {where}, but {_shown(raw)}",
        hint="call it with actions.v2.call to see its whole answer",
    )


def _rows_in(content: dict[str, msgspec.Raw], rows_at: str) -> msgspec.Raw | None:
    if rows_at == "*":
        lists = [value for value in content.values() if bytes(value).lstrip().startswith(b"[")]
        return lists[0] if len(lists) == 1 else None
    head, _, inner = rows_at.partition(".")
    found = content.get(head)
    if found is None or not inner or not bytes(found).lstrip().startswith(b"{"):
        return found
    return _rows_in(_object.decode(found), inner)


def _error_inside(spec: MethodSpec, content: dict[str, msgspec.Raw]) -> AjaxError:
    error: Any = msgspec.json.decode(content["error"])
    text = content.get("error_description") or content.get("message")
    description = str(msgspec.json.decode(text)) if text is not None else ""
    if isinstance(error, dict):
        description = str(error.get("message") or error.get("error_description") or description)
        error = error.get("error") or error.get("code") or "ERROR"
    return AjaxError(spec.method, description, code=str(error), status=200)


def _shown(raw: bytes) -> str:
    text = raw[:60].decode("utf-8", "replace")
    return f"{text}..." if len(raw) > 60 else text or "nothing"


def id_reader(spec: MethodSpec) -> Callable[[Row], int]:
    """A function that reads the id of a row without decoding the rest of it.

    >>> id_reader(MethodSpec("crm.deal.list", "keyset", id="ID"))(msgspec.Raw(b'{"ID":"17","TITLE":"x"}'))
    17
    """
    if spec.id is None:
        raise ProtocolViolationError(f"{spec.method} has no id to walk by")
    shape = msgspec.defstruct("_RowId", [("id", int | str | None, None)], rename={"id": spec.id})
    decoder = msgspec.json.Decoder(shape)

    def read(row: Row) -> int:
        try:
            return int(decoder.decode(row).id)  # type: ignore[attr-defined]
        except (msgspec.DecodeError, TypeError, ValueError) as error:
            raise ProtocolViolationError(
                f"{spec.method} sent a row without a whole number as {spec.id!r}: {_shown(bytes(row))}"
            ) from error

    return read
