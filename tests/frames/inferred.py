"""The columns of rows that nothing describes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from b24data.frames.schema import Schema, build_schema


def infer_schema(sample_rows: Iterable[Any], *, id_code: str | None = None, **options: Any) -> Schema:
    """JSON's own types, and text for everything else."""
    return build_schema({}, None, id_code=id_code, sample_rows=sample_rows, **options)
