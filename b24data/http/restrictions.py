"""The limits and the patience of a client as a person may write them: an object, or a mapping in two spellings. Pure.

The mapping of the JS SDK (``Partial<RestrictionParams>``) has milliseconds: ``retryDelay``, ``windowMs``, ``limitMs``,
``maxDelay``. Ours has seconds, and says so in its names: ``retry_delay_s``.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from numbers import Integral, Real
from typing import Any, TypeVar

from b24data.errors import ConfigError
from b24data.params import AdaptiveConfig, OperatingLimitConfig, RateLimitConfig, RestrictionParams

C = TypeVar("C")

# What the JS SDK says in milliseconds, and our name for it.
_MILLISECONDS = {"retryDelay": "retry_delay_s", "windowMs": "window_s", "limitMs": "limit_s", "maxDelay": "max_delay_s"}
_POSITIVE = frozenset({"burst_limit", "drain_rate", "window_s", "limit_s"})
_WHOLE = "restriction_params"


def restrictions_of(value: RestrictionParams | Mapping[str, Any] | None) -> RestrictionParams:
    """The same limits as ``RestrictionParams``; None means the defaults.

    A mapping may use the JS SDK's names (``maxRetries``, ``retryDelay`` in milliseconds) or ours (``max_retries``,
    ``retry_delay_s`` in seconds), also one level deeper, and may stand under ``restrictionParams`` as in the SDK's
    constructor. Raises :class:`ConfigError` that names a wrong key, with the nearest right one, or a wrong value.

    >>> restrictions_of({"maxRetries": 5, "retryDelay": 500, "rateLimit": {"burstLimit": 250}}).retry_delay_s
    0.5
    >>> restrictions_of({"max_retry": 5})
    Traceback (most recent call last):
    b24data.errors.ConfigError: restriction_params has no 'max_retry'. Hint: did you mean max_retries?
    """
    if isinstance(value, Mapping) and len(value) == 1:
        value = value.get("restrictionParams", value.get("restriction_params", value))
    return RestrictionParams() if value is None else _read(RestrictionParams, value, _WHOLE)


def _read(kind: type[C], value: Any, where: str) -> C:
    """``value`` as a ``kind``: each field checked, whether it comes from a mapping or from an object."""
    if isinstance(value, kind):
        given = {one.name: getattr(value, one.name) for one in fields(value)}  # type: ignore[arg-type]
    elif isinstance(value, Mapping):
        given = _by_name(kind, value, where)
    else:
        raise ConfigError(
            f"{where} is {_shown(value)}", hint=f"give a {kind.__name__}, or a mapping such as {_EXAMPLES[kind]}"
        )
    known = {one.name: str(one.type) for one in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: _READERS[known[name]](content, f"{where}.{name}") for name, content in given.items()})


def _by_name(kind: type, value: Mapping[str, Any], where: str) -> dict[str, Any]:
    """What a mapping gives, by our names; None is as good as left out."""
    known = [one.name for one in fields(kind)]
    spelt = {**{name: name for name in known}, **{_camel(name): name for name in known}}
    spelt |= {js: name for js, name in _MILLISECONDS.items() if name in known}
    given: dict[str, Any] = {}
    for key, content in value.items():
        name = spelt.get(key)
        if name is None:
            raise ConfigError(f"{where} has no {key!r}", hint=_nearest(str(key), spelt))
        if name in given:
            raise ConfigError(f"{where} has {name} twice, the second time as {key!r}", hint="keep one of them")
        if content is not None:
            given[name] = _seconds(content, f"{where}.{key}") if key in _MILLISECONDS else content
    return given


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def _nearest(key: str, spelt: Iterable[str]) -> str:
    """The nearest right key, in the spelling in which the wrong one came."""
    names = [name for name in spelt if ("_" in name or name.islower()) == ("_" in key or key.islower())]
    near = difflib.get_close_matches(key, names, n=1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else f"it takes {', '.join(names)}"


def _seconds(value: Any, where: str) -> float:
    return _number(value, f"{where} (milliseconds)") / 1000


def _number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise ConfigError(f"{where} is {_shown(value)}, which is not a number", hint=_WITHOUT)
    least = "more than 0" if where.rpartition(".")[2] in _POSITIVE else "0 or more"
    if value < 0 or (least != "0 or more" and value == 0):
        raise ConfigError(f"{where} is {_shown(value)}", hint=f"give {least}")
    number: Any = value  # of NumPy, too
    return number if isinstance(number, int | float) else float(number)


def _count(value: Any, where: str) -> int:
    if not isinstance(value, Integral) and not (isinstance(value, float) and value.is_integer()):
        raise ConfigError(f"{where} is {_shown(value)}, which is not a whole number", hint=_WITHOUT)
    return int(_number(value, where))


def _shown(value: Any) -> str:
    """A wrong value: a long text may be a secret that stands in the wrong place."""
    plain = isinstance(value, int | float) or value is None or (isinstance(value, str) and len(value) <= 10)
    return repr(value) if plain else f"a {type(value).__name__}"


def _flag(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise ConfigError(f"{where} is {_shown(value)}", hint="give True or False")
    return value


def _codes(value: Any, where: str) -> tuple[str, ...]:
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
        raise ConfigError(f"{where} is {_shown(value)}", hint='give a list of codes, such as ["ERROR_CORE"]')
    codes = tuple(value)
    if strange := [code for code in codes if not isinstance(code, str)]:
        raise ConfigError(f"{where} has {_shown(strange[0])}, which is not a code", hint='such as "ERROR_CORE"')
    return codes


_WITHOUT = "leave it out for the default"
_EXAMPLES: dict[type, str] = {
    RestrictionParams: '{"max_retries": 5}',
    RateLimitConfig: '{"burst_limit": 250, "drain_rate": 5}',
    OperatingLimitConfig: '{"limit_s": 420}',
    AdaptiveConfig: '{"enabled": False}',
}
_READERS: dict[str, Callable[[Any, str], Any]] = {
    "int": _count,
    "float": _number,
    "bool": _flag,
    "tuple[str, ...]": _codes,
    "RateLimitConfig": lambda value, where: _read(RateLimitConfig, value, where),
    "OperatingLimitConfig": lambda value, where: _read(OperatingLimitConfig, value, where),
    "AdaptiveConfig": lambda value, where: _read(AdaptiveConfig, value, where),
}
