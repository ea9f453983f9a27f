"""An error as a notebook shows it: one line, with all of it for who asks.

IPython asks an exception for ``_render_traceback_`` before it draws a traceback of its own. So nothing is registered
with the shell: handlers of other packages (``set_custom_exc``) stay as they are, and come first.
"""

from __future__ import annotations

import functools
import sys
from typing import Any

from b24data.text.language import translated
from b24data.text.redact import redact

STOPPED = "stopped; no more requests are sent"


def rendered(error: BaseException, text: str) -> list[str]:
    """What IPython shows of ``error``: ``text`` as one line. Under ``%xmode Verbose``, and for ``%tb``, all of it.

    >>> rendered(ValueError("no\\nnumber"), "no\\nnumber")
    ['ValueError: no number']
    """
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    traceback = getattr(shell, "InteractiveTB", None)
    is_asked_for = sys.exc_info()[1] is not error  # it was raised before, and %tb shows it again
    if traceback is not None and (is_asked_for or traceback.mode == "Verbose"):
        lines = traceback.structured_traceback(type(error), error, error.__traceback__, tb_offset=1)
        return [str(redact(line)) for line in lines]
    return [f"{type(error).__name__}: {' '.join(str(redact(text)).split())}"]


def in_one_line(error: BaseException) -> None:
    """Let a notebook show ``error``, which is not of ours, as one line; it stays the same error.

    A :class:`KeyboardInterrupt` says that it stopped the work.
    """
    shown = translated(STOPPED) if isinstance(error, KeyboardInterrupt) else str(error)
    known: Any = error
    known._render_traceback_ = functools.partial(rendered, error, shown)
