"""What stands behind the options of a line: names, conditions, parameters, references. Pure: text in, values out.

Values may name what the notebook has: ``$name``, or ``{{an expression}}``. A value that is nothing but such a
reference keeps its type, so a list stays a list; ``$$`` is a dollar sign.

``said`` is what an error calls the text: an option, or a key of a body.
"""

from __future__ import annotations

import difflib
import operator
import os
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from b24data.errors import ConfigError
from b24data.syntax.bodies import json_of, plain_of, read_body
from b24data.syntax.references import Reference, in_a_text, kind_of, listed, parts_of

__all__ = [
    "Expand",
    "body_of",
    "conditions_of",
    "expander",
    "joined",
    "labels_of",
    "mapping_of",
    "names_of",
    "order_of",
    "parse_int",
    "text_of",
    "types_of",
    "without_semicolon",
    "words_of",
    "zone_of",
]

Expand = Callable[[str], Any]


def words_of(line: str) -> list[str]:
    r"""The words of a line; quotes hold together what belongs together, a backslash is a backslash.

    >>> words_of(r'fetch crm.deal.list --filter "%TITLE=two words" --to C:\\deals.parquet')[-3:]
    ['%TITLE=two words', '--to', 'C:\\\\deals.parquet']
    """
    import shlex

    lexer = shlex.shlex(line, posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.commenters, lexer.escape = True, "", ""
    try:
        return list(lexer)
    except ValueError as error:
        raise ConfigError("a quotation mark is not closed", hint=f"in: {line.strip()}") from error


def without_semicolon(text: str) -> str:
    """A line or a body without the ``;`` at its end, by which a notebook shows no result.

    >>> without_semicolon("fetch crm.deal.list --filter STAGE_ID=WON; "), without_semicolon('--filter "TITLE=a;"')
    ('fetch crm.deal.list --filter STAGE_ID=WON', '--filter "TITLE=a;"')
    """
    bare = text.rstrip("; \t\r\n")
    return bare if ";" in text[len(bare) :] else text


# Names, conditions, parameters.


def labels_of(given: str | None, expand: Expand = str) -> Any:
    """``--labels``: ``add``, ``replace``, or the columns that get labels.

    >>> labels_of("add"), labels_of("STAGE_ID, COMPANY_ID")
    ('add', ['STAGE_ID', 'COMPANY_ID'])
    """
    names = names_of(given, expand, "--labels")
    if names is None or len(names) > 1:
        return names
    if near := difflib.get_close_matches(names[0], ("add", "replace"), n=1):
        if near[0] != names[0]:
            raise ConfigError(f"argument --labels: there is no {names[0]!r}", hint=f"did you mean {near[0]}?")
        return names[0]
    return names


def names_of(given: Any, expand: Expand = str, said: str = "--select") -> list[str] | None:
    """``ID,TITLE`` as a list of names; a reference may be a list, or a text of the same form.

    >>> names_of("ID, TITLE")
    ['ID', 'TITLE']
    """
    if given is None:
        return None
    value = _expanded(given, expand)
    if isinstance(value, str):
        value = value.split(",")
    names: list[Any] = []
    for one in value if isinstance(value, list) else [value]:
        names += one if isinstance(one, list) else [one]  # [ID, $more]
    if not all(isinstance(name, str) for name in names):
        raise ConfigError(f"{said} {given} is not a list of field names", hint=f"such as {_example(said, 'ID,TITLE')}")
    names = [str(name).strip() for name in names if name.strip()]
    if not names:
        hint = f"such as {_example(said, 'ID,TITLE')}; without {said.rstrip(':')} all fields are read"
        raise ConfigError(f"{said} {given or repr(given)} names no field", hint=hint)
    return names


_CONDITION = re.compile(r"(?P<key>[^\w\s{\[\"'$]*\w[\w.:]*)=(?P<value>.*)", re.DOTALL)
_SIGN_BEHIND = re.compile(r"\s*(?P<name>\w+)\s*(?P<sign>[<>!]=?|=)\s*=?\s*(?P<value>.*)", re.DOTALL)


_SECOND = re.compile(r",\s*([<>=!@%*]*[A-Za-z_]\w*=)")
_MISREAD = re.compile(rf"=|[^\[{{].*?{_SECOND.pattern}", re.DOTALL)  # ID==5, STAGE_ID=WON,CLOSED=N


def conditions_of(texts: Sequence[str] | None, expand: Expand = str, said: str = "--filter") -> dict[str, Any] | None:
    """``>=DATE_CREATE=2026-01-01`` and its like, JSON objects and references to mappings, as one filter.

    Behind ``@`` and ``!@`` stand several values with commas between them.

    >>> conditions_of([">=DATE_CREATE=2026-01-01", "@STAGE_ID=NEW,WON", "CLOSED=N"])
    {'>=DATE_CREATE': '2026-01-01', '@STAGE_ID': ['NEW', 'WON'], 'CLOSED': 'N'}
    """
    found = _pairs(said, '">=DATE_CREATE=2026-01-01"', texts, expand, str)
    for key, value in (found or {}).items():
        if key.startswith(("@", "!@")) and isinstance(value, str):
            found = {**(found or {}), key: [item.strip() for item in value.split(",")]}
    return found


def mapping_of(texts: Sequence[str] | None, expand: Expand = str) -> dict[str, Any] | None:
    """``entityTypeId=2``, JSON objects and references to mappings, as one mapping. What reads as a number is one.

    >>> mapping_of(["entityTypeId=2", '{"fields": {"TITLE": null}}'])
    {'entityTypeId': 2, 'fields': {'TITLE': None}}
    """
    return _pairs("--params", "entityTypeId=2", texts, expand, plain_of)


_FIELD = re.compile(r"\w[\w.]*")


def order_of(given: Any, expand: Expand = str, said: str = "--order") -> dict[str, str] | None:
    """``DATE_CREATE=DESC`` and its like as one order; a name alone is upwards, names may stand with commas.

    >>> order_of(["STAGE_ID,DATE_CREATE=desc"])
    {'STAGE_ID': 'ASC', 'DATE_CREATE': 'DESC'}
    """
    if given is None:
        return None
    found: dict[str, str] = {}
    for text in given if isinstance(given, list) else [given]:
        value = _value(text, expand) if isinstance(text, str) else _expanded(text, expand)
        if isinstance(value, str):
            pairs = [one.partition("=") for one in value.split(",")]
        else:
            pairs = [(name, "=", way) for name, way in value.items()] if isinstance(value, Mapping) else [("", "", "")]
        for name, sign, way in pairs:
            asked = str(way).strip().upper() if sign else "ASC"
            if not _FIELD.fullmatch(str(name).strip()) or asked not in ("ASC", "DESC"):
                hint = f"it reads like {_example(said, 'DATE_CREATE=DESC')}, or is a JSON object"
                raise ConfigError(f"{said} {text} is not understood", hint=hint)
            found = joined(said, found, {str(name).strip(): asked}) or {}
    return found


def types_of(texts: Sequence[str] | None, expand: Expand = str) -> dict[str, Any] | None:
    """``UF_CRM_1=int`` and its like as one mapping.

    >>> types_of(["UF_CRM_1=int", "TITLE=text"])
    {'UF_CRM_1': 'int', 'TITLE': 'text'}
    """
    return _pairs("--dtypes", "UF_CRM_1=int", texts, expand, str)


def joined(
    said: str, first: Mapping[str, Any] | None, second: Mapping[str, Any] | None, where: str = ""
) -> dict[str, Any] | None:
    """Both mappings as one; :class:`ConfigError` where both have a key, in whatever case.

    >>> joined("--filter", {"CLOSED": "N"}, {"closed": "Y"})
    Traceback (most recent call last):
    b24data.errors.ConfigError: --filter closed stands twice. Hint: keep one of them.
    """
    if first is None or second is None:
        return dict(first or {}) or dict(second or {}) or None
    known = {key.casefold() for key in first}
    for key in second:
        if key.casefold() in known:
            raise ConfigError(f"{said} {key} stands twice{where}", hint="keep one of them")
    return {**first, **second} or None


def _pairs(
    said: str, example: str, texts: Sequence[str] | None, expand: Expand, read: Callable[[str], Any]
) -> dict[str, Any] | None:
    """What each text says, together; ``read`` makes a value of a text that was typed."""
    if texts is None:
        return None
    found: dict[str, Any] = {}
    for text in texts:
        match = _CONDITION.fullmatch(text)
        if match and not (said in ("--filter", "filter:") and _MISREAD.match(match["value"])):
            value = _value(match["value"], expand)
            typed = isinstance(value, str) and value == match["value"]
            pair: Any = {match["key"]: read(value) if typed else value}
        else:
            pair = None if match else _value(text, expand)
        if not isinstance(pair, Mapping):
            raise ConfigError(f"{said} {text} is not understood", hint=_how_it_reads(said, text, example))
        found = joined(said, found, {_key(key, said): value for key, value in pair.items()}) or {}
    return found


def _how_it_reads(said: str, text: str, example: str) -> str:
    if said in ("--filter", "filter:") and (second := _SECOND.search(text)):
        first, rest = text[: second.start()], text[second.start(1) :]
        return (
            f"conditions stand apart, {said} {first} {said} {rest}, or as JSON"
            if said[:1] == "-"
            else (f"conditions are a list, [{first}, {rest}], or a mapping")
        )
    if match := _SIGN_BEHIND.fullmatch(text):
        sign = match["sign"].removesuffix("=") if match["sign"] in ("=", "!=") else match["sign"]
        example = f'"{sign}{match["name"]}={match["value"]}"'
    return f"it reads like {_example(said, example)}, or is a JSON object"


def _example(said: str, example: str) -> str:
    """An option is shown by its value, a key of a body with it."""
    return f"{said} {example}" if said.endswith(":") else example


def _key(key: Any, said: str) -> str:
    if not isinstance(key, str) or not key:
        raise ConfigError(f"{said} {key!r} is not the name of a field or a parameter", hint="a name is a text")
    return key


def _value(text: str, expand: Expand) -> Any:
    """A value as it was meant: JSON where it looks like it, a reference, or plain text."""
    if text.startswith(("[", "{")) and not text.startswith("{{"):
        return _expanded(json_of(text), expand)
    return expand(text)


def _expanded(value: Any, expand: Expand) -> Any:
    """``value`` with the references in its texts and keys expanded."""
    if isinstance(value, str):
        return expand(value)
    if isinstance(value, list):
        return [_expanded(item, expand) for item in value]
    if isinstance(value, dict):
        return {_key(expand(key), "the key"): _expanded(item, expand) for key, item in value.items()}
    return value


# Single values.

_NUMBER = re.compile(r"-?(?:[0-9]{1,18}|[0-9]{1,3}(?:([,_])[0-9]{3}(?:\1[0-9]{3})*))")


def parse_int(text: str | None, option: str, what: str, example: str, expand: Expand = str) -> int | None:
    """``10_000`` or ``10,000`` as a number.

    >>> parse_int("10_000", "--limit", "a number of rows", "1000")
    10000
    """
    if text is None:
        return None
    value = expand(text)
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        return int(value.replace(",", "").replace("_", ""))
    if not isinstance(value, bool | str):
        if isinstance(value, float) and value.is_integer():
            return int(value)
        try:
            return operator.index(value)
        except TypeError:
            pass
    raise ConfigError(f"{option} {_and_value(text, value)} is not {what}", hint=f"such as {option} {example}")


def text_of(text: str | None, option: str, what: str, example: str, expand: Expand = str) -> str | None:
    """A value as text, such as the name of a file.

    >>> text_of("deals.parquet", "--to", "the name of a file", "deals.parquet")
    'deals.parquet'
    """
    if text is None:
        return None
    value = expand(text)
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if not isinstance(value, str) or not value.strip():
        raise ConfigError(f"{option} {_and_value(text, value)} is not {what}", hint=f"such as {option} {example}")
    return value


def zone_of(text: str | None, expand: Expand = str) -> str | None:
    """The name of a time zone; a reference may be a ``ZoneInfo``.

    >>> zone_of("Europe/Berlin")
    'Europe/Berlin'
    """
    return text_of(
        text, "--tz", "a time zone", "Europe/Berlin", lambda text: getattr(value := expand(text), "key", value)
    )


def _and_value(text: str, value: Any) -> str:
    """What was typed, and what it stands for where that is something else."""
    return f"{text} ({kind_of(value)})" if not isinstance(value, str) else text if value.strip() else f"{text} ('')"


# References.


def expander(variables: Mapping[str, Any], evaluate: Callable[[str], Any]) -> Expand:
    """A function that puts the notebook's values in the place of ``$name`` and ``{{expression}}``.

    A series, a range, a set and their like become lists. Within a longer text only texts, numbers and dates can stand.

    >>> expand = expander({"stages": ("NEW", "WON"), "year": 2026, "row": {"ID": 5}}, eval)
    >>> expand("$stages"), expand("$year-01-01"), expand("$row['ID']"), expand("{{6 * 7}}"), expand("5 $$")
    (['NEW', 'WON'], '2026-01-01', 5, 42, '5 $')
    """

    def expand(text: str) -> Any:
        parts = parts_of(text)
        if len(parts) == 1:
            return parts[0] if isinstance(parts[0], str) else listed(resolve(parts[0]), parts[0].source)
        return "".join(part if isinstance(part, str) else in_a_text(resolve(part), part.source, text) for part in parts)

    def resolve(reference: Reference) -> Any:
        if not reference.name:
            return _tried(partial(evaluate, reference.expression), reference.source)
        if reference.name not in variables:
            known = [name for name in variables if name[:1] != "_"]
            near = difflib.get_close_matches(reference.name, known, n=1)
            hint = f"did you mean ${near[0]}? " if near else ""
            raise ConfigError(f"there is no variable {reference.name!r}", hint=f"{hint}$$ is a dollar sign")
        value = variables[reference.name]
        for step in reference.path:
            value = _tried(partial(_stepped, value, step), reference.source)
        return value

    return expand


def _stepped(value: Any, step: str | tuple[int | str]) -> Any:
    if isinstance(step, tuple):
        return value[step[0]]
    if isinstance(value, Mapping) and step in value and not hasattr(value, step):
        raise ConfigError(f"a mapping has no attribute {step}", hint=f"a key stands in brackets: ['{step}']")
    return getattr(value, step)


def _tried(get: Callable[[], Any], source: str) -> Any:
    try:
        return get()
    except ConfigError:
        raise
    except Exception as error:
        name, dot, behind = source.removeprefix("$").partition(".")
        ends = dot and source[:2] not in ("${", "{{")
        hint = f"write ${{{name}}}.{behind} if the name ends there" if ends else "the notebook evaluates it"
        raise ConfigError(f"{source} fails: {type(error).__name__}: {error}", hint=hint) from error


# The body of a cell.


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
        name = _key(key, "the key").lower()
        if name not in _LIFTED:
            rest[_key(expand(key), "the key")] = _expanded(part, expand)
        elif name in lifted:
            raise ConfigError(f"{key} stands twice in the body of the cell", hint="keep one of them")
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
    return _expanded(part, expand)
