"""A table does not depend on which rows came in one batch."""

import itertools
import json
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from b24data.fields.fields import Field
from b24data.frames.columns import Decoder
from b24data.frames.parquet import ParquetSink
from b24data.frames.schema import build_schema
from b24data.frames.sinks import TableSink
from b24data.report import FetchReport
from tests.frames.inferred import infer_schema

REPORT = FetchReport(method="m", portal="p", walk="keyset", reason="short_page", complete=True, rows=1)
FIELDS = {
    code: Field(code, code, type=kind, multiple=code == "many")
    for code, kind in {
        **{"char": "char", "day": "date", "time": "datetime", "object": "object", "many": "date", "flag": "boolean"},
        **{"number": "integer", "blank": ""},
    }.items()
}


def cut(rows, places):
    """The rows in pieces that begin at these places."""
    ends = [0, *sorted(place for place in places if 0 < place < len(rows)), len(rows)]
    return [rows[start:stop] for start, stop in itertools.pairwise(ends)]


def table_of(first, rows, places, *, fields=None, late=0):
    """The table of rows that come in such pieces, of which the last ``late`` are decoded first, as by threads."""
    raw = [json.dumps(row).encode() for row in rows]
    sample = [json.dumps(row).encode() for row in first]
    schema = build_schema(fields, None, id_code="id", sample_rows=sample) if fields else infer_schema(sample)
    decoder = Decoder(schema)
    pieces = [piece for piece in cut(raw, places) if piece]
    order = [*range(len(pieces) - late, len(pieces)), *range(len(pieces) - late)] if late < len(pieces) else None
    batches = {number: decoder.decode(pieces[number]) for number in order or range(len(pieces))}
    sink = TableSink(schema)
    for number in range(len(pieces)):
        sink.write(batches[number])
    assert decoder.coercions == {} or fields
    table = sink.close(REPORT)
    return table.select(sorted(table.column_names)).combine_chunks(), {n: c.count for n, c in decoder.coercions.items()}


def assert_same(first, rows, places, **options):
    late = options.pop("late", 0)
    whole, whole_coercions = table_of(first, rows, (), **options)
    some, coercions = table_of(first, rows, places, late=late, **options)
    assert some.schema == whole.schema
    assert repr(some.to_pylist()) == repr(whole.to_pylist())
    assert coercions == whole_coercions


SCALARS = st.one_of(
    st.sampled_from([None, "", False, True, 0, 1, 5, -7, 5.0, 2.5, -0.0, 1e22, 2**53, 2**53 + 1, 2**63, 2**70, 0.1]),
    st.sampled_from(["5", "5.0", "05", "5.5", "-7", "-0", "1e3", "true", "false", "Y", "N", "M", "1", "0", "x", "+5"]),
    st.sampled_from(["9007199254740993", "9223372036854775807", "9223372036854775808", " 5", "2.50", "1e22", "nan"]),
)
VALUES = st.one_of(
    SCALARS,
    st.lists(SCALARS, max_size=2),
    st.sampled_from([[], {}, {"a": 5}, {"0": 5}, {"0": "x", "1": 2.5}, [[1]], [{"a": 1}]]),
)
ROWS = st.lists(st.dictionaries(st.sampled_from(["id", "a", "b"]), VALUES, max_size=3), min_size=1, max_size=8)
PLACES = st.lists(st.integers(1, 8), max_size=5)


@settings(max_examples=200, deadline=None)
@given(
    first=st.lists(st.fixed_dictionaries({"id": VALUES, "a": VALUES}), min_size=1, max_size=3), rows=ROWS, places=PLACES
)
def test_undescribed_rows__in_any_cut_give_the_same_table(first, rows, places):
    assert_same(first, [*first, *rows], places)


@settings(max_examples=200, deadline=None)
@given(values=st.lists(VALUES, min_size=1, max_size=8), places=PLACES, late=st.integers(0, 3))
def test_a_key_of_later_rows__becomes_the_same_column_whichever_thread_was_first(values, places, late):
    rows = [{"id": 1, "new": value} for value in values]
    assert_same([{"id": 1}], rows, places, late=late)


DAYS = st.sampled_from(
    [
        *(None, "", False, "2024-05-01", "2024-05-01T03:00:00+03:00", "02.12.2024", "12/11/2024", "12/31/2024 1:00 pm"),
        *("0000-00-00", "x", "2024-05-01 10:00:00", "2024-06-13T18:23:54.5+02:00", "0001-01-01T00:00:00+03:00"),
    ]
)
DESCRIBED = st.fixed_dictionaries(
    {},
    optional={
        "id": st.integers(1, 9),
        "char": st.sampled_from([None, "", False, True, "Y", "N", "M", "1", 1, 0]),
        "day": DAYS,
        "time": DAYS,
        "many": st.one_of(DAYS, st.lists(DAYS, max_size=2)),
        "object": st.one_of(DAYS, st.just({"a": 1})),
        "flag": st.sampled_from([None, True, False, "Y", "N", "1", "x", 2]),
        "number": SCALARS,
        "blank": SCALARS,
    },
)


@settings(max_examples=200, deadline=None)
@given(first=st.lists(DESCRIBED, min_size=1, max_size=2), rows=st.lists(DESCRIBED, max_size=8), places=PLACES)
def test_described_rows__in_any_cut_give_the_same_table(first, rows, places):
    first = [{**dict.fromkeys((*FIELDS, "id")), **first[0]}, *first[1:]]
    assert_same(first, [*first, *rows], places, fields=FIELDS)


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([False, False, "x", True], [None, None, "x", "true"]),
        ([False, [1], False], [None, "[1]", None]),
        ([5, 5.0, "x"], ["5", "5", "x"]),
        ([5, 2.5, "x", 1e22], ["5", "2.5", "x", "1e22"]),
        ([5, "05"], ["5", "05"]),
        ([2**53 + 1, 2.5], [str(2**53 + 1), "2.5"]),
    ],
)
def test_a_column_that_widens__has_one_text_a_value(values, texts):
    rows = [{"x": value} for value in values]
    for places in ([], *([place] for place in range(1, len(rows))), range(1, len(rows))):
        table, _ = table_of(rows[:1], rows, places)
        assert table["x"].to_pylist() == texts


def test_days_with_slashes__that_come_after_the_first_page_are_text():
    rows = [{"day": ""}, {"day": None}, {"day": "2024-05-01T03:00:00+03:00"}, {"day": "12/11/2024"}, {"day": "x"}]
    fields = {"day": FIELDS["day"]}
    for places in ([], [3], [1, 2, 3, 4]):
        table, coercions = table_of(rows[:2], rows, places, fields=fields)
        assert table["day"].to_pylist() == [None, None, "2024-05-01", "12/11/2024", None]
        assert coercions == {"day": 1}  # of "x"


def test_a_file_that_widens__has_the_same_texts_as_a_table(tmp_path):
    rows = [{"a": value, "b": [value]} for value in (1, 2.5, True, False, "x", None, [7], 5.0)]
    whole, _ = table_of(rows[:1], rows, ())
    dice = random.Random(7)
    for number in range(8):
        decoder = Decoder(infer_schema([json.dumps(rows[0]).encode()]))
        sink = ParquetSink(tmp_path / f"{number}.parquet", decoder.schema.arrow)
        for piece in cut([json.dumps(row).encode() for row in rows], dice.sample(range(1, 8), 3)):
            sink.write(decoder.decode(piece))
            sink._file._flush()
        sink.close(REPORT)
        assert pq.read_table(tmp_path / f"{number}.parquet").to_pylist() == whole.to_pylist()


def test_recast__lists_that_meet_a_text_are_json():
    one = pa.RecordBatch.from_pydict({"x": pa.array([[1, 2], None])})
    sink = TableSink(infer_schema([{"x": [1]}]))
    sink.write(one)
    sink.write(pa.RecordBatch.from_pydict({"x": ["a"]}))
    assert sink.close(REPORT)["x"].to_pylist() == ["[1,2]", None, "a"]
