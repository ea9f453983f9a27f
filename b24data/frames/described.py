"""What the portal says about the fields of a list, asked once and kept for a while."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from b24data.errors import AjaxError
from b24data.frames.fields import Field, read_fields
from b24data.http.clock import Clock
from b24data.http.context import CallContext
from b24data.http.session import Session
from b24data.lists.methods import MethodSpec

__all__ = ["Described", "Descriptions"]

# A new user field is seen after this long at the latest.
_AGE_S = 600.0


@dataclass(frozen=True, slots=True)
class Described:
    """The fields by their code; empty where nothing describes them, and ``note`` says why."""

    fields: Mapping[str, Field]
    note: str = ""


@dataclass(slots=True)
class Descriptions:
    """The descriptions that one client has asked for. Any thread may use it."""

    session: Session
    clock: Clock
    _kept: dict[tuple[str, str], tuple[float, Described]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, spec: MethodSpec, params: Mapping[str, Any], context: CallContext) -> Described:
        """The fields of the rows of ``spec``, whose other parameters are ``params``.

        A description that the user may not see, or that the portal lacks, is none: the columns are then read off
        the rows. Any other failure is raised.
        """
        if spec.fields is None:
            return Described({}, f"nothing describes the fields of {spec.method}: types were read off the rows")
        needed = {name: params[name] for name in spec.required if name in params}
        key = (spec.fields, repr(sorted(needed.items())))
        with self._lock:
            at, described = self._kept.get(key, (float("-inf"), None))
        if described is not None and self.clock.monotonic() - at < _AGE_S:
            return described
        described = self._ask(spec, spec.fields, needed, context)
        with self._lock:
            self._kept[key] = (self.clock.monotonic(), described)
        return described

    def _ask(self, spec: MethodSpec, method: str, params: Mapping[str, Any], context: CallContext) -> Described:
        try:
            response = self.session.call(method, params, context=context, reads=True)
        except AjaxError as error:
            if error.status is None or error.status >= 500 or error.status == 429:
                raise
            return Described({}, f"{method} says {error.code}: types were read off the rows")
        return Described(read_fields(response.data(), wire_case=spec.answer_case))
