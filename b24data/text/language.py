"""The language of the reader.

Messages are written in English; :func:`translated` turns them into the reader's language where a person reads them:
in a terminal, a notebook, a panel. Logs, JSON, codes and ``str(error)`` stay English.

The catalogue (``locale/LANGUAGE/LC_MESSAGES/b24data.mo``) has the messages as templates, with ``{}`` for each value.
A text is matched with them, and its values are translated in turn. What matches nothing stays as it is. In a
translation ``{}`` is the next value, ``{0}`` the first one, and ``{0|row|rows|rows}`` the word that goes with the
number in it: for 1, for 2 to 4, and for 5 in Russian.
"""

from __future__ import annotations

import functools
import gettext
import locale
import os
import re
from collections.abc import Iterator
from pathlib import Path

LOCALES = Path(__file__).parents[1] / "locale"
_VARIABLES = ("B24DATA_LANG", "LC_ALL", "LC_MESSAGES", "LANG")
_PLACE = re.compile(r"\{(\d?)(?:\|([^{}|]*)\|([^{}|]*)\|([^{}|]*))?\}")
_NUMBER = re.compile(r"[\d\s.,:%+-]+")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")
_DECIMAL = re.compile(r"[+-]?\d+\.\d+")
_UNIT = re.compile(r"\s(с|мин|ч|МБ|ГБ|%)(?!\w)")  # what makes 5.3 a measure; else it may be a version
_LONGEST = 4_000  # a longer text is data, not a message


def language() -> str:
    """The language of the reader: ``B24DATA_LANG``, else that of the locale; ``en`` where there is no translation.

    >>> before = os.environ.get("B24DATA_LANG")
    >>> os.environ["B24DATA_LANG"] = "ru_RU.UTF-8"
    >>> language()
    'ru'
    >>> os.environ["B24DATA_LANG"] = before or "en"
    """
    named = next((value for name in _VARIABLES if (value := os.environ.get(name))), None)
    if named is None:
        named = locale.getlocale()[0] or ""
    code = named[:2].lower()
    return code if code in _languages() else "en"


@functools.cache
def _languages() -> frozenset[str]:
    return frozenset(path.name for path in LOCALES.glob("??") if path.is_dir())


def translated(text: str, to: str | None = None) -> str:
    """``text`` in the language of the reader, or in ``to``.

    >>> translated("there is no folder deals", to="ru")
    'нет папки deals'
    >>> [translated(f"{rows} rows", to="ru") for rows in (1, 3, 5, 11)]
    ['1 строка', '3 строки', '5 строк', '11 строк']
    >>> translated("no such text", to="ru"), translated("no rows", to="en")
    ('no such text', 'no rows')
    """
    to = to or language()
    return text if to == "en" or len(text) > _LONGEST else _catalogue(to).text(text)


class _Template:
    """A message with places for values, and its translation."""

    __slots__ = ("_numbers", "_open", "_pattern", "_translation", "anchor", "weight")

    def __init__(self, message: str, translation: str) -> None:
        pieces = message.split("{}")
        self.anchor = max(pieces, key=len)
        self.weight = sum(map(len, pieces))
        written = sum(not char.isspace() for piece in pieces for char in piece)
        self._numbers = written < ((4 if pieces[0] else 6) if len(pieces) == 2 else 8)  # so little: only of numbers
        self._open = not pieces[-1]
        self._pattern = re.compile("(.*?)".join(map(re.escape, pieces)), re.DOTALL)
        self._translation = translation

    def values(self, text: str) -> tuple[str, ...] | None:
        """The values in ``text``; None: it is another message."""
        match = self._pattern.fullmatch(text) if self.anchor in text else None
        if match is not None and "\n" in text and any("\n" in value for value in self._inner(match.groups())):
            return None  # a line, and lines around it
        if match is None or (self._numbers and not all(_NUMBER.fullmatch(value) for value in match.groups() if value)):
            return None
        return match.groups()

    def _inner(self, values: tuple[str, ...]) -> tuple[str, ...]:
        """The values that stand on one line with the message; the last one may go on."""
        return values[: len(values) - self._open]

    def filled(self, values: list[str]) -> str:
        """The translation with ``values``."""
        following = iter(range(len(values)))

        def value(place: re.Match[str]) -> str:
            if place[2] is None:
                at = int(place[1]) if place[1] else next(following)
                said = values[at] if at < len(values) else ""
                if _THOUSANDS.fullmatch(said):  # 1,234 is 1.234 in Russian
                    return said.replace(",", "\xa0").replace(".", ",")
                measure = _DECIMAL.fullmatch(said) and _UNIT.match(self._translation, place.end())
                return said.replace(".", ",") if measure else said
            return place[2 + _form(values[int(place[1] or 0)])]

        return _PLACE.sub(value, self._translation)


class _Catalogue:
    """The messages of one language."""

    def __init__(self, messages: dict[str, str]) -> None:
        self._whole = {key: value for key, value in messages.items() if "{}" not in key}
        templates = [_Template(key, value) for key, value in messages.items() if "{}" in key and key != value]
        self._templates = sorted(templates, key=lambda one: -one.weight)

    def text(self, text: str, depth: int = 0, *, alone: bool = True) -> str:
        """``text`` in this language, as far as it is known; a single word only where it stands ``alone``."""
        plain = text.strip()
        words = any(char.isalpha() for char in plain) and (alone or " " in plain)
        found = self._message(plain, depth) if words else None
        if found is None:
            found = next((said for said in self._in_parts(plain, depth) if said != plain), plain)
        return text.replace(plain, found, 1) if plain else text

    def _message(self, plain: str, depth: int) -> str | None:
        if plain in self._whole:
            return self._whole[plain]
        for template in self._templates:
            values = template.values(plain)
            if values is not None:
                return template.filled([self._value(value, depth) for value in values])
        if plain[0].isupper():  # a message as a sentence
            lower = f"{plain[0].lower()}{plain[1:]}"
            said = self._message(lower, depth) or self._message(lower.removesuffix("."), depth)
            return None if said is None else f"{said[0].upper()}{said[1:]}{'.' if plain.endswith('.') else ''}"
        return None

    def _in_parts(self, plain: str, depth: int) -> Iterator[str]:
        """The text with its lines, or the messages that were joined in it, translated one by one."""
        for mark in ("\n", "; ", ". ", ": ", ", "):
            if mark in plain and depth < 4:
                yield mark.join(self.text(part, depth + 1, alone=False) for part in plain.split(mark))

    def _value(self, value: str, depth: int) -> str:
        quoted = value.strip()[:1] in ("'", '"', "", "/")
        return value if quoted or depth > 3 or _NUMBER.fullmatch(value) else self.text(value, depth + 1)


def _form(number: str) -> int:
    """Which word goes with a number in Russian: 0 for 1 and 21, 1 for 2 to 4 and for fractions, 2 for the rest."""
    digits = number.replace(",", "").replace("\xa0", "").replace(" ", "")
    if not digits.isdigit():
        return 1 if re.fullmatch(r"\d+\.\d+", digits) else 2
    count = int(digits)
    if count % 10 == 1 and count % 100 != 11:
        return 0
    return 1 if 2 <= count % 10 <= 4 and not 12 <= count % 100 <= 14 else 2


@functools.cache
def _catalogue(to: str) -> _Catalogue:
    found = gettext.translation("b24data", LOCALES, languages=[to], fallback=True)
    messages = getattr(found, "_catalog", {})
    return _Catalogue({key: value for key, value in messages.items() if key and value})
