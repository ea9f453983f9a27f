"""Fills the tables of docs/methods.md from the package's facts about list methods: ``python docs/make_methods.py``."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from b24data.lists.columns import column_facts
from b24data.lists.filters import FilterFacts, FilterName, filter_facts
from b24data.lists.methods import MethodSpec, known_methods, spec_of

PAGE = Path(__file__).with_name("methods.md")

WALKS = {
    "keyset": ("ranges of ids, fifty pages to a request", "the largest id of the beginning, or a short page"),
    "offset": ("`start`; pages fifty to a request where the portal counts", "the total, or an empty page"),
    "offset_limit": ("an offset and a limit, the largest that is documented", "an empty page, or the total"),
    "page_nav": ("the number of the page", "the total, an empty page, or the last page again"),
    "last_id": ("the last id, newest rows first", "an empty page"),
    "v3_keyset": ("REST 3.0: a filter on the last id", "an empty page; a shorter one proves nothing there"),
    "v3_tail": ("REST 3.0: a cursor", "an empty page, or no further cursor"),
    "whole": ("one answer", "it has no pages"),
    "refused": ("reading it removes rows", ""),
}

_ORDER = ["=", "!=", "!", ">", ">=", "<", "<=", "><", "!><", "@", "!@", "%", "=%", "%=", "!%", "!=%", "!%=", "+", "?"]


def page() -> str:
    """The page with its tables as the facts are now."""
    text = PAGE.read_text(encoding="utf-8")
    tables = (("walks", _walks()), ("methods", _methods()), ("filters", _filters()), ("names", _names()))
    for name, lines in tables:
        head, _, rest = text.partition(f"<!-- {name} -->\n")
        _, _, tail = rest.partition("<!-- end -->")
        text = "\n".join([f"{head}<!-- {name} -->", *lines, "<!-- end -->"]) + tail
    return text


def _walks() -> list[str]:
    count = Counter(spec_of(name).walk for name in known_methods())
    rows = [f"| `{walk}` | {count[walk]} | {how} | {why} |" for walk, (how, why) in WALKS.items()]
    return ["| walk | methods | how it goes on | why it ends |", "|---|---|---|---|", *rows]


def _methods() -> list[str]:
    rows = [_row(name, spec_of(name)) for name in known_methods()]
    return ["| method | walk | rows | id | page | needs | types | notes |", "|---|---|---|---|---|---|---|---|", *rows]


def _row(name: str, spec: MethodSpec) -> str:
    rows = f"`{spec.rows_at}`" if spec.rows_at else ""
    size = "" if spec.walk in ("whole", "refused") and not spec.page_max else str(spec.page_asked)
    needs = ", ".join(f"`{path}`" for path in spec.required).replace("|", "` or `")
    row_id = " + ".join(f"`{name}`" for name in (spec.id, *spec.key_with) if name)
    cells = (f"`{name}`", spec.walk, rows, row_id, size, needs, _types(spec), "; ".join(_notes(spec)))
    return "| " + " | ".join(cells) + " |"


def _types(spec: MethodSpec) -> str:
    """Where the types of the columns come from, the first that knows one."""
    known = len(column_facts(spec))
    return ", ".join([f"`{spec.fields}`"] * bool(spec.fields) + [f"{known} of the page"] * bool(known)) or "rows"


def _notes(spec: MethodSpec) -> list[str]:
    notes = []
    if spec.version == "v3":
        notes.append("REST 3.0")
    if spec.deprecated:
        notes.append("deprecated" + (f": use `{spec.deprecated}`" if isinstance(spec.deprecated, str) else ""))
    if spec.positional:
        notes.append("parameters by position")
    if spec.shape == "by_key":
        notes.append("rows by key" + (f" in `{spec.key}`" if spec.key else ""))
    if spec.shape == "groups":
        notes.append(f"lists by key in `{spec.key}`")
    if not spec.short_page_ends:
        notes.append("pages may be short")
    notes += [f"by default only {words} (`{path.replace('|', '` or `')}`)" for path, words in spec.part.items()]
    if spec.modified:
        notes.append(f"sync by `{spec.modified}`")
    if spec.walk == "refused":
        notes.append(spec.refusal)
    return notes


def _filters() -> list[str]:
    facts = {name: filter_facts(spec_of(name)) for name in known_methods()}
    rows = [_filter_row(name, known) for name, known in facts.items() if known.family]
    return ["| method | names | comparisons | with a list | notes |", "|---|---|---|---|---|", *rows]


def _filter_row(name: str, facts: FilterFacts) -> str:
    cells = (f"`{name}`", _naming(facts), _prefixes(facts.prefixes), _prefixes(facts.lists), "; ".join(_marks(facts)))
    return "| " + " | ".join(cells) + " |"


def _naming(facts: FilterFacts) -> str:
    kind = f"{len(facts.names)} names" if facts.only_named and len(facts.names) > 1 else "fields"
    if facts.only_named and len(facts.names) == 1:
        kind = "`" + "".join(facts.names) + "`"
    example = {"upper": "`UPPER_CASE`", "camel": "`camelCase`", "as_is": ""}[facts.spelling]
    return ", ".join(part for part in (kind, example) if part)


def _prefixes(prefixes: frozenset[str] | None) -> str:
    known = sorted((prefixes or frozenset()) - {""}, key=_ORDER.index)
    return " ".join((["plain"] if "" in (prefixes or ()) else []) + [f"`{prefix}`" for prefix in known])


def _marks(facts: FilterFacts) -> list[str]:
    marks = []
    if facts.family == "parameters":
        marks.append("in `params=`")
    if facts.groups:
        marks.append("groups")
    if facts.flags:
        marks.append(facts.flags)
    if facts.user_flags:
        marks.append(f"user fields {facts.user_flags}")
    return marks


def _names() -> list[str]:
    escaped = r"\|"
    rows = [
        f"| `{method}` | `{name}` | {_compared(known)} | {known.meaning.replace('|', escaped)} |"
        for method in known_methods()
        for name, known in filter_facts(spec_of(method)).names.items()
        if known.field or known.meaning
    ]
    return ["| method | name | compares with | what it means |", "|---|---|---|---|", *rows]


def _compared(known: FilterName) -> str:
    if known.prefixes == frozenset():
        return "not supported"
    return {"": "the field", "-": ""}.get(known.field, f"`{known.field}`")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
