"""Lists in a column as rows, or as the first of them, in both backends."""

import pandas as pd
import pyarrow as pa
import pytest

from b24data.errors import SchemaError
from b24data.fields.kinds import arrow_type
from b24data.frames.explode import explode, first
from b24data.frames.sinks import frame_of


def contact(number, kind, value):
    return {"ID": number, "VALUE_TYPE": kind, "VALUE": value, "TYPE_ID": "PHONE"}


TABLE = pa.table(
    {
        "ID": pa.array([1, 2, 3, 4]),
        "PHONE": pa.array(
            [[contact(10, "WORK", "+1"), contact(11, "HOME", "+2")], None, [contact(12, "WORK", None)], []],
            arrow_type("contacts"),
        ),
        "TAGS": pa.array([["a"], ["b", "c"], None, []]),
    }
)


@pytest.fixture(params=["numpy_nullable", "pyarrow"])
def frame(request):
    return frame_of(TABLE, request.param).set_axis([7, 8, 9, 10])


def test_explode__one_row_a_number_and_the_rest_of_its_row_beside(frame):
    rows = explode(frame, "PHONE", keep=["ID"])
    assert rows.columns.to_list() == ["ID", "PHONE", "PHONE_TYPE", "PHONE_ID"]
    assert [[None if pd.isna(x) else x for x in row] for row in rows.to_numpy()] == [
        [1, "+1", "WORK", 10],
        [1, "+2", "HOME", 11],
        [3, None, "WORK", 12],
    ]
    assert "object" not in [str(dtype) for dtype in rows.dtypes]


def test_explode__keeps_every_other_column_by_default_and_takes_plain_lists(frame):
    rows = explode(frame, "TAGS")
    assert rows.columns.to_list() == ["ID", "PHONE", "TAGS"]
    assert rows[["ID", "TAGS"]].to_numpy().tolist() == [[1, "a"], [2, "b"], [2, "c"]]


def test_first__is_null_where_there_is_none_and_keeps_the_index(frame):
    phones = first(frame, "PHONE")
    assert [None if pd.isna(x) else x for x in phones] == ["+1", None, None, None]
    assert phones.index.to_list() == [7, 8, 9, 10]
    assert first(frame, "TAGS").dropna().to_list() == ["a", "b"]
    assert (first(frame[:0], "PHONE").size, len(explode(frame[:0], "PHONE"))) == (0, 0)


def test_first__works_on_rows_that_were_chosen(frame):
    assert first(frame[frame["ID"] >= 2], "TAGS").dropna().to_dict() == {8: "b"}


def test_a_column_that_has_no_lists__is_refused(frame):
    with pytest.raises(SchemaError, match="ID is a column of int64, not of lists"):
        first(frame, "ID")
    with pytest.raises(SchemaError, match=r"PHONES \(did you mean PHONE\?\)"):
        explode(frame, "PHONES")


MIXED = pa.table(
    {
        "id": pa.array([1, 2]),
        "fm": pa.array(
            [[contact(10, "WORK", "+1"), {**contact(11, "HOME", "a@b.example"), "TYPE_ID": "EMAIL"}], None],
            arrow_type("contacts"),
        ),
    }
)


@pytest.mark.parametrize("backend", ["numpy_nullable", "pyarrow"])
def test_explode__of_phones_and_addresses_in_one_list_the_type_is_told(backend):
    rows = explode(frame_of(MIXED, backend), "fm")
    assert rows.columns.to_list() == ["id", "fm", "fm_TYPE", "fm_ID", "fm_TYPE_ID"]
    assert rows["fm_TYPE_ID"].to_list() == ["PHONE", "EMAIL"]


@pytest.mark.parametrize("backend", ["numpy_nullable", "pyarrow"])
def test_first__chooses_a_type(backend):
    frame = frame_of(MIXED, backend)
    for type_id, value in (("EMAIL", "a@b.example"), ("PHONE", "+1"), ("WEB", None)):
        assert [None if pd.isna(x) else x for x in first(frame, "fm", type_id)] == [value, None]
    assert first(frame[::-1], "fm", "EMAIL").to_dict()[0] == "a@b.example"


def test_first__a_type_of_plain_lists_is_refused(frame):
    with pytest.raises(SchemaError, match="TAGS has no contacts of types, so no 'EMAIL'"):
        first(frame, "TAGS", "EMAIL")
