"""The filter that masks secrets in log records."""

from __future__ import annotations

import logging

from b24data.http.redact import redact

__all__ = ["RedactingFilter"]


class RedactingFilter(logging.Filter):
    """Masks secrets in every record that passes."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record's text; always lets it pass."""
        text = record.getMessage()
        masked = redact(text)
        if masked != text:
            record.msg, record.args = masked, ()
        return True
