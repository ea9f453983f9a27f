"""What is logged: without secrets and control characters, and without the power to end a call."""

from __future__ import annotations

import contextlib
import functools
import logging
import warnings

from b24data.text.printable import printable
from b24data.text.redact import redact


class RedactingFilter(logging.Filter):
    """Masks secrets in every record and in the traceback that comes with it, and writes control characters out."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record's text; always lets it pass."""
        masked = printable(redact(record.getMessage()))  # no variable holds the text: a filter runs at every call
        if masked != record.getMessage():
            record.msg, record.args = masked, ()
        if record.exc_info and not record.exc_text:  # what handlers print instead of formatting it themselves
            record.exc_text = printable(redact(_FORMATTER.formatException(record.exc_info)))
        return True


_FORMATTER = logging.Formatter()


class ContainingFilter(RedactingFilter):
    """Passes each record to the handlers itself: one that raises, as a log shipper without its server, ends no call."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record's text and pass it on."""
        super().filter(record)
        try:
            logging.getLogger(record.name).callHandlers(record)
        except Exception as error:  # noqa: BLE001  of a handler that is not ours
            _warn(record.name, type(error).__name__)
        return False


def tell(logger: logging.Logger, level: int, text: str, *args: object) -> None:
    """Log to a logger of the user's own. A handler or a filter of theirs that raises is warned of, once.

    >>> tell(logging.getLogger("b24data"), logging.DEBUG, "%s", "nothing")
    """
    try:
        logger.log(level, text, *args, stacklevel=2)
    except Exception as error:  # noqa: BLE001  of a handler that is not ours
        _warn(logger.name, type(error).__name__)


@functools.cache
def _warn(logger: str, error: str) -> None:
    with contextlib.suppress(Warning):  # made an error by the user: the request has been sent
        warnings.warn(f"a handler of the logger {logger!r} raises {error}; its log records are lost", stacklevel=4)
