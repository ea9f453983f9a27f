"""The one form that secrets have: tokens, keys, codes and addresses that open a portal, and bodies that hold them.

A secret is put into a :class:`Secret` where it enters, and comes out by ``reveal()`` where its bytes go to a socket or
into a file that is its owner's alone. So no variable of ours shows one, whoever prints it: a traceback with variables
(IPython, pytest, rich, loguru, Sentry), a logger, a notebook.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, AnyStr, ClassVar, Generic, NoReturn, Self, overload

from b24data.errors import ConfigError
from b24data.text.raised import in_one_line
from b24data.text.redact import MASK, SECRET_NAMES, redact


def stays_here(_: object, *__: object) -> NoReturn:
    """In the place of ``__reduce__``: what holds secrets is not pickled, so none gets into a pipe or a cache."""
    raise ConfigError(
        "clients and secrets cannot be pickled, copied or sent to another process",
        hint="call b24data.connect(NAME) in the worker",
    )


class _Stays:
    """What is one thing in this process: a copy is itself, and it goes to no other process."""

    __slots__ = ()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _: object) -> Self:
        return self

    __reduce__ = stays_here


class Secret(_Stays, Generic[AnyStr]):
    """A text or bytes that nothing shows. ``reveal()`` gives them; a Secret of a Secret is the same.

    >>> token = Secret("a-secret")
    >>> print(token, [token], f"{token:>20} %s" % token)
    *** [Secret('***')] *** ***
    >>> token == Secret("a-secret"), token == "a-secret", token.reveal()
    (True, False, 'a-secret')
    """

    # A bound method of the text and not the text: tools that show slots and attributes show where it lies in memory.
    __slots__ = ("_content",)
    _content: Callable[[], AnyStr]

    def __init__(self, value: AnyStr | Secret[AnyStr]) -> None:
        if isinstance(value, Secret):
            self._content = value._content
        elif isinstance(value, str):
            self._content = str.__str__(value).__str__
        elif isinstance(value, bytes):
            self._content = value.__bytes__
        else:
            raise ConfigError(f"a secret is a text, and this is a {type(value).__name__}")

    def reveal(self) -> AnyStr:
        """The secret itself."""
        return self._content()

    def __repr__(self) -> str:
        return f"Secret({MASK!r})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, _: str) -> str:
        return MASK

    def __bool__(self) -> bool:
        return bool(self._content())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        from hmac import compare_digest

        return compare_digest(_bytes_of(self), _bytes_of(other))

    def __hash__(self) -> int:
        return hash((Secret, self._content()))


NOTHING = Secret("")


def _bytes_of(secret: Secret[Any]) -> bytes:
    return repr(secret.reveal()).encode("utf-8", "surrogatepass")  # a text and bytes are never equal


def reveal_for_encoder(value: object) -> Any:
    """The ``enc_hook`` of an encoder: a secret becomes text at the moment when it becomes bytes."""
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, SecretHolder):
        return value.hidden()
    raise NotImplementedError(f"a {type(value).__name__} is not written as JSON")


def hide(value: Any, *, named: bool = False) -> Any:
    """The same value with every secret in it as :class:`Secret`: by its key, or by what it looks like.

    >>> hide({"access_token": "a-secret", "auth": {"refresh_token": ""}, "domain": "acme.bitrix24.com"})
    {'access_token': Secret('***'), 'auth': {'refresh_token': ''}, 'domain': 'acme.bitrix24.com'}
    """
    if isinstance(value, str):
        return Secret(value) if value and (named or redact(value) != value) else value
    if isinstance(value, Mapping):
        return {key: hide(item, named=str(key).lower() in SECRET_NAMES) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [hide(item, named=named) for item in value]
    return value


class Sealed:
    """Around code of others to which secrets are handed: an error that leaves it has lost its traceback, its cause and
    its context, whose frames hold them in plain text. Also a :class:`KeyboardInterrupt`.

    >>> with Sealed():
    ...     int("a-secret")
    Traceback (most recent call last):
    ValueError: invalid literal for int() with base 10: 'a-secret'
    """

    def __enter__(self) -> None: ...

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, KeyboardInterrupt):
            in_one_line(error)
        if error is not None:
            error.__cause__ = error.__context__ = error.__traceback__ = None


class Hidden:
    """An attribute of a :class:`SecretHolder` that is a secret: plain text for who asks for it by name."""

    def __set_name__(self, _: type, name: str) -> None:
        self._slot = f"_{name}"

    @overload
    def __get__(self, holder: None, _: type) -> Hidden: ...
    @overload
    def __get__(self, holder: object, _: type) -> str: ...
    def __get__(self, holder: object | None, _: type) -> Hidden | str:
        return self if holder is None else getattr(holder, self._slot).reveal()


class SecretHolder(_Stays):
    """A value some of whose attributes are secrets. It can't be changed, pickled, or shown with what it hides.

    ``NAMES`` are the parameters of a subclass; those that are :class:`Hidden` attributes live in a slot ``_name``.
    """

    __slots__ = ()
    NAMES: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        cls.NAMES = tuple(inspect.signature(cls).parameters)

    def _keep(self, **given: Any) -> None:
        for name, slot in self._slots():
            object.__setattr__(self, slot, given[name] if slot == name else Secret(given[name]))

    @classmethod
    def _slots(cls) -> list[tuple[str, str]]:
        return [(name, f"_{name}" if isinstance(getattr(cls, name), Hidden) else name) for name in cls.NAMES]

    def hidden(self) -> dict[str, Any]:
        """The attributes by name, secrets as :class:`Secret`."""
        return {name: getattr(self, slot) for name, slot in self._slots()}

    def secret(self, name: str) -> Secret[str]:
        """The secret of that name."""
        found: Secret[str] = getattr(self, f"_{name}")
        return found

    def reveal(self) -> dict[str, Any]:
        """The attributes by name as plain values, secrets too: for who keeps them."""
        return {name: getattr(self, name) for name in self.NAMES}

    def replace(self, **changes: Any) -> Self:
        """The same with other values for these attributes."""
        return type(self)(**{**self.hidden(), **changes})

    __replace__ = replace

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.hidden().items() if not isinstance(value, Secret))
        return str(redact(f"{type(self).__name__}({shown})"))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, type(self)):
            return NotImplemented
        return self.hidden() == other.hidden()

    def __hash__(self) -> int:
        return hash(tuple(self.hidden().values()))

    def __setattr__(self, name: str, _: object) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} can't be changed; replace({name}=...) creates another one")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} can't be deleted")
