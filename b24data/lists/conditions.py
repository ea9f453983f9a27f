"""A filter as a tree: conditions such as ``>=id``, and groups of them. From what a person wrote to what a method takes.

The forms of a filter: an object whose keys are a comparison and a field, with numbered groups that have ``logic``
(b24restdocs, crm/universal/crm-item-list.md), and the list of conditions that REST 3.0 takes (rest-v3.md). Pure.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set, ValuesView
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from b24data.errors import ConfigError
from b24data.lists.literals import brief
from b24data.text.hints import option

Test = Literal["eq", "ne", "gt", "ge", "lt", "le", "in", "not in", "between", "like", "not like", ""]

_PREFIX = re.compile(r"^[!<>=@%?*~+]*")
# What each comparison means. Source: b24restdocs, the pages of the list methods; `?`, `*` and `==` by their own pages.
_TESTS: Mapping[str, Test] = {
    **dict.fromkeys(("", "=", "=="), "eq"),
    **dict.fromkeys(("!", "!=", "!=="), "ne"),
    ">": "gt",
    ">=": "ge",
    "<": "lt",
    "<=": "le",
    "@": "in",
    "!@": "not in",
    "><": "between",
    **dict.fromkeys(("%", "=%", "%=", "?", "*", "*%", "*="), "like"),
    **dict.fromkeys(("!%", "!=%", "!%=", "!?"), "not like"),
    "!><": "",
    "~": "",
}
_MISWRITTEN = {"=>": ">=", "=<": "<=", "=!": "!=", "<>": "!=", "@!": "!@", "%!": "!%"}
# b24restdocs, api-reference/rest-v3.md: = != > >= < <= in between, and nothing else.
_V3 = {"eq": "=", "ne": "!=", "gt": ">", "ge": ">=", "lt": "<", "le": "<=", "in": "in", "between": "between"}
_V3_PREFIXES = {one: {"in": "@", "between": "><"}.get(one, one) for one in _V3.values()}


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition. ``key`` is how the person wrote it; ``prefix``, ``name`` and ``value`` are what is sent.

    ``field`` is the code of the field whose value in a row it compares with, ``wanted`` the value as a row has it
    (int, float, bool, date, datetime, a text in lower case; None: empty; a tuple of these). Where rows can't tell,
    ``why`` says why not; where they can, but rows that are missing would not show, ``unsure`` does. ``opaque`` values
    are passed on as they are.
    """

    key: str
    prefix: str
    name: str
    value: Any
    field: str = ""
    wanted: Any = None
    why: str = ""
    unsure: str = ""
    opaque: bool = False

    @property
    def test(self) -> Test:
        """How the field is compared; a list of values after a plain comparison asks for any of them."""
        test = _TESTS[self.prefix]
        if isinstance(self.value, list):
            return {"eq": "in", "ne": "not in"}.get(test, test)  # type: ignore[return-value]
        return test

    @property
    def sent(self) -> str:
        """The key as it is sent."""
        return f"{self.prefix}{self.name}"


@dataclass(frozen=True, slots=True)
class Group:
    """Conditions of which all have to hold, or, with ``either``, one; ``negative`` turns the result round (REST 3.0).

    ``key`` is the number that the person gave it; ``word`` how the key ``logic`` was written.
    """

    key: str = ""
    members: tuple[Node, ...] = ()
    either: bool = False
    negative: bool = False
    word: str = ""


Node: TypeAlias = Condition | Group


def test_of(prefix: str) -> Test | None:
    """What a comparison asks; None: there is no such comparison."""
    return _TESTS.get(prefix)


test_of.__test__ = False  # type: ignore[attr-defined]  # not a test of pytest's


def split_filter_key(key: str) -> tuple[str, str]:
    """The comparison and the field of a filter key.

    >>> split_filter_key(">=DATE_CREATE"), split_filter_key("STAGE_ID"), split_filter_key("!%TITLE")
    (('>=', 'DATE_CREATE'), ('', 'STAGE_ID'), ('!%', 'TITLE'))
    """
    prefix = _PREFIX.match(key)
    length = prefix.end() if prefix else 0
    return key[:length], key[length:]


def tree_of(given: Any, *, v3: bool = False) -> Group:
    """What a person gave as ``filter``; :class:`ConfigError` that shows the right form for anything else.

    >>> tree_of({">=ID": 5}).members[0].sent
    '>=ID'
    >>> tree_of("ID=5")
    Traceback (most recent call last):
    b24data.errors.ConfigError: filter is the text 'ID=5'. Hint: write filter={">=DATE_CREATE": "2026-01-01"}.
    """
    if given is None:
        return Group()
    if isinstance(given, Mapping):
        return _outermost(_v3_group(given) if v3 and "conditions" in given else _object_group("", given))
    if isinstance(given, list | tuple) and v3:
        return Group("", tuple(_v3_node(one) for one in given))
    if isinstance(given, list | tuple) and given and all(isinstance(one, Mapping) for one in given):
        # PHP writes the groups of an object, numbered from 0, as a list.
        return Group("", tuple(_object_group(str(at), one) for at, one in enumerate(given)))
    form = [["id", ">", 5], ["status", "in", [2, 3]]] if v3 else {">=DATE_CREATE": "2026-01-01"}
    what = f"the text {given!r}" if isinstance(given, str) else f"{brief(given)} ({type(given).__name__})"
    raise ConfigError(f"filter is {what}", hint=f"write {option('filter', form)}")


def _outermost(group: Group) -> Group:
    """A walk adds its own conditions with AND, so a filter that is one OR becomes a group."""
    if group.either or group.negative:
        return Group("", (replace(group, key=group.key or "0"),))
    return Group("", group.members)


def _object_group(key: str, given: Mapping[Any, Any]) -> Group:
    members: list[Node] = []
    either, word = False, ""
    for raw, value in given.items():
        name = _key(raw)
        if name.lower() == "logic":
            word, either = name, _logic(value)
        elif name.isdecimal() and isinstance(value, Mapping):
            members.append(_object_group(name, value))
        elif name.isdecimal():
            raise ConfigError(
                f"the group {name!r} of the filter is {brief(value)}", hint='write {"0": {"logic": "OR", ...}}'
            )
        else:
            members.append(_condition(name, value))
    if not members and (key or word):
        raise ConfigError(f"the group {key or word!r} of the filter has no condition", hint="leave it out")
    return Group(key, tuple(members), either=either, word=word)


def _condition(key: str, value: Any) -> Condition:
    prefix, name = split_filter_key(key)
    if prefix not in _TESTS:
        right = _MISWRITTEN.get(prefix) or next(iter(difflib.get_close_matches(prefix, _TESTS, n=1, cutoff=0.5)), "=")
        raise ConfigError(f"the filter {key!r}: there is no comparison {prefix!r}", hint=f"did you mean {right}{name}?")
    if not name:
        raise ConfigError(f"the filter {key!r} names no field", hint='such as {">=DATE_CREATE": "2026-01-01"}')
    return Condition(key, prefix, name, _listed(value))


def _listed(value: Any) -> Any:
    """A list for every kind of several values; mappings and scalars stay."""
    if isinstance(value, str | bytes | bytearray | memoryview | Mapping):
        return value
    series = any(hasattr(value, name) for name in ("tolist", "to_list", "to_pylist")) and getattr(value, "ndim", 1) == 1
    if isinstance(value, Set):
        return sorted(value, key=repr)  # in the same order in each process, by which a fetch knows its query again
    if isinstance(value, Sequence | ValuesView) or (series and hasattr(value, "__len__")):
        return list(value)  # of an array, a Series, an Index: element by element, which keeps points in time
    return value


def _key(raw: Any) -> str:
    if isinstance(raw, bool) or not isinstance(raw, str | int):
        raise ConfigError(f"the filter has the key {brief(raw)}, which is not a text", hint='such as ">=DATE_CREATE"')
    return (str.__str__(raw) if isinstance(raw, str) else str(raw)).strip()


def _logic(value: Any) -> bool:
    if not isinstance(value, str) or value.upper() not in ("AND", "OR"):
        raise ConfigError(f"logic in the filter is {brief(value)}", hint='it is "AND" or "OR"')
    return value.upper() == "OR"


def _v3_node(one: Any) -> Node:
    if isinstance(one, Mapping):
        return _v3_group(one)
    if not isinstance(one, list | tuple) or len(one) not in (2, 3) or not isinstance(one[0], str):
        raise ConfigError(f"the filter has {brief(one)}, which is not a condition", hint='such as ["id", ">", 5]')
    if len(one) == 2:
        return _condition(one[0], one[1])
    prefix = _V3_PREFIXES.get(str(one[1]).lower())
    if prefix is None:
        raise ConfigError(
            f"the filter {brief(one)}: REST 3.0 has no comparison {one[1]!r}",
            hint=f"it has {' '.join(_V3_PREFIXES)}",
        )
    return replace(_condition(f"{prefix}{one[0]}", one[2]), key=str(one[0]))


def _v3_group(given: Mapping[Any, Any]) -> Group:
    unknown = [key for key in given if key not in ("logic", "conditions", "negative")]
    if unknown or not isinstance(given.get("conditions"), list | tuple):
        raise ConfigError(
            f"the filter has the group {brief(dict(given))}",
            hint='write {"logic": "or", "conditions": [["id", "=", 1], ["id", "=", 2]]}',
        )
    either = _logic(given.get("logic", "and"))
    members = tuple(_v3_node(one) for one in given["conditions"])
    if not members:
        raise ConfigError("a group of the filter has no condition", hint="leave it out")
    return Group("", members, either=either, negative=given.get("negative") is True, word="logic")


def each_condition(node: Node) -> Iterator[Condition]:
    """The conditions of a tree, in order."""
    if isinstance(node, Condition):
        yield node
    else:
        for member in node.members:
            yield from each_condition(member)


def bounds_of(nodes: Iterable[Node], id_asked: str) -> tuple[list[Node], int | None, int | None]:
    """Conditions without bounds on the id, and those bounds as ``low < id <= high``.

    >>> rest, low, high = bounds_of(tree_of({">=ID": 5, "<ID": 9, "STAGE_ID": "NEW"}).members, "ID")
    >>> [one.sent for one in rest], low, high
    (['STAGE_ID'], 4, 8)
    """
    rest: list[Node] = []
    low: int | None = None
    high: int | None = None
    for node in nodes:
        test = node.test if isinstance(node, Condition) and node.name.lower() == id_asked.lower() else ""
        if not isinstance(node, Condition) or test not in ("gt", "ge", "lt", "le"):
            rest.append(node)
            continue
        bound = int(node.value)
        if test in ("gt", "ge"):
            bound -= test == "ge"
            low = bound if low is None else max(low, bound)
        else:
            bound -= test == "lt"
            high = bound if high is None else min(high, bound)
    return rest, low, high


def as_object(nodes: Iterable[Node]) -> dict[str, Any]:
    """The conditions as an object; :class:`ConfigError` where two of them would have the same key.

    >>> as_object(tree_of({"logic": "OR", ">id": 5, "title": "x"}).members)
    {'0': {'logic': 'OR', '>id': 5, 'title': 'x'}}
    """
    found: dict[str, Any] = {}
    for node in nodes:
        if isinstance(node, Group):
            logic = {node.word: "OR" if node.either else "AND"} if node.word else {}
            key, value = node.key, {**logic, **as_object(node.members)}
        else:
            key, value = node.sent, node.value
        if key in found:
            raise ConfigError(f"the filter has {key!r} twice", hint="keep one of them; for several values use @")
        found[key] = value
    return found


def as_v3(nodes: Iterable[Node]) -> list[Any]:
    """The conditions as REST 3.0 wants them; :class:`ConfigError` for a comparison that it does not have.

    >>> as_v3(tree_of({">=id": 5, "status": [2, 3], "!title": ""}).members)
    [['id', '>=', 5], ['status', 'in', [2, 3]], ['title', '!=', '']]
    """
    found: list[Any] = []
    for node in nodes:
        if isinstance(node, Group):
            group = {"logic": "or" if node.either else "and", "conditions": as_v3(node.members)}
            found.append({**group, "negative": True} if node.negative else group)
            continue
        operator = _V3.get(node.test)
        if operator is None:
            raise ConfigError(
                f"the filter {node.key!r}: REST 3.0 has no {node.prefix!r}", hint="it has = != > >= < <= @ and ><"
            )
        found.append([node.name, operator, node.value])
    return found
