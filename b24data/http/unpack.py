"""The body of an answer, unpacked within bounds: a few bytes of gzip can hold gigabytes. Pure."""

from __future__ import annotations

from zlib_ng import zlib_ng

from b24data.errors import BadReplyError

# The largest answers are batches of 2,500 rows. With all fields of a deal such a one has 6 MB and 85,000 values, with
# 300 more fields of the portal's own 23 MB and 760,000 values. A value takes up to 76 bytes of memory, whatever its
# length is in JSON, so both are bounded: 100 KB and 1,600 values a row.
MOST_BYTES = 256 * 1024 * 1024
MOST_VALUES = 4_000_000

_SHORTEST = 2  # bytes of a value with its comma
_DAMAGED: type[Exception] = zlib_ng.error  # type: ignore[assignment]  # its stub has an instance for the class
_HINT = "select fewer fields, or ask for fewer rows"


def unpacked(name: str, content: bytes, encoding: str, status: int) -> bytes:
    """``content`` without its ``Content-Encoding``. :class:`BadReplyError` for what is damaged or out of bounds.

    >>> unpacked("profile", b"{}", "identity", 200)
    b'{}'
    """
    if encoding not in ("gzip", "x-gzip", "identity", ""):
        raise BadReplyError(name, f"the answer is encoded as {encoding[:40]}", code="BAD_REPLY", status=status)
    text = _inflated(name, content, status) if content and "gzip" in encoding else content
    check_size(name, len(text))
    if len(text) > MOST_VALUES * _SHORTEST and text.count(b",") > MOST_VALUES:
        raise _too_large(name, f"the answer has more than {MOST_VALUES:,} values")
    return text


def _inflated(name: str, content: bytes, status: int) -> bytes:
    """In one go, into a buffer of the size that gzip writes into its last four bytes (RFC 1952).

    A buffer that outgrows the text is cut, which gives memory back to the system, and the next answer takes new pages:
    7,600 page faults for 100,000 deals instead of 2,500, a tenth of the time of the whole fetch. The size is only a
    hint, since other bytes may follow the text.
    """
    inflate = zlib_ng.decompressobj(wbits=31)
    size = int.from_bytes(content[-4:], "little")
    try:
        text = inflate.decompress(content, min(size, MOST_BYTES) + 1)
        if not inflate.eof and len(text) <= MOST_BYTES:
            text += inflate.decompress(inflate.unconsumed_tail, MOST_BYTES + 1 - len(text))
    except _DAMAGED as error:
        raise BadReplyError(name, "the compressed answer is damaged", code="BAD_REPLY", status=status) from error
    check_size(name, len(text))
    if not inflate.eof:
        raise BadReplyError(name, "the compressed answer was cut off", code="BAD_REPLY", status=status)
    return text


def check_size(name: str, size: int) -> None:
    """Raise :class:`BadReplyError` for more bytes than an answer may have."""
    if size > MOST_BYTES:
        raise _too_large(name, f"the answer is larger than {MOST_BYTES >> 20} MB")


def _too_large(name: str, text: str) -> BadReplyError:
    return BadReplyError(name, text, code="TOO_LARGE", hint=_HINT)
