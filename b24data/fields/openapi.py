"""What a portal's own OpenAPI document says about the rows of its REST 3.0 lists. Pure.

Documented is that methods lie in ``paths`` and objects in ``components.schemas`` (b24restdocs,
api-reference/rest-v3.md); the rest is OpenAPI 3.0 and what portals make of it: they describe a list as an array,
though its rows come in ``items``, know a type ``float``, and write an empty object as ``[]``. What is described in
another way counts as not described.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

OPENAPI = "rest.documentation.openapi"

_TYPES = {"integer": "integer", "number": "double", "float": "double", "boolean": "boolean", "object": "object"}
_FORMATS = {"date-time": "datetime", "date": "date"}
_MOST_STEPS = 10  # of references to references


def rows_described(document: Any) -> dict[str, dict[str, Any]]:
    """The fields of the rows by list method, in lower case: descriptions as :func:`read_fields` takes them.

    >>> row = {"properties": {"id": {"type": "integer"}, "at": {"type": "string", "format": "date-time"}}}
    >>> result = {"type": "array", "items": {"$ref": "#/components/schemas/Result"}}
    >>> answer = {"content": {"application/json": {"schema": {"properties": {"result": result}}}}}
    >>> paths = {"/tasks.task.result.list": {"post": {"responses": {"200": answer}}}}
    >>> rows_described({"paths": paths, "components": {"schemas": {"Result": row}}})["tasks.task.result.list"]
    {'id': {'type': 'integer'}, 'at': {'type': 'datetime'}}
    """
    schemas = _at(document, "components", "schemas")
    found = {}
    for path, operations in _map(_at(document, "paths")).items():
        operation = _at(operations, "post") or _at(operations, "get")
        schema = _at(operation, "responses", "200", "content", "application/json", "schema")
        row = _row(_resolved(_at(_resolved(schema, schemas), "properties", "result"), schemas), schemas)
        fields = {name: _field(_map(one), schemas) for name, one in _map(_at(row, "properties")).items()}
        if fields:
            found[path.strip("/").lower()] = fields
    return found


def _row(result: Any, schemas: Any) -> Any:
    """What one row is: the elements of ``result``, of its ``items``, or of its only list."""
    if _at(result, "type") != "array":
        inner = {name: _resolved(one, schemas) for name, one in _map(_at(result, "properties")).items()}
        lists = [one for one in inner.values() if _at(one, "type") == "array"]
        result = inner.get("items") or (lists[0] if len(lists) == 1 else None)
    return _resolved(_at(result, "items"), schemas)


def _field(schema: Mapping[str, Any], schemas: Any) -> dict[str, Any]:
    """A field's description; without a type where the document's says nothing that rows could not say better."""
    facts: dict[str, Any] = {}
    resolved = _resolved(schema, schemas)
    kind = _at(resolved, "type")
    element = _at(_resolved(_at(resolved, "items"), schemas), "type")
    if kind == "array":
        facts = {"type": "array"}
        if element in ("integer", "number", "float", "boolean", "string"):
            facts = {**_field(_map(_at(resolved, "items")), schemas), "isMultiple": True}
    elif kind == "string":
        facts = {"type": _FORMATS.get(_at(resolved, "format"), "string")}
    elif kind in _TYPES:
        facts = {"type": _TYPES[kind]}
    title = _at(schema, "title")
    return {**facts, "title": title} if isinstance(title, str) and title else facts


def _resolved(schema: Any, schemas: Any) -> Any:
    """The schema that a reference means; a reference in a circle, or to nothing, means nothing."""
    for _ in range(_MOST_STEPS):
        reference = _at(schema, "$ref")
        if not isinstance(reference, str):
            return schema
        schema = _at(schemas, reference.rpartition("/")[2])
    return None


def _at(value: Any, *path: str) -> Any:
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
