"""The body of a cell, and what is typed as YAML or JSON elsewhere: the parameters of a notebook. Pure.

Keys may begin with operators, values are not changed, no key is given twice. It is imported where a body is read, as
its library takes time to load.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping
from typing import Any

import yaml

from b24data.errors import ConfigError
from b24data.syntax.references import Expand, expression_end
from b24data.syntax.values import (
    conditions_of,
    expanded,
    key_of,
    load_json,
    names_of,
    order_of,
    plain_of,
    with_lists,
    without_semicolon,
)


def body_of(text: str, expand: Expand = str) -> tuple[dict[str, Any], dict[str, Any]]:
    """``select``, ``filter`` and ``order`` of a YAML or JSON body, and its other parameters.

    A text reads as it does behind the option. Dates stay text; ``N``, ``no`` and ``0123`` are what they are.

    >>> body_of("select: ID, TITLE\\nfilter:\\n  >=DATE_CREATE: 2026-01-01\\nentityTypeId: 2")
    ({'select': ['ID', 'TITLE'], 'filter': {'>=DATE_CREATE': '2026-01-01'}}, {'entityTypeId': 2})
    """
    if not without_semicolon(text).strip():
        return {}, {}
    value = read_body(without_semicolon(text))
    if isinstance(value, str):
        value, expand = expand(value), str
    if value is None:
        return {}, {}
    if not isinstance(value, Mapping):
        raise ConfigError("the body of the cell is not a mapping of parameters", hint="such as  select: [ID, TITLE]")
    lifted: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for key, part in value.items():
        name = key_of(key, "the key").lower()
        if name not in _LIFTED:
            rest[key_of(expand(key), "the key")] = expanded(part, expand)
        elif name in lifted:
            raise ConfigError(f"{key} is given twice in the body of the cell", hint="keep one of them")
        elif part is None:
            raise ConfigError(f"{key}: is empty", hint=f"such as  {key}: {_LIFTED[name]}; deeper lines belong to it")
        else:
            lifted[name] = _lifted(name, part, expand)
    return lifted, rest


_LIFTED = {"select": "[ID, TITLE]", "filter": '{">=DATE_CREATE": 2026-01-01}', "order": "{ID: DESC}"}


def _lifted(name: str, part: Any, expand: Expand) -> Any:
    if name == "select":
        return names_of(part, expand, "select:")
    if name == "order":
        return order_of(part, expand, "order:")
    if isinstance(part, str) or (isinstance(part, list) and part and all(isinstance(one, str) for one in part)):
        return conditions_of([part] if isinstance(part, str) else part, expand, "filter:")
    if not isinstance(part, Mapping):
        raise ConfigError(
            f"filter: {part} is not a mapping of conditions", hint=f"such as  filter: {_LIFTED['filter']}"
        )
    return with_lists(expanded(part, expand), "filter:")


def scalar_of(text: str) -> Any:
    """A value as YAML means it, and Python; dates, times and numbers that begin with a zero stay text.

    >>> [scalar_of(text) for text in ("5", "0.5", "true", "None", "2026-10-01", "007", "12:30", "[NEW, WON]")]
    [5, 0.5, True, None, '2026-10-01', '007', '12:30', ['NEW', 'WON']]
    """
    return _yaml_of(text, text) if text[:1] in ("[", "{", "'", '"') else plain_of(text)


def read_body(text: str) -> Any:
    """The body of a cell, which is YAML or JSON; every plain value as :func:`plain_of` reads it.

    >>> read_body("filter:\\n  >=DATE_CREATE: 2026-01-01\\n  ORIGIN_ID: 0123")
    {'filter': {'>=DATE_CREATE': '2026-01-01', 'ORIGIN_ID': '0123'}}
    """
    if text.lstrip()[:1] == "{":
        with contextlib.suppress(json.JSONDecodeError, RecursionError):  # braces are YAML too
            return load_json(text)
    return _yaml_of(text, "the body of the cell")


def _yaml_of(text: str, what: str) -> Any:
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506  a SafeLoader
    except RecursionError as error:
        raise ConfigError(f"{what} is nested too deep") from error
    except (yaml.YAMLError, ValueError) as error:
        if isinstance(error, ConfigError):
            raise
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", "") or getattr(error, "reason", "") or ""
        raise ConfigError(f"{what} is neither YAML nor JSON{where}", hint=str(problem)) from error


_PLAIN = "tag:b24data,plain"
_OPERATOR_KEY = re.compile(r"[<>=!@%*]+[\w.]+\s*:(?:[\s,\[\]{}\0]|$)")
_GOES_ON = re.compile(r"[^\s,\[\]{}\0]")


class _Loader(yaml.SafeLoader):
    """YAML in which ``>=DATE_CREATE`` is a key, ``{{expression}}`` a text, and ``0123`` what it says.

    YAML 1.1 reads ``0123``, ``12:30``, ``1_000`` and ``on`` as other values than were written:
    https://yaml.org/type/. Here :func:`b24data.syntax.values.plain_of` decides, as for an option.
    """

    # Keys that begin with an operator: elsewhere in YAML these characters have meanings of their own.

    def _at_operator_key(self) -> bool:
        return _OPERATOR_KEY.match(self.buffer, self.pointer) is not None

    def check_plain(self) -> Any:
        """Whether a plain scalar begins here."""
        return self._at_operator_key() or super().check_plain()

    def check_directive(self) -> Any:
        """Whether a directive begins here."""
        return not self._at_operator_key() and super().check_directive()  # type: ignore[no-untyped-call]

    def fetch_alias(self) -> None:
        """Read ``*NAME``, which may be a key with an operator."""
        self.fetch_plain() if self._at_operator_key() else super().fetch_alias()

    def fetch_tag(self) -> None:
        """Read ``!NAME``, which may be one too."""
        self.fetch_plain() if self._at_operator_key() else super().fetch_tag()

    def fetch_folded(self) -> None:
        """Read ``>``, which may begin one too."""
        self.fetch_plain() if self._at_operator_key() else super().fetch_folded()

    # {{expression}}: elsewhere a mapping as the key of a mapping, which nothing here takes.

    def fetch_flow_mapping_start(self) -> None:
        """Read ``{``, or an expression with all that stands behind it."""
        if self.prefix(2) != "{{":
            super().fetch_flow_mapping_start()
            return
        self.save_possible_simple_key()
        self.allow_simple_key = False
        start, length = self.get_mark(), expression_end(self.buffer, self.pointer) - self.pointer
        text = self.prefix(length)
        self.forward(length)
        if _GOES_ON.match(self.peek()):
            text += self.scan_plain().value
        self.tokens.append(yaml.ScalarToken(text, False, start, self.get_mark(), '"'))

    # Values.

    def construct_object(self, node: Any, deep: bool = False) -> Any:  # noqa: ARG002
        """The value of a node with all that is in it: an alias of what it stands in has none."""
        if node in self.recursive_objects:
            hint = "an alias (*name) repeats another value"
            raise ConfigError(f"the value of line {node.start_mark.line + 1} contains itself", hint=hint)
        try:
            return super().construct_object(node, deep=True)
        except (ValueError, ArithmeticError, LookupError, AttributeError) as error:
            if isinstance(error, ConfigError):
                raise
            tag, line = node.tag.replace("tag:yaml.org,2002:", "!!"), node.start_mark.line + 1
            raise ConfigError(
                f"{str(node.value)[:60]!r} in line {line} does not fit {tag}", hint=f"leave {tag} out"
            ) from error

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        """Every plain scalar is ours; one with quotation marks or a tag is what it says."""
        if kind is yaml.ScalarNode and implicit[0]:
            return _PLAIN
        return super().resolve(kind, value, implicit)  # type: ignore[no-untyped-call]

    def construct_plain(self, node: Any) -> Any:
        """The value of a plain scalar; without a text it is null."""
        return plain_of(node.value) if node.value else None

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """A key is the text that was written, and stands once."""
        if not isinstance(node, yaml.MappingNode):
            return super().construct_mapping(node, deep=deep)  # which says so
        found: dict[Any, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key is a text", key.start_mark)
            if key.value == "<<" and key.style is None:
                raise yaml.constructor.ConstructorError(None, None, "<< merges nothing here", key.start_mark)
            if key.value in found:
                line = key.start_mark.line + 1
                raise ConfigError(
                    f"{key.value} is given twice, the second time in line {line}", hint="keep one of them"
                )
            found[key.value] = self.construct_object(value, deep=deep)
        return found


_Loader.add_constructor(_PLAIN, _Loader.construct_plain)
