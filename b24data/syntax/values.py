"""What stands behind the options of a line: names, conditions, parameters. Pure: text in, values out.

``expand`` puts values of a notebook in the place of references: see :mod:`b24data.syntax.references`.
``said`` is what an error calls the text: an option, or a key of a body.
"""

from __future__ import annotations

import difflib
import json
import operator
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from numbers import Real
from typing import Any, cast

from b24data.errors import ConfigError
from b24data.syntax.options import WrongUsageError
from b24data.syntax.references import Expand, value_kind


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
    names = _names(given, expand)
    if names is None:
        raise ConfigError(f"{said} {given} is not a list of field names", hint=f"such as {_example(said, 'ID,TITLE')}")
    if not names:
        hint = f"such as {_example(said, 'ID,TITLE')}; without {said.rstrip(':')} all fields are read"
        raise ConfigError(f"{said} {given or repr(given)} names no field", hint=hint)
    return names


def tables_of(given: str | None, expand: Expand = str) -> list[str] | None:
    """``--tables``: tables of a CRM; None for all.

    >>> tables_of("deals, users")
    ['deals', 'users']
    """
    if given is None:
        return None
    if names := _names(given, expand):
        return names
    raise ConfigError(f"--tables {given} names no table", hint="write --tables deals,contacts, or leave it out for all")


def _names(given: Any, expand: Expand) -> list[str] | None:
    """The names in a text with commas or in a list of them; None where one of them is not a text."""
    value = expanded(given, expand)
    if isinstance(value, str):
        value = value.split(",")
    names: list[Any] = []
    for one in value if isinstance(value, list) else [value]:
        names += one if isinstance(one, list) else [one]  # [ID, $more]
    if not all(isinstance(name, str) for name in names):
        return None
    return [name.strip() for name in names if name.strip()]


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
    return found and with_lists(found, said)


def with_lists(conditions: Mapping[str, Any], said: str = "--filter") -> dict[str, Any]:
    """The filter with the texts behind ``@`` and ``!@`` as lists; :class:`ConfigError` where one has an empty value.

    To a portal an empty value means the rows without one, so a comma too many or an empty variable of a shell would
    add rows. An error shows no value: it may come from a variable of the notebook.

    >>> with_lists({"@STAGE_ID": "NEW, WON", "TITLE": "a, b"})
    {'@STAGE_ID': ['NEW', 'WON'], 'TITLE': 'a, b'}
    """
    return {
        key: _listed(key, value, said) if key.startswith(("@", "!@")) and isinstance(value, str) else value
        for key, value in conditions.items()
    }


def _listed(key: str, text: str, said: str) -> list[str]:
    values = [value.strip() for value in text.split(",")]
    if all(values):
        return values
    name = key.lstrip("!@")
    finds = (
        f'{said} "!{name}=" finds rows with a value' if key[0] == "!" else f"{said} {name}= finds rows without a value"
    )
    if text.strip():
        hint = f"remove the extra comma or fill the empty variable; {finds}"
        raise ConfigError(f"{said} {key} has an empty value in its list", hint=hint)
    raise ConfigError(f"{said} {key} has no value in its list", hint=f'write {said} "{key}=1,2"; {finds}')


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
        value = _value(text, expand) if isinstance(text, str) else expanded(text, expand)
        if isinstance(value, str):
            pairs = [one.partition("=") for one in value.split(",")]
        else:
            pairs = [(name, "=", way) for name, way in value.items()] if isinstance(value, Mapping) else [("", "", "")]
        for name, sign, way in pairs:
            asked = str(way).strip().upper() if sign else "ASC"
            if not _FIELD.fullmatch(str(name).strip()) or asked not in ("ASC", "DESC"):
                hint = f"write {_example(said, 'DATE_CREATE=DESC')}, or a JSON object"
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
    b24data.errors.ConfigError: --filter closed is given twice. Hint: keep one of them.
    """
    if first is None or second is None:
        return dict(first or {}) or dict(second or {}) or None
    known = {key.casefold() for key in first}
    for key in second:
        if key.casefold() in known:
            raise ConfigError(f"{said} {key} is given twice{where}", hint="keep one of them")
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
        found = joined(said, found, {key_of(key, said): value for key, value in pair.items()}) or {}
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
    return f"write {_example(said, example)}, or a JSON object"


def _example(said: str, example: str) -> str:
    """An option is shown by its value, a key of a body with it."""
    return f"{said} {example}" if said.endswith(":") else example


def key_of(key: Any, said: str) -> str:
    """``key`` if it is a text that can be the name of a field or a parameter."""
    if not isinstance(key, str) or not key:
        raise ConfigError(f"{said} {key!r} is not the name of a field or a parameter", hint="a name is a text")
    return key


def _value(text: str, expand: Expand) -> Any:
    """A value as it was meant: JSON where it looks like it, a reference, or plain text."""
    if text.startswith(("[", "{")) and not text.startswith("{{"):
        return expanded(json_of(text), expand)
    return expand(text)


def expanded(value: Any, expand: Expand) -> Any:
    """``value`` with the references in its texts and keys expanded."""
    if isinstance(value, str):
        return expand(value)
    if isinstance(value, list):
        return [expanded(item, expand) for item in value]
    if isinstance(value, dict):
        return {key_of(expand(key), "the key"): expanded(item, expand) for key, item in value.items()}
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


def rows_or_share(text: str | None, expand: Expand = str) -> float | None:
    """How many rows may go: 500 of them, or a fifth.

    >>> rows_or_share("500"), rows_or_share("0.2")
    (500, 0.2)
    """
    if text is None:
        return None
    given = expand(text)
    value = plain_of(given) if isinstance(given, str) else given
    if isinstance(value, bool) or not isinstance(value, Real):
        raise WrongUsageError(
            f"--max-deletes {_and_value(text, given)} is not a number of rows",
            hint="write 500, or 0.2 for a fifth of them",
        )
    return cast(float, value)


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
    return f"{text} ({value_kind(value)})" if not isinstance(value, str) else text if value.strip() else f"{text} ('')"


# A value without quotation marks, and JSON.

# YAML 1.2, section 10.3.2, and Python's None.
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("null", "Null", "NULL", "None", "~"), None),
}
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,17}")  # a portal reads a longer one as a float, and an account number has 20
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,17})\.[0-9]+(?:[eE][-+]?[0-9]{1,2})?")


def plain_of(text: str) -> Any:
    """What a text without quotation marks means: a number, a word, or that text.

    >>> [plain_of(text) for text in ("5", "-0.5", "true", "None")]
    [5, -0.5, True, None]
    >>> kept = ["0123", "12:30", "1_000", "0x1F", "+79161234567", "1e3", ".5", ".inf", "on", "N", "2026-10-01"]
    >>> kept += ["40702810000000012345", "123456789012345678.12"]
    >>> [plain_of(text) for text in kept] == kept
    True
    """
    if text in _WORDS:
        return _WORDS[text]
    if _WHOLE.fullmatch(text):
        return int(text)
    return _number_of(text) if _DECIMAL.fullmatch(text) else text


def _number_of(text: str) -> float | str:
    """A decimal as a float where that is the same value; one with more digits stays the text, which loses none."""
    number = float(text)
    with suppress(InvalidOperation):  # an exponent that not even a Decimal has
        if Decimal(repr(number)) == Decimal(text):
            return number
    return text


def json_of(text: str) -> Any:
    """A JSON text as a value; :class:`ConfigError` for what is not JSON, and for a key that is given twice.

    >>> json_of('{"ID": 5, "ID": 6}')
    Traceback (most recent call last):
    b24data.errors.ConfigError: ID is given twice in a JSON object. Hint: keep one of them.
    """
    try:
        return load_json(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ConfigError(f"not JSON: {text}", hint=str(error)) from error


def load_json(text: str) -> Any:
    """As :func:`json_of`, with the error of the parser."""
    read: dict[str, Any] = {"parse_int": plain_of, "parse_float": _number_of, "parse_constant": _not_json}
    return json.loads(text, object_pairs_hook=_once, **read)


def _once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ConfigError(f"{key} is given twice in a JSON object", hint="keep one of them")
        found[key] = value
    return found


def _not_json(word: str) -> Any:
    raise ConfigError(f"{word} is not JSON", hint="null is an empty value")
