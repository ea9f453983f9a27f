"""Results of single calls in a form that displays well."""

from __future__ import annotations

import json
from typing import Any

from b24data.text.markup import facts_html


class Record(dict[str, Any]):
    """A dict that a notebook shows as a table."""

    def _repr_html_(self) -> str:
        return facts_html("", [(str(name), _text(value)) for name, value in self.items()])


def readable(result: Any) -> Any:
    """The result of a call: records as a DataFrame, one record as a dict that shows as a table, else as it is.

    >>> readable({"ID": "7", "TITLE": "<b>"})._repr_html_().count("<tr>")
    2
    """
    if isinstance(result, dict):
        return Record(result)
    if isinstance(result, list) and result and all(isinstance(row, dict) for row in result):
        import pandas as pd

        return pd.DataFrame(result)
    return result


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1, default=str)
