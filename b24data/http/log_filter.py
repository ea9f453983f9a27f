"""The filter that masks secrets and control characters in log records."""

from __future__ import annotations

import logging

from b24data.http.redact import redact
from b24data.printable import printable

__all__ = ["RedactingFilter"]


class RedactingFilter(logging.Filter):
    """Masks secrets in every record that passes, and writes control characters out."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record's text; always lets it pass."""
        text = record.getMessage()
        masked = printable(redact(text))
        if masked != text:
            record.msg, record.args = masked, ()
        return True
