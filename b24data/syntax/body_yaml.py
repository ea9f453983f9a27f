"""The YAML of a body: keys with operators, values that are not changed, no key twice. Loaded where a body is read."""

from __future__ import annotations

import re
from typing import Any

import yaml

from b24data.errors import ConfigError
from b24data.syntax.bodies import plain_of
from b24data.syntax.references import expression_end

__all__ = ["Loader"]

_PLAIN = "tag:b24data,plain"
_OPERATOR_KEY = re.compile(r"[<>=!@%*]+[\w.]+\s*:(?:[\s,\[\]{}\0]|$)")
_GOES_ON = re.compile(r"[^\s,\[\]{}\0]")


class Loader(yaml.SafeLoader):
    """YAML in which ``>=DATE_CREATE`` is a key, ``{{expression}}`` a text, and ``0123`` what it says.

    YAML 1.1 reads ``0123``, ``12:30``, ``1_000`` and ``on`` as other values than were written:
    https://yaml.org/type/. Here :func:`b24data.syntax.bodies.plain_of` decides, as for an option.
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
        found: dict[Any, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key is a text", key.start_mark)
            if key.value == "<<" and key.style is None:
                raise yaml.constructor.ConstructorError(None, None, "<< merges nothing here", key.start_mark)
            if key.value in found:
                line = key.start_mark.line + 1
                raise ConfigError(f"{key.value} stands twice, the second time in line {line}", hint="keep one of them")
            found[key.value] = self.construct_object(value, deep=deep)
        return found


Loader.add_constructor(_PLAIN, Loader.construct_plain)
