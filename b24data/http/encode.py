"""From parameters to what a portal reads: a JSON body, and PHP query notation inside a batch."""

from __future__ import annotations

import enum
import functools
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote

import msgspec

from b24data.errors import ConfigError
from b24data.text.redact import masked

MAX_COMMANDS = 50  # b24restdocs, settings/how-to-call-rest-api/batch.md

_METHOD = re.compile(r"[A-Za-z][\w.\-]*")
_REFERENCE = re.compile(r"\$result(\[[^\]&]+\])+")


class Command(msgspec.Struct, frozen=True):
    """One call inside a batch; ``key`` is what later commands refer to as ``$result[key]``."""

    key: str
    method: str
    params: Mapping[str, Any] = msgspec.field(default_factory=dict)


def encode_batch(commands: Sequence[Command], halt: bool = False) -> dict[str, Any]:
    """The body of a ``batch`` call.

    Raises :class:`ConfigError` for more than 50 commands, a repeated key, or a None, which the notation can't carry.

    >>> encode_batch([Command("a", "crm.deal.list", {"filter": {">ID": 5}, "select": ["ID"]})])
    {'halt': 0, 'cmd': {'a': 'crm.deal.list?filter[%3EID]=5&select[0]=ID'}}
    """
    if len(commands) > MAX_COMMANDS:
        raise ConfigError(
            f"a batch takes {MAX_COMMANDS} commands, not {len(commands)}", hint="batch_by_chunk splits longer lists"
        )
    said: dict[str, tuple[Any, str]] = {}
    cmd = {command.key: _encode_command(command, said) for command in commands}
    if len(cmd) < len(commands):
        raise ConfigError("two commands of a batch have the same key")
    return {"halt": int(halt), "cmd": cmd}


def _encode_command(command: Command, said: dict[str, tuple[Any, str]]) -> str:
    check_method(command.method)
    try:
        query = "&".join([part for item in command.params.items() if (part := _part(*item, said))])
    except ConfigError as error:
        raise ConfigError(f"command {command.key!r}: {error.description}", hint=error.advice) from error
    return f"{command.method}?{query}" if query else command.method


def _part(name: str, value: Any, said: dict[str, tuple[Any, str]]) -> str:
    """One parameter, encoded again only if it is not the same object as in the previous command.

    The commands of a walk share everything but a bound.
    """
    known = said.get(name)
    if known is None or known[0] is not value:
        known = said[name] = value, _flat(name, value) or php_query({name: value})
    return known[1]


def _flat(name: str, value: Any) -> str:
    """A mapping of texts and integers, whose pairs are known from earlier commands; "" for any other value."""
    if type(value) is not dict or not _SAID_AGAIN.issuperset(map(type, value.values())):
        return ""
    key = _quoted(name, "@")
    longest = max([len(item) for item in value.values() if type(item) is str], default=0)
    pair = _pair if longest <= _LONGEST_KEPT else _pair.__wrapped__
    return "&".join([pair(key, inner, item) for inner, item in value.items()])


_SAID_AGAIN = frozenset((str, int))


# A cache of 4,096 entries keeps a megabyte of such texts; longer ones, a note or a file, are encoded each time.
_LONGEST_KEPT = 128


@functools.lru_cache(4096, typed=True)  # the commands of a walk say the same bounds and references again and again
def _pair(key: str, name: str | int, value: str | int) -> str:
    pairs: list[str] = []
    _add(pairs, f"{key}[{_quoted(str(name), '@')}]", value)
    return pairs[0]


def php_query(params: Mapping[str, Any]) -> str:
    """``params`` in PHP query notation, percent-encoded; a value that is wholly a ``$result[...]`` stays as it is.

    An empty list or mapping at the top says nothing and is left out; deeper down it would change the meaning
    when left out, so it raises :class:`ConfigError`, as None does.

    >>> php_query({"filter": {"@ID": [1, 2], ">ID": "$result[a][49][ID]"}, "start": -1})
    'filter[@ID][0]=1&filter[@ID][1]=2&filter[%3EID]=$result[a][49][ID]&start=-1'
    """
    pairs: list[str] = []
    for name, value in plain_params(params).items():
        if value or not isinstance(value, dict | list):
            _add(pairs, _quoted(name, "@"), value)
    return "&".join(pairs)


def _add(pairs: list[str], key: str, value: Any) -> None:
    if isinstance(value, str):
        is_reference = value.startswith("$") and _REFERENCE.fullmatch(value)
        pairs.append(f"{key}={value if is_reference else _quoted(value, '')}")
    elif isinstance(value, dict | list):
        if not value:
            raise ConfigError(f"{_path(key)} is empty, and a batch cannot express this", hint="leave the key out")
        for name, item in value.items() if isinstance(value, dict) else enumerate(value):
            _add(pairs, f"{key}[{_quoted(str(name), '@')}]", item)
    elif value is None:
        hint = 'write "" or False, or leave the key out'
        raise ConfigError(f"{_path(key)} is None, and a batch cannot express this", hint=hint)
    elif isinstance(value, int):
        pairs.append(f"{key}={value:d}")
    else:
        pairs.append(f"{key}={quote(str(value), safe='')}")


def _path(key: str) -> str:
    return unquote(key.replace("][", ".").replace("[", ".").removesuffix("]"))


def _quoted(text: str, safe: str) -> str:
    return _quoted_again(text, safe) if len(text) <= _LONGEST_KEPT else quote(_sendable(text, "a parameter"), safe=safe)


@functools.lru_cache(4096)  # the commands of a walk say the same names again and again
def _quoted_again(text: str, safe: str) -> str:
    return quote(_sendable(text, "a parameter"), safe=safe)


def has_reference(value: Any) -> bool:
    """Whether parameters refer to the answer of another command of the batch.

    >>> has_reference({"filter": {">ID": "$result[a][49][ID]"}}), has_reference({"filter": {">ID": 5}})
    (True, False)
    """
    if isinstance(value, Mapping):
        return any(map(has_reference, value.values()))
    if isinstance(value, list | tuple):
        return any(map(has_reference, value))
    return isinstance(value, str) and _REFERENCE.fullmatch(value) is not None


def plain_params(params: Mapping[str, Any] | Sequence[Any]) -> Any:
    """``params`` as JSON types: dates as ISO text, numpy and pandas scalars as Python's, mappings with text keys.

    Raises :class:`ConfigError` that names the key for NaN, for a value that JSON can't say, and for a None
    in a filter, where the portal reads something else than was meant.
    """
    plain = _plain(params, "")
    if isinstance(plain, dict):
        for name, value in plain.items():
            if name.lower() == "filter" and isinstance(value, dict):
                _refuse_none(value, name)
    return plain


_PLAIN = (str, int, bool)
_UNCHANGED = (int, bool)


def _plain(value: Any, path: str) -> Any:  # noqa: PLR0911  one line a kind
    if type(value) in _PLAIN:
        return value if type(value) is not str else _sendable(value, path)
    if type(value) is dict or isinstance(value, Mapping):
        return {
            _sendable(str(name), path): item if type(item) in _UNCHANGED else _plain(item, f"{path}.{name}".lstrip("."))
            for name, item in value.items()
        }
    if value is None:
        return None
    if isinstance(value, enum.Enum):
        return _plain(value.value, path)
    if isinstance(value, str | int):  # a kind of their own, such as NumPy's texts, that JSON does not know
        return _plain(str.__str__(value) if isinstance(value, str) else int(value), path)
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item, f"{path}.{i}".lstrip(".")) for i, item in enumerate(value)]
    if hasattr(value, "isoformat") and str(value) != "NaT":
        return value.isoformat()
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    if kind == "M" and str(value) != "NaT" and not hasattr(value.dtype, "tz"):
        # NumPy's points in time in nanoseconds would become bare numbers.
        times = value.astype("datetime64[us]").tolist()
        return _plain(times, path)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    if hasattr(value, "tolist") and kind != "m":
        return _plain(value.tolist(), path)
    if type(value).__name__ == "Decimal":
        return str(value)
    raise ConfigError(f"{path or 'the parameters'}: {value!r} ({type(value).__name__}) can't be sent to a portal")


def _sendable(text: str, path: str) -> str:
    """``text``; :class:`ConfigError` for half a character, which no request can carry."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ConfigError(
                f"{path or 'the parameters'} has an invalid character: {text!r}", hint="leave it out"
            ) from error
    return text


def _refuse_none(value: Any, path: str) -> None:
    if value is None:
        raise ConfigError(f"{path} is None: a portal misreads null in a filter", hint='write "" or False')
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for name, item in items:
            if type(item) not in _PLAIN:
                _refuse_none(item, f"{path}.{name}")


def commands_of(method: str, body: Mapping[str, Any] | Sequence[Any]) -> dict[str, str]:
    """The methods that a batch runs, by key: they count, the batch itself does not. Empty for any other call.

    >>> commands_of("batch", {"cmd": {"a": "crm.deal.list?start=-1"}}), commands_of("batch", [{"method": "profile"}])
    ({'a': 'crm.deal.list'}, {'0': 'profile'})
    """
    if method.lower() != "batch":
        return {}
    commands: Any = body.get("cmd") if isinstance(body, Mapping) else body
    if isinstance(commands, list):
        commands = {str(index): line for index, line in enumerate(commands)}
    if not isinstance(commands, dict):
        return {}
    names = {key: line.get("method") if isinstance(line, dict) else line for key, line in commands.items()}
    return {key: str(name).partition("?")[0] for key, name in names.items()}


@functools.lru_cache(256)  # a batch of a walk asks fifty times about one name; what raises is not kept
def check_method(method: str) -> str:
    """``method`` itself, or :class:`ConfigError` when it can't be the name of a REST method."""
    if not _METHOD.fullmatch(method) or masked(method) != method:  # a webhook's code is made of the same characters
        raise ConfigError(f"{method!r} is not the name of a REST method", hint="such as crm.deal.list")
    return method
