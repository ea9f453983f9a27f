"""The filter that masks secrets and control characters in log records."""

from __future__ import annotations

import logging

from b24data.http.redact import redact
from b24data.printable import printable

__all__ = ["RedactingFilter"]


class RedactingFilter(logging.Filter):
    """Masks secrets in every record and in the traceback that comes with it, and writes control characters out."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record's text; always lets it pass."""
        masked = printable(redact(record.getMessage()))
        if masked != record.getMessage():
            record.msg, record.args = masked, ()
        if record.exc_info and not record.exc_text:  # what handlers print instead of formatting it themselves
            record.exc_text = redact(_FORMATTER.formatException(record.exc_info))
        return True


_FORMATTER = logging.Formatter()
