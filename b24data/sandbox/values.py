"""What a value means: the one in a request, and the one that a record holds, in a form in which both compare.

Sources: b24restdocs, crm-item-list.md (user fields of booleans take 1 and 0), user-get.md (a value that is not a
date retrieves nothing; ``ACTIVE`` is true). The other pages do not tell what a value of another kind means. So it is
what PHP and
MySQL make of it: a number is read from its leading digits, and what has none is 0; texts compare without regard to
case; a day that no calendar has is nothing, and nothing is equal to it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from b24data.sandbox.columns import ABSENT, ZONE_S

FALSE = "\0false"  # asks for "not filled in", or for the boolean
_MOST = 2**62  # MySQL ends a number there, too, instead of giving up
_LEADING = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d|$)|\d\d\.\d\d\.\d{4}|\d\d/\d\d/\d{4}")
_ISO = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)?)?")
_FORMS = ("%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y")  # the portal's own
_HELD_FORMS = (*_FORMS, "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y")  # in samples of other portals
_ON, _OFF = ("1", "true", "y", "yes"), ("0", "false", "n", "no")
Key = float | str
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_number(value: Any) -> float:
    """A number as PHP reads it from a text: the leading digits, and 0 where there are none.

    >>> to_number("100 000"), to_number("5,6"), to_number("abc"), to_number(" 7.5x")
    (100.0, 5.0, 0.0, 7.5)
    """
    found = _LEADING.match(str(value))
    return max(min(float(found[0]), _MOST), -_MOST) if found else 0.0


def to_stored(kind: str, value: Any) -> int | None:
    """A value from a request in the form in which a column of numbers keeps it; None where it has no meaning.

    >>> to_stored("cents", "10.5"), to_stored("id", "12abc"), to_stored("date", "nonsense")
    (1050, 12, None)
    """
    if kind in ("date", "datetime"):
        return parse_moment(str(value))
    if kind == "id":
        digits = re.match(r"\s*[+-]?\d+(?![\d.eE])", str(value))
        return max(min(int(digits[0]), _MOST), -_MOST) if digits else int(to_number(value))
    return round(max(min(to_number(value), _MOST / 100), -_MOST / 100) * 100)


def parse_moment(text: str) -> int | None:
    """A moment in unix seconds, from ISO 8601 or the portal's own format; without an offset, by the portal's clock.

    >>> parse_moment("1970-01-01"), parse_moment("1970-01-01T00:00:00Z"), parse_moment("01.01.1970 03:00:01")
    (-10800, 0, 1)
    >>> parse_moment("2026-02-30"), parse_moment("2026-2-1"), parse_moment("tomorrow")
    (None, None, None)
    """
    return _moment(text, _FORMS)


def _moment(text: str, forms: tuple[str, ...]) -> int | None:
    moment = None
    if _ISO.fullmatch(text):
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return None
    for form in forms if moment is None else ():
        try:
            moment = datetime.strptime(text, form)
            break
        except ValueError:
            continue
    if moment is None:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone(timedelta(seconds=ZONE_S)))
    return int((moment - _EPOCH) // timedelta(seconds=1))


def moment_text(moment: int) -> str:
    """A moment as MySQL keeps it, by the portal's clock.

    >>> moment_text(0)
    '1970-01-01 03:00:00'
    """
    return f"{_EPOCH + timedelta(seconds=moment + ZONE_S):%Y-%m-%d %H:%M:%S}"


def meaning(kind: str, value: Any) -> Key | None:
    """What a value in a request asks for in a field of a kind; None: it matches nothing.

    Kinds are text, flag (``Y``, ``N``), switch (a user field of booleans, kept as 1 and 0), bool, number, moment.

    >>> meaning("number", "12abc"), meaning("switch", "Y"), meaning("moment", "2026-02-30"), meaning("text", "Won")
    (12.0, None, None, 'won')
    """
    text = str(value).casefold()
    if kind == "number":
        return to_number(value)
    if kind == "moment":
        return parse_moment(str(value))
    if kind == "switch":
        return float(text) if text in ("0", "1") else None
    if kind == "bool":
        return 1.0 if text in ("1", "true") else 0.0 if text in ("0", "false") else None
    return text


def held(kind: str, entry: Any) -> list[Key]:
    """What a stored value is equal to: several in a multiple field, nothing where it is empty.

    >>> held("switch", True), held("number", ["5", 7]), held("text", ""), held("moment", "1970-01-01")
    ([1.0], [5.0, 7.0], [], [-10800])
    """
    if isinstance(entry, list | tuple):
        return [key for inner in entry for key in held(kind, inner)]
    if isinstance(entry, Mapping):
        known = next((name for name in ("VALUE", "id") if name in entry), None)
        return held(kind, entry[known] if known else list(entry.values()))
    if entry is ABSENT or entry is None or (entry == "" and not isinstance(entry, bool)):
        return []
    key = _held_key(kind, entry)
    return [] if key is None else [key]


def _held_key(kind: str, entry: Any) -> Key | None:
    if isinstance(entry, bool):
        return float(entry) if kind in ("number", "switch", "bool") else "y" if entry else "n"
    if kind == "moment":
        return _moment(str(entry), _HELD_FORMS)
    return to_number(entry) if kind == "number" else str(entry).casefold()


def kind_of_value(value: Any) -> str:
    """The kind of a field that is known by a value of it only.

    >>> [kind_of_value(value) for value in (5, "5", "x", True, "2026-01-01T10:00:00+03:00", ["7"])]
    ['number', 'number', 'text', 'bool', 'moment', 'number']
    """
    if isinstance(value, list | tuple):
        return kind_of_value(value[0]) if value else "text"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    text = str(value)
    if text in ("Y", "N"):
        return "flag"
    return "number" if _NUMBER.fullmatch(text) else "moment" if _MOMENT.match(text) else "text"


def fits(kind: str, value: Any) -> bool:
    """Whether a value in a request is of the field's own kind.

    >>> fits("flag", "Y"), fits("flag", 1), fits("number", "100 000"), fits("moment", "2026-02-30"), fits("number", "")
    (True, False, False, False, True)
    """
    if value == "" or kind == "text":
        return True
    text = str(value).casefold()
    if kind == "flag":
        return text in ("y", "n")
    if kind == "number":
        return bool(_NUMBER.fullmatch(text))
    return value == FALSE or meaning(kind, value) is not None


def flagged(kind: str, value: Any) -> Any:
    """A flag in the field's own form, as a lenient portal takes it from any other; what is none stays as it is.

    >>> flagged("flag", 1), flagged("switch", "Y"), flagged("bool", "no"), flagged("flag", "maybe")
    ('Y', '1', '0', 'maybe')
    """
    text = str(value).strip().casefold()
    if kind not in ("flag", "switch", "bool") or (value != FALSE and text not in (*_ON, *_OFF)):
        return value
    return ("Y" if text in _ON else "N") if kind == "flag" else ("1" if text in _ON else "0")
