"""From a list method's answer to its rows, still as raw JSON, and to the id of a row.

The one place that knows every shape of an answer: rows in a list, by key or in groups, scalars, PHP's empty arrays, and
errors inside an answer with HTTP 200.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec

from b24data.errors import BadReplyError, ProtocolViolationError
from b24data.http.error_codes import names_error, portal_error
from b24data.http.payload import Payload, decoded, decoded_list, opened
from b24data.http.protocol import BatchParts, Response
from b24data.lists.methods import MethodSpec
from b24data.text.hints import CALL

Row = msgspec.Raw

_Holder: TypeAlias = list[Row] | dict[str, Row]


class _ErrorRow(msgspec.Struct, forbid_unknown_fields=True):
    message: Any
    code: Any
    customData: Any = None  # noqa: N815 - the portal's name


_ERROR_ROW = msgspec.json.Decoder(_ErrorRow)
_ROW = re.compile(rb'\{"(?!message"|code"|customData")')  # the beginning of what can't be one


def rows_of(response: Response, spec: MethodSpec) -> list[Row]:
    """The rows of one answer, each a JSON object: a scalar ``5`` is ``{"value": 5}``.

    Rows by key and rows of groups have the key among their fields (``spec.key``), unless a row tells its id itself.
    Raises :class:`AjaxError` for an error inside an answer with HTTP 200, and :class:`BadReplyError` that shows what
    came where a list was expected: null or a missing list is never an empty one.

    >>> answer = Response(opened(b'{"items": [{"id": 1}, {"id": 2}]}'))
    >>> len(rows_of(answer, MethodSpec("crm.item.list", "keyset", rows_at="items")))
    2
    >>> lines = MethodSpec("voximplant.line.get", "whole", shape="by_key", key="id")
    >>> bytes(rows_of(Response(opened(b'{"sip7": "Office"}')), lines)[0])
    b'{"id":"sip7","value":"Office"}'
    """
    try:
        found = _found(response.result, spec)
        rows = None if found is None else _SHAPES[spec.shape](found, spec)
        if rows is not None:
            _refuse_errors(rows, spec)
            return rows
    except msgspec.DecodeError as error:
        raise BadReplyError(spec.method, f"the list can't be read: {error}") from error
    where = f"result.{spec.rows_at}" if spec.rows_at and spec.rows_at != "*" else "result"
    raise BadReplyError(
        spec.method,
        f"no list in {where}, but {_shown(msgspec.json.encode(response.result))}",
        hint=f"call it with {CALL} to see its whole answer",
    )


def value_at(response: Response, path: str) -> Any:
    """What is at a path of ``result``; None where there is nothing.

    >>> value_at(Response(opened(b'{"items": [], "hasMore": true}')), "hasMore")
    True
    """
    head, *names = path.split(".")
    payload = response.result
    found = decoded(payload[head]) if isinstance(payload, dict) and head in payload else None
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def id_in(row: Row, decoder: msgspec.json.Decoder[Any], name: str) -> Any:
    r"""The id in a row by a decoder of objects with an ``id``, also beside half a character in another value.

    >>> shape = msgspec.defstruct("Row", [("id", int | str | None, None)], rename={"id": "ID"})
    >>> id_in(msgspec.Raw(rb'{"T":"\ud83d","ID":7}'), msgspec.json.Decoder(shape), "ID")
    7
    """
    try:
        return decoder.decode(row).id
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError):
        mended = decoded(row)
        return mended.get(name) if isinstance(mended, dict) else None


def _found(payload: Payload | BatchParts, spec: MethodSpec) -> _Holder | None:
    """What holds the rows."""
    if isinstance(payload, list) and spec.rows_at not in ("", "*"):
        _refuse_errors(payload, spec)
        return None if payload else payload  # PHP writes an empty map as []
    if not isinstance(payload, dict):
        return payload if isinstance(payload, list) else None
    for name in ("error", "errors"):
        if name in payload and names_error(error := decoded(payload[name]), text := _told(payload)):
            raise portal_error(spec.method, error, text, 200)
    found: Payload = payload
    if spec.rows_at == "*":
        lists = [value for value in payload.values() if _begins(value, b"[")]
        found = opened(lists[0]) if len(lists) == 1 else None
    else:
        for name in spec.rows_at.split(".") if spec.rows_at else ():
            found = opened(found[name]) if isinstance(found, dict) and name in found else None
    return found if isinstance(found, list | dict) else None


def _listed(found: _Holder, _: MethodSpec) -> list[Row] | None:
    if not isinstance(found, list):
        return None
    return found if not found or _begins(found[0], b"{") else [_row(row) for row in found]


def _by_key(found: _Holder, spec: MethodSpec) -> list[Row] | None:
    column = spec.key or spec.id
    return [_row(value, column, key) for key, value in _items(found)]


def _grouped(found: _Holder, spec: MethodSpec) -> list[Row] | None:
    groups = [(key, opened(value)) for key, value in _items(found)]
    return [_row(value, spec.key, key) for key, values in groups if isinstance(values, list) for value in values]


def _one_or_list(found: _Holder, spec: MethodSpec) -> list[Row] | None:
    return [msgspec.Raw(msgspec.json.encode(found))] if isinstance(found, dict) else _listed(found, spec)


_SHAPES: dict[str, Callable[[_Holder, MethodSpec], list[Row] | None]] = {
    "list": _listed,
    "by_key": _by_key,
    "groups": _grouped,
    "one_or_list": _one_or_list,
}


def _items(found: _Holder) -> Iterable[tuple[str, Row]]:
    """The entries of a map; PHP writes one with the keys 0..n-1 as a list."""
    return found.items() if isinstance(found, dict) else ((str(index), value) for index, value in enumerate(found))


def _row(value: Row, column: str | None = None, key: str = "") -> Row:
    """``value`` as an object that has ``key`` in ``column``."""
    inner = bytes(value).strip()
    if not _begins(inner, b"{"):
        inner = b'{"value":' + inner + b"}"
    if column is None or column in msgspec.json.decode(inner, type=dict[str, Row]):
        return msgspec.Raw(inner)
    head = b"{" + msgspec.json.encode(column) + b":" + msgspec.json.encode(key)
    return msgspec.Raw(head + (b"}" if inner == b"{}" else b"," + inner[1:]))


def _refuse_errors(rows: list[Row], spec: MethodSpec) -> None:
    """Raise for a list that is not of rows but of errors, as ``{message, code}``."""
    if not rows or not _begins(rows[0], b"{") or _ROW.match(rows[0]):
        return
    try:
        _ERROR_ROW.decode(rows[0])
    except msgspec.ValidationError:
        return  # other keys: a row
    raise portal_error(spec.method, decoded(rows[0]), None, 200)


def _told(content: dict[str, msgspec.Raw]) -> Any:
    """What an answer says about its error."""
    text = content.get("error_description") or content.get("message")
    return None if text is None else decoded(text)


def _begins(raw: bytes | Row, sign: bytes) -> bool:
    return bytes(memoryview(raw)[:1]) == sign


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
            return int(id_in(row, decoder, str(spec.id)))
        except (msgspec.DecodeError, TypeError, ValueError) as error:
            raise ProtocolViolationError(
                f"{spec.method} sent a row without a whole number as {spec.id!r}: {_shown(bytes(row))}"
            ) from error

    return read


def parse_rows(rows: Sequence[Row | bytes]) -> list[Mapping[str, Any]]:
    """The rows as dicts; PHP's empty object ``[]`` is an empty row."""
    return [row if isinstance(row, dict) else {} for row in decoded_list(rows)]
