"""The OpenAPI document of the portal: its methods, and what the rows of its lists are.

The documentation shows methods in ``paths`` and says that objects lie in ``components.schemas`` (b24restdocs,
api-reference/rest-v3.md); how a method leads to its object is not said. So both readings are here: the lists of tasks
are described as an array of references, as portals are known to, though their rows come in ``items``; other lists by
the documented form of an answer, ``{"result": {"items": [...]}}``. A list whose page shows neither, and whatever else
there is, is described as an object of which nothing is told. Empty objects are ``[]``, as PHP writes them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from b24data.sandbox.v3.request import Fields

_KINDS: Mapping[str, Mapping[str, str]] = {
    "int": {"type": "integer", "format": "int64"},
    "bool": {"type": "boolean"},
    "float": {"type": "float"},
    "array": {"type": "array"},
}


@dataclass(frozen=True, slots=True)
class Described:
    """A list that the document describes: the name of its rows, their fields, and which of these are moments."""

    entity: str
    fields: Fields
    moments: Collection[str]
    as_array: bool = False


def document(methods: Collection[str], lists: Mapping[str, Described]) -> dict[str, Any]:
    """The document of these methods; ``lists`` are those whose rows it describes."""
    modules = sorted({_module(name) for name in methods})
    schemas = {one.entity: _object({name: _field(one, name) for name in one.fields.types}) for one in lists.values()}
    for one in lists.values():  # the objects that hang on others
        for name, inner in one.fields.related.items():
            schemas[_entity(name)] = _object({key: {"type": "string"} for key in inner})
    return {
        "openapi": "3.0.0",
        "info": {"title": "Bitrix24 REST V3 API", "version": "1.0.0"},
        "servers": [],
        "tags": [{"name": module, "description": f"{module} module methods"} for module in modules],
        "paths": {f"/{name}": {"post": _operation(name, lists.get(name))} for name in methods},
        "components": {"schemas": schemas or []},
    }


def _operation(method: str, described: Described | None) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"result": _result(described)}}
    answer = {"description": "Success response", "content": {"application/json": {"schema": schema}}}
    request = {"content": {"application/json": {"schema": {"type": "object", "properties": []}}}}
    return {"tags": [_module(method)], "requestBody": request, "responses": {"200": answer}}


def _result(described: Described | None) -> dict[str, Any]:
    if described is None:
        return {"type": "object"}
    rows = {"type": "array", "items": {"$ref": f"#/components/schemas/{described.entity}"}}
    return rows if described.as_array else _object({"items": rows})


def _field(described: Described, name: str) -> dict[str, Any]:
    if name in described.fields.related:
        return {"$ref": f"#/components/schemas/{_entity(name)}", "title": name}
    if name in described.moments:
        return {"type": "string", "format": "date-time", "title": name}
    kind = described.fields.types[name]
    return {**_KINDS.get(kind, {"type": kind}), "title": name}


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": dict(properties) or []}


def _module(method: str) -> str:
    return method.partition(".")[0]


def _entity(name: str) -> str:
    return f"{name[:1].upper()}{name[1:]}Dto"
