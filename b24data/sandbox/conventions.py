"""How the families of list methods read a filter: which prefixes and groups there are, and what a name is.

Each is the strictest reading of the methods' pages (b24restdocs). A prefix that a page does not have is a part of the
name for its method, and so the name is one that it does not know. What a method does not know it ignores in silence;
only some pages promise an error. An array under a key that takes no array is not a condition, either.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import lru_cache

OPERATORS = {
    "": "eq", "=": "eq", "@": "eq", "!": "ne", "!=": "ne", "!@": "ne", ">": "gt", ">=": "ge", "<": "lt", "<=": "le",
    "%": "has", "!%": "lacks", "=%": "like", "%=": "like", "!=%": "unlike", "!%=": "unlike",
    "?": "has", "+": "eq_or_null", "><": "between", "!><": "outside",
}  # fmt: skip
_COMPARED = ("", "=", "!", "!=", ">", ">=", "<", "<=")
_WITH_LISTS = (*_COMPARED, "@", "!@")
_LIKE = (*_WITH_LISTS, "%", "=%", "%=")
_ALL = (*_LIKE, "!%", "!=%", "!%=")


@dataclass(frozen=True, slots=True)
class Convention:
    """What one method takes in its filter.

    ``prefixes`` are those of its page. ``groups``: ``logic`` with ``OR``, and conditions under numbered keys.
    ``lists``: an array under a key without ``@`` asks for one of its values. ``refuses``: an unknown name is an error.
    ``any_case``: so are names found. ``patterns``: texts under a plain key are patterns with ``%`` and ``_``, in these
    fields or in all (``*``). ``unlike``: kinds of fields that no ``LIKE`` works with; ``exact``: that nothing else
    works with. ``lenient`` takes any spelling, every prefix, groups, and flags in every form; ``drops_misfits``
    ignores a condition whose value is not of the field's kind.
    """

    prefixes: Collection[str] = _ALL
    groups: bool = False
    lists: bool = False
    refuses: bool = False
    any_case: bool = False
    patterns: Collection[str] = ()
    unlike: Collection[str] = ()
    exact: Collection[str] = ()
    lenient: bool = False
    drops_misfits: bool = False

    def operator(self, prefix: str) -> str | None:
        """What a prefix asks, None where the method has no such prefix."""
        if self.lenient or prefix in self.prefixes:
            return OPERATORS.get(prefix)
        return None

    @property
    def takes_lists(self) -> bool:
        """Whether an array stands under a plain key for one of its values."""
        return self.lists or self.lenient

    def is_pattern(self, name: str) -> bool:
        """Whether a text under the plain name is a pattern."""
        return name in self.patterns or "*" in self.patterns


# crm-deal-list.md: no NOT LIKE among the prefixes; no LIKE in fields of these types.
DEAL = Convention(_LIKE, unlike=("crm_status", "crm_contact", "crm_company"))
# crm-contact-list.md and crm-company-list.md: the same, and multifields for exact matches only; no `logic`.
CONTACT = replace(DEAL, exact=("crm_multifield",))
COMPANY = replace(CONTACT, unlike=("crm_status", "crm_company"))
# crm-lead-list.md and crm-activity-list.md have NOT LIKE (the form with `=` is misprinted there as `=%`).
CLASSIC = Convention((*_LIKE, "!%", "!%="))
ACTIVITY = CLASSIC
# crm-item-list.md: groups to any depth; an unknown field, or a value that is none, is INVALID_ARG_VALUE.
ITEM = Convention(_ALL, groups=True, refuses=True)
# tasks-task-list.md: five prefixes; a title is searched by a pattern.
TASK = Convention(("", "!", "<", "<=", ">", ">="), patterns=("TITLE",))
# user-get.md: values may be arrays; the page's own example searches names by a pattern.
USER = Convention(_ALL, lists=True, patterns=("NAME", "LAST_NAME", "SECOND_NAME", "WORK_POSITION"))
# user-search.md: the named fields, and no prefixes.
SEARCH = Convention(("",), patterns=("*",))
# crm-deal-userfield-list.md and others: "only exact matches".
EXACT = Convention(("",))


@lru_cache(maxsize=512)
def known_by_spelling(names: tuple[str, ...]) -> Callable[[str], str | None]:
    """Finds a name in any spelling: capitals and underscores do not count.

    >>> find = known_by_spelling(("ASSIGNED_BY_ID", "UF_CRM_1"))
    >>> find("assignedById"), find("ufCrm_1"), find("NO_SUCH")
    ('ASSIGNED_BY_ID', 'UF_CRM_1', None)
    """
    by_letters = {_letters(name): name for name in reversed(names)}
    return lambda name: by_letters.get(_letters(name))


def _letters(name: str) -> str:
    return name.replace("_", "").casefold()
