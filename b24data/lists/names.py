"""Names of fields as a person writes them, found in the method's own spelling. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable

from b24data.errors import SchemaError
from b24data.text.hints import option

ANYWAY = f"{option('check_fields', False)} sends it unchanged"
# Letters of two alphabets in one name: most of the Cyrillic capitals look Latin.
_MIXED = re.compile(r"[A-Za-z].*[^\x00-\x7f]|[^\x00-\x7f].*[A-Za-z]", re.DOTALL)


def folded(name: str) -> str:
    """What two spellings of one name have in common: capitals and underscores do not count.

    >>> folded("RESPONSIBLE_ID") == folded("responsibleId")
    True
    """
    return name.replace("_", "").lower()


def near_names(name: str, known: Iterable[str], count: int = 3) -> list[str]:
    """The known names that are most like ``name``.

    >>> near_names("TITEL", ["ID", "TITLE"])
    ['TITLE']
    """
    plain = {folded(one): one for one in known}
    return [plain[match] for match in difflib.get_close_matches(folded(name), plain, n=count, cutoff=0.6)]


def misspells(name: str, known: Iterable[str]) -> bool:
    """Whether a name is so like a known one that it is taken for it, though there may be others.

    >>> misspells("CALL_DURATON", ["CALL_DURATION"]), misspells("dateFrom", ["datePeriod"])
    (True, False)
    """
    near = difflib.get_close_matches(folded(name), [folded(one) for one in known], n=1, cutoff=0.8)
    return bool(near) and near[0] != folded(name)


def check_names(names: Iterable[str], known: Collection[str], *, where: str = "select", hint: str = "") -> None:
    """Raises :class:`SchemaError` that gives the nearest of the ``known`` names for each one that is not among them.

    >>> check_names(["TITEL"], ["ID", "TITLE"])
    Traceback (most recent call last):
    b24data.errors.SchemaError: no such field in select: TITEL (did you mean TITLE?)
    """
    advice = []
    for name in names:
        if name not in known:
            near = near_names(name, known)
            shown = ascii(name) if _MIXED.search(name) or not name.isprintable() else name
            advice.append(f"{shown} (did you mean {', '.join(near)}?)" if near else shown)
    if advice:
        raise SchemaError(f"no such field in {where}: {', '.join(advice)}", hint=hint)
