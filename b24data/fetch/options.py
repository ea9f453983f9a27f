"""What every way to fetch a list takes, checked before anything is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypedDict, cast

from b24data.errors import ConfigError
from b24data.fields.kinds import check_zone, kind_of_dtype
from b24data.frames.labels import LabelMode, LabelOption, check_labels
from b24data.lists.literals import is_whole
from b24data.progress import ProgressEvent
from b24data.text.hints import option

ProgressOption = bool | Literal["auto"] | Callable[[ProgressEvent], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchOptions:
    """What every way to fetch a list takes beside the method, ``select`` and ``filter``: see ``Tools.fetch_all``.

    >>> FetchOptions(errors="ignore")
    Traceback (most recent call last):
    b24data.errors.ConfigError: errors is 'ignore'. Hint: it is 'coerce' or 'raise'.
    """

    order: Mapping[str, str] | None = None
    params: Mapping[str, Any] | None = None
    limit: int | None = None
    labels: LabelOption = False
    titles: bool = False
    dtypes: Mapping[str, Any] | None = None
    errors: Literal["coerce", "raise"] = "coerce"
    tz: str = "UTC"
    progress: ProgressOption = "auto"
    workers: int | None = None
    gentle: bool = False
    check_fields: bool = True
    count: bool = False
    recheck: bool = True

    @property
    def label_mode(self) -> LabelMode | tuple[str, ...]:
        """``labels`` as it is used."""
        return cast("LabelMode | tuple[str, ...]", self.labels)

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", check_labels(self.labels))
        object.__setattr__(self, "tz", check_zone(self.tz))
        if self.workers is not None and (not is_whole(self.workers) or self.workers < 1):
            raise ConfigError(f"workers is {self.workers!r}", hint="pass a number of requests, such as 4")
        check_choice("errors", self.errors, ("coerce", "raise"))
        for name in ("titles", "gentle", "check_fields", "count", "recheck"):
            check_choice(name, getattr(self, name), (True, False))
        if self.dtypes is not None and not isinstance(self.dtypes, Mapping):
            raise ConfigError(f"dtypes is {self.dtypes!r}", hint=f"write {option('dtypes', {'UF_CRM_1': 'int'})}")
        for name, dtype in (self.dtypes or {}).items():
            kind_of_dtype(name, dtype)


class Options(TypedDict, total=False):
    """The keywords of :class:`FetchOptions`."""

    order: Mapping[str, str] | None
    params: Mapping[str, Any] | None
    limit: int | None
    labels: LabelOption
    titles: bool
    dtypes: Mapping[str, Any] | None
    errors: Literal["coerce", "raise"]
    tz: str
    progress: ProgressOption
    workers: int | None
    gentle: bool
    check_fields: bool
    count: bool
    recheck: bool


def check_choice(name: str, value: object, choices: tuple[object, ...]) -> None:
    """Raises :class:`ConfigError` for an option that is none of its choices."""
    if not any(value is choice or (isinstance(value, str) and value == choice) for choice in choices):
        raise ConfigError(f"{name} is {value!r}", hint=f"it is {' or '.join(map(repr, choices))}")
