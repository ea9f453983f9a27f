"""What stands behind the options of a line: names, conditions, parameters, references. Pure: text in, values out.

Values may name what the notebook has: ``$name``, or ``{{an expression}}``. A value that is nothing but such a
reference keeps its type, so a list stays a list; ``$$`` is a dollar sign.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from b24data.errors import ConfigError

__all__ = [
    "Expand",
    "body_of",
    "conditions_of",
    "expander",
    "mapping_of",
    "names_of",
    "order_of",
    "scalar_of",
    "text_of",
    "types_of",
    "whole_of",
    "words_of",
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


def names_of(text: str | None, expand: Expand = str) -> list[str] | None:
    """``ID,TITLE`` as a list of names; a reference may be a list, or a text of the same form.

    >>> names_of("ID, TITLE")
    ['ID', 'TITLE']
    """
    if text is None:
        return None
    value = expand(text)
    if isinstance(value, str):
        value = value.split(",")
    names = list(value) if isinstance(value, Iterable) else []
    if not names or not all(isinstance(name, str) for name in names):
        raise ConfigError(f"--select {text} is no list of field names", hint="such as ID,TITLE")
    return [name.strip() for name in names if name.strip()]


_CONDITION = re.compile(r"(?P<key>[^\w\s{\[\"'$]*\w[\w.:]*)=(?P<value>.*)", re.DOTALL)


def conditions_of(texts: Sequence[str] | None, expand: Expand = str) -> dict[str, Any] | None:
    """``>=DATE_CREATE=2026-01-01`` and its like, JSON objects and references to mappings, as one filter.

    Behind ``@`` and ``!@`` stand several values with commas between them.

    >>> conditions_of([">=DATE_CREATE=2026-01-01", "@STAGE_ID=NEW,WON", "CLOSED=N"])
    {'>=DATE_CREATE': '2026-01-01', '@STAGE_ID': ['NEW', 'WON'], 'CLOSED': 'N'}
    """
    found = _pairs("--filter", '">=DATE_CREATE=2026-01-01"', texts, expand)
    for key, value in (found or {}).items():
        if key.startswith(("@", "!@")) and isinstance(value, str):
            found = {**(found or {}), key: [item.strip() for item in value.split(",")]}
    return found


def mapping_of(texts: Sequence[str] | None, expand: Expand = str) -> dict[str, Any] | None:
    """``entityTypeId=2``, JSON objects and references to mappings, as one mapping. What reads as a number is one.

    >>> mapping_of(["entityTypeId=2", '{"fields": {"TITLE": null}}'])
    {'entityTypeId': 2, 'fields': {'TITLE': None}}
    """
    found = _pairs("--params", "entityTypeId=2", texts, expand)
    return found and {key: _number(value) for key, value in found.items()}


def order_of(texts: Sequence[str] | None, expand: Expand = str) -> dict[str, str] | None:
    """``DATE_CREATE=DESC`` and its like as one order; a name alone is upwards, names may stand with commas.

    >>> order_of(["STAGE_ID,DATE_CREATE=desc"])
    {'STAGE_ID': 'ASC', 'DATE_CREATE': 'DESC'}
    """
    if texts is None:
        return None
    found: dict[str, str] = {}
    for text in texts:
        value = _value(text, expand)
        if isinstance(value, str):
            value = {name: way or "ASC" for name, _, way in (one.partition("=") for one in value.split(","))}
        if not isinstance(value, Mapping) or not all(str(way).upper() in ("ASC", "DESC") for way in value.values()):
            raise ConfigError(
                f"--order {text} is not understood", hint="it reads like DATE_CREATE=DESC, or is a JSON object"
            )
        found.update({str(name).strip(): str(way).upper() for name, way in value.items()})
    return found


def types_of(texts: Sequence[str] | None, expand: Expand = str) -> dict[str, Any] | None:
    """``UF_CRM_1=int`` and its like as one mapping.

    >>> types_of(["UF_CRM_1=int", "TITLE=text"])
    {'UF_CRM_1': 'int', 'TITLE': 'text'}
    """
    return _pairs("--dtypes", "UF_CRM_1=int", texts, expand)


def _pairs(option: str, example: str, texts: Sequence[str] | None, expand: Expand) -> dict[str, Any] | None:
    if texts is None:
        return None
    found: dict[str, Any] = {}
    for text in texts:
        match = _CONDITION.fullmatch(text)
        value = {match["key"]: _value(match["value"], expand)} if match else _value(text, expand)
        if not isinstance(value, Mapping):
            raise ConfigError(
                f"{option} {text} is not understood", hint=f"it reads like {example}, or is a JSON object"
            )
        found.update(value)
    return found


def _value(text: str, expand: Expand) -> Any:
    """A value as it was meant: JSON where it looks like it, a reference, or plain text."""
    if text.startswith(("[", "{")) and not text.startswith("{{"):
        try:
            return _expanded(json.loads(text), expand)
        except ValueError as error:
            raise ConfigError(f"not JSON: {text}", hint=str(error)) from error
    return expand(text)


def _expanded(value: Any, expand: Expand) -> Any:
    """``value`` with the references in its texts expanded; keys stay as they are."""
    if isinstance(value, str):
        return expand(value)
    if isinstance(value, list):
        return [_expanded(item, expand) for item in value]
    if isinstance(value, dict):
        return {str(key): _expanded(item, expand) for key, item in value.items()}
    return value


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, str) and re.fullmatch(r"-?(0|[1-9]\d{0,17})", value) else value


def whole_of(text: str | None, option: str, what: str, expand: Expand = str) -> int | None:
    """``10_000`` or ``10,000`` as a number.

    >>> whole_of("10_000", "--limit", "a number of rows")
    10000
    """
    if text is None:
        return None
    value = expand(text)
    try:
        return int(value.replace(",", "").replace("_", "") if isinstance(value, str) else value)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{option} {text} is not {what}") from error


_WORDS = {"true": True, "True": True, "false": False, "False": False, "null": None, "None": None, "~": None}


def scalar_of(text: str) -> Any:
    """A value as YAML means it, and Python; dates, times and numbers that begin with a zero stay text.

    >>> [scalar_of(text) for text in ("5", "0.5", "true", "None", "2026-10-01", "007", "12:30", "[NEW, WON]")]
    [5, 0.5, True, None, '2026-10-01', '007', '12:30', ['NEW', 'WON']]
    """
    if text in _WORDS:
        return _WORDS[text]
    if re.fullmatch(r"-?(?:0|[1-9]\d*)", text):
        return int(text)
    if re.fullmatch(r"-?(?:0|[1-9]\d*)\.\d+(?:[eE][-+]?\d+)?", text):
        return float(text)
    return _read_yaml(text, text) if text[:1] in ("[", "{", "'", '"') else text


def text_of(text: str | None, expand: Expand = str) -> str | None:
    """A value as text, such as the name of a file."""
    return None if text is None else str(expand(text))


# References.

_REFERENCE = re.compile(r"\$(?P<dollar>\$)|\$(?P<name>[A-Za-z_]\w*)|\{\{(?P<expression>.+?)\}\}", re.DOTALL)


def expander(variables: Mapping[str, Any], evaluate: Callable[[str], Any]) -> Expand:
    """A function that puts the notebook's values in the place of ``$name`` and ``{{expression}}``.

    >>> expand = expander({"stages": ["NEW", "WON"], "year": 2026}, eval)
    >>> expand("$stages"), expand("$year-01-01"), expand("{{6 * 7}}"), expand("5 $$")
    (['NEW', 'WON'], '2026-01-01', 42, '5 $')
    """

    def resolve(match: re.Match[str]) -> Any:
        name = match["name"]
        if name is None:
            return "$" if match["dollar"] else evaluate(match["expression"].strip())
        if name not in variables:
            near = difflib.get_close_matches(name, [known for known in variables if known[:1] != "_"], n=1)
            hint = f"did you mean ${near[0]}? " if near else ""
            raise ConfigError(f"there is no variable {name!r}", hint=f"{hint}$$ is a dollar sign")
        return variables[name]

    def expand(text: str) -> Any:
        found = list(_REFERENCE.finditer(text))
        if len(found) == 1 and found[0].group() == text:
            return resolve(found[0])
        return _REFERENCE.sub(lambda match: str(resolve(match)), text)

    return expand


# The body of a cell.

_OPERATOR_KEY = re.compile(r"^(\s*(?:-\s+)?)([<>=!@%*]+[\w.]+)(?=\s*:(?:\s|$))", re.MULTILINE)


def body_of(text: str, expand: Expand = str) -> tuple[dict[str, Any], dict[str, Any]]:
    """``select``, ``filter`` and ``order`` of a YAML or JSON body, and its other parameters.

    Dates stay text, and only ``true`` and ``false`` are booleans: ``N`` and ``no`` are what they are.

    >>> body_of("select: [ID, TITLE]\\nfilter:\\n  >=DATE_CREATE: 2026-01-01\\nentityTypeId: 2")
    ({'select': ['ID', 'TITLE'], 'filter': {'>=DATE_CREATE': '2026-01-01'}}, {'entityTypeId': 2})
    """
    if not text.strip():
        return {}, {}
    value = _expanded(_read_body(text), expand)
    if not isinstance(value, dict):
        raise ConfigError("the body of the cell is no mapping of parameters", hint="such as  select: [ID, TITLE]")
    lifted = {key.lower(): part for key, part in value.items() if key.lower() in ("select", "filter", "order")}
    return lifted, {key: part for key, part in value.items() if key.lower() not in lifted}


def _read_body(text: str) -> Any:
    return _read_yaml(_OPERATOR_KEY.sub(r'\1"\2"', text), "the body of the cell")


def _read_yaml(text: str, what: str) -> Any:
    import yaml

    try:
        return yaml.load(text, Loader=_loader(yaml))  # noqa: S506  a SafeLoader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise ConfigError(
            f"{what} is neither YAML nor JSON{where}", hint=str(getattr(error, "problem", "") or "")
        ) from error


def _loader(yaml: Any) -> Any:
    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        pass

    plain = {"tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp"}
    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in plain]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))
    return Loader
