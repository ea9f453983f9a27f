"""Lists in a column, such as PHONE and EMAIL, as rows of their own or as the first of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from b24data.errors import SchemaError
from b24data.frames.pandas_types import DtypeBackend
from b24data.frames.sinks import frame_of
from b24data.lists.names import check_names

if TYPE_CHECKING:
    import pandas as pd

_MIXED = "fm"  # phones, e-mail addresses and the like in one list: b24restdocs, crm-item-list.md


def explode(frame: pd.DataFrame, column: str, keep: Sequence[str] | None = None) -> pd.DataFrame:
    """A column of lists, such as PHONE, as one row for each element; rows without an element are left out.

    ``keep`` are the other columns of the result (None: all). A contact's value is in ``PHONE``, its kind (``WORK``,
    ``HOME``) in ``PHONE_TYPE``, its id in ``PHONE_ID``; for ``fm`` of ``crm.item.list``, ``fm_TYPE_ID`` says which it
    is (``PHONE``, ``EMAIL``, ``WEB``, ``IM``). Sends no request.

    :raises SchemaError: there is no such column, or it has no lists.

    >>> from b24data import Sandbox, explode
    >>> with Sandbox(contacts=50) as portal:
    ...     contacts = portal.connect().tools.fetch_all("crm.contact.list", ["ID", "PHONE"], progress=False)
    >>> list(explode(contacts, "PHONE", keep=["ID"]))
    ['ID', 'PHONE', 'PHONE_TYPE', 'PHONE_ID']
    """
    import pandas as pd

    lists = _lists(frame, column)
    kept = [name for name in frame.columns if name != column] if keep is None else list(keep)
    check_names(kept, [str(name) for name in frame.columns], where="keep")
    elements, rows = lists.flatten(), pc.list_parent_indices(lists).to_numpy()
    beside = frame[kept].iloc[rows].reset_index(drop=True)
    unfolded: pd.DataFrame = pd.concat([beside, frame_of(pa.table(_parts(column, elements)), _backend(frame))], axis=1)
    return unfolded


def first(frame: pd.DataFrame, column: str, type_id: str | None = None) -> pd.Series[Any]:
    """The first element of each list in a column, of a contact its value; null where there is none.

    ``type_id`` takes the first contact of that type: ``first(items, "fm", "EMAIL")``. The index is the frame's, so
    ``contacts["PHONE"] = first(contacts, "PHONE")`` makes it a column of texts. Sends no request.

    :raises SchemaError: there is no such column, or it has no lists.

    >>> from b24data import Sandbox, first
    >>> with Sandbox(contacts=50) as portal:
    ...     contacts = portal.connect().tools.fetch_all("crm.contact.list", ["ID", "PHONE"], progress=False)
    >>> str(first(contacts, "PHONE").dtype)
    'string'
    """
    lists = _lists(frame, column)
    if type_id is not None:
        lists = _of_type(lists, column, type_id)
    full = pc.if_else(pc.equal(pc.list_value_length(lists), 0), pa.scalar(None, lists.type), lists)
    parts = _parts(column, pc.list_element(full, 0))
    return frame_of(pa.table({column: parts[column]}), _backend(frame))[column].set_axis(frame.index)


def _lists(frame: pd.DataFrame, column: str) -> pa.Array:
    check_names([column], [str(name) for name in frame.columns], where="the frame")
    array = pa.array(frame[column])
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if not pa.types.is_list(array.type):
        raise SchemaError(f"{column} is a column of {array.type}, not of lists")
    return array


def _parts(column: str, elements: pa.Array) -> dict[str, pa.Array]:
    if not pa.types.is_struct(elements.type):
        return {column: elements}
    names = {"VALUE": column, "VALUE_TYPE": f"{column}_TYPE", "ID": f"{column}_ID"}
    if column == _MIXED:
        names["TYPE_ID"] = f"{column}_TYPE_ID"
    return {name: pc.struct_field(elements, part) for part, name in names.items()}


def _of_type(lists: pa.Array, column: str, type_id: str) -> pa.Array:
    """The lists with the contacts of one type only."""
    elements, rows = lists.flatten(), pc.list_parent_indices(lists)
    if not pa.types.is_struct(elements.type):
        raise SchemaError(f"{column} has no contacts of types, so no {type_id!r}", hint="leave type_id out")
    wanted = pc.equal(pc.struct_field(elements, "TYPE_ID"), type_id)
    counts = np.bincount(rows.filter(wanted).to_numpy(zero_copy_only=False), minlength=len(lists))
    offsets = pa.array(np.append(0, np.cumsum(counts)), pa.int32())
    return pa.ListArray.from_arrays(offsets, elements.filter(wanted))


def _backend(frame: pd.DataFrame) -> DtypeBackend:
    import pandas as pd

    told = [dtype for dtype in frame.dtypes if not isinstance(dtype, pd.CategoricalDtype)]  # the same in both
    return "pyarrow" if all(isinstance(dtype, pd.ArrowDtype) for dtype in told) else "numpy_nullable"
