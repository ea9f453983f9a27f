"""What tools that print variables would print: of every frame of an error, and of every line of ours while it runs."""

from __future__ import annotations

import contextlib
import re
import sys
import threading
import types
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

PACKAGE = str(Path(__file__).parents[2] / "b24data")

# Where plain text becomes a secret or a secret plain text. These raise nothing while they hold one: an error that they
# find is given back, or their frames are cut off by ``sealed``.
AT_THE_EDGE = {
    "secret.py": "*",
    "text/redact.py": "*",
    "http/transport.py": ("post", "_read", "trace"),
    "http/redirect.py": ("origin_of",),
    "http/deadline.py": "*",  # between the HTTP library and the socket
    "http/unpack.py": "*",
    "auth/webhook.py": ("_hook_in",),
    "signin/pasted.py": ("_asked_in", "parameters_of", "_fields_of"),
    "auth/token_server.py": ("_pair_in",),
    "signin/panel.py": ("_taken", "_typed", "_take", "_only"),  # the fields of a form hold what was typed
    "client/connect.py": ("_assignment",),
}
# Where a caller hands one in: it is plain until the first line has run.
ENTRIES = {
    "client/client.py": ("__init__", "from_webhook_url"),
    "tokens.py": ("__init__", "of", "_without_password"),
    "auth/webhook.py": ("__init__",),
    "signin/flow.py": ("ask_portal", "paste", "use_webhook", "use_event"),
    "signin/pasted.py": ("portal_in", "read_code", "event_of"),
    "auth/profiles.py": ("__post_init__", "__init__"),
    "auth/postgres.py": ("__init__",),
    "auth/places.py": ("shelf_at",),
    "client/connect.py": ("connect",),
}


def frames_of(error: BaseException | None) -> Iterator[types.FrameType]:
    """Every frame that an error leads to, also by its causes and contexts."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        waiting += [one.__cause__, one.__context__, *getattr(one, "exceptions", ())]
        traceback = one.__traceback__
        while traceback is not None:
            yield traceback.tb_frame
            traceback = traceback.tb_next


def shown(value: Any) -> str:
    """A value as it is printed, and one level of what it holds."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001  what can't be printed shows nothing
        return ""
    module = type(value).__module__
    has_widgets = module == "b24data.signin.panel"
    if module.startswith("b24data") and not module.startswith("b24data.sandbox") and not has_widgets:
        with contextlib.suppress(TypeError):
            text += repr(vars(value))
    return text


def attributes_in(frame: types.FrameType, line: str) -> Iterator[tuple[str, Any]]:
    """What ``a.b.c`` in a line stands for: tools show that beside the variables."""
    for path in re.findall(r"(?<![\w.\"'])[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+", line):
        first, *rest = path.split(".")
        value = frame.f_locals.get(first, frame.f_globals.get(first))
        with contextlib.suppress(Exception):
            for name in rest:
                value = getattr(value, name)
            yield path, value


def leaks_in(error: BaseException, secret: re.Pattern[str], but: str) -> list[str]:
    """The variables of the frames of ``error`` that show a secret; the frames of the file ``but`` are a caller's."""
    import linecache

    found = []
    for frame in frames_of(error):
        code = frame.f_code
        if code.co_filename == but:
            continue
        named: list[tuple[str, Any]] = list(frame.f_locals.items())
        for number in range(code.co_firstlineno, frame.f_lineno + 1):
            named += attributes_in(frame, linecache.getline(code.co_filename, number))
        found += [
            f"{name} in {code.co_filename}:{code.co_name}" for name, value in named if secret.search(shown(value))
        ]
    return found


class Watch:
    """Looks at every variable of ours, at every line that runs, in every thread that starts meanwhile."""

    def __init__(self, secret: re.Pattern[str]) -> None:
        self.secret = secret
        self.found: set[str] = set()
        self.lines: set[tuple[str, int]] = set()

    def __enter__(self) -> Watch:
        self._before = sys.gettrace(), threading.gettrace()
        threading.settrace(self._trace)
        sys.settrace(self._trace)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before[0])
        threading.settrace(self._before[1])

    def _trace(self, frame: types.FrameType, event: str, _: Any) -> Any:
        where = frame.f_code.co_filename
        if not where.startswith(PACKAGE) or where.startswith(f"{PACKAGE}/sandbox"):
            return None
        module, name = where[len(PACKAGE) + 1 :], frame.f_code.co_name
        if _is_in(AT_THE_EDGE, module, name):
            return None
        first = [True]

        def at_a_line(frame: types.FrameType, event: str, _: Any) -> Any:
            if event == "line" and first[0] and _is_in(ENTRIES, module, name):
                first[0] = False
                return at_a_line
            if event in ("line", "exception") and name not in ("<genexpr>", "<listcomp>", "<dictcomp>"):
                self._look(frame, module, name)
            return at_a_line

        return at_a_line

    def _look(self, frame: types.FrameType, module: str, name: str) -> None:
        self.lines.add((module, frame.f_lineno))
        for variable, value in frame.f_locals.items():
            if self.secret.search(shown(value)):
                self.found.add(f"{variable} at {module}:{frame.f_lineno} ({name})")


def _is_in(table: dict[str, Any], module: str, name: str) -> bool:
    names: Iterable[str] | str = table.get(module, ())
    return names == "*" or name in names
