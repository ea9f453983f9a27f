"""Both readers agree on whatever rows come, nothing is lost, and what does not fit is said."""

import json
import re
import threading

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from b24data.errors import SchemaError
from b24data.fields.fields import Field
from b24data.frames import wire
from b24data.frames.columns import Decoder
from b24data.frames.schema import build_schema
from b24data.frames.wire import read_fast, read_robust, reading_plan, wires_of
from b24data.lists.rows import parse_rows
from tests.frames.inferred import infer_schema
from tests.frames.test_surrogates import UNASSIGNED

TYPES = {
    **{"ID": "integer", "T": "string", "N": "double", "C": "char", "D": "date", "W": "datetime", "B": "boolean"},
    **{"M": "money", "E": "enumeration", "P": "crm_multifield", "O": "file", "A": "array"},
}
FIELDS = {code: Field(code, code, type=kind, multiple=code == "E") for code, kind in TYPES.items()}
SCHEMA = build_schema(FIELDS, list(FIELDS), id_code="ID")


def decoded(rows, schema=SCHEMA, **options):
    return Decoder(schema, **options).decode([json.dumps(row).encode() for row in rows])


def test_decode__lacking_keys_are_null_and_rows_keep_their_order():
    batch = decoded([{"ID": "2", "T": "b"}, {}, {"ID": "1"}])
    assert batch.select(["ID", "T"]).to_pylist() == [{"ID": 2, "T": "b"}, {"ID": None, "T": None}, {"ID": 1, "T": None}]
    assert batch.schema.equals(SCHEMA.arrow, check_metadata=True)


def test_decode__no_rows_are_an_empty_batch_of_the_same_schema():
    batch = Decoder(SCHEMA).decode([])
    assert batch.num_rows == 0
    assert batch.schema.equals(SCHEMA.arrow, check_metadata=True)


@pytest.mark.parametrize(
    ("row", "text"),
    [
        (b'{"T": "a\\ud83dz"}', "a\ufffdz"),  # half of a pair
        (b'{"T": "\\ud83d\\ude00"}', "😀"),
        (b'{"T": "a\xffz"}', "a\ufffdz"),
        (b'{"T": "a\\u0000z"}', "a\x00z"),
        (b'{\n  "T":\n    "a\\nz"\n}', "a\nz"),
        (b'{"T": "a", "T": "b"}', "b"),
        (b"[]", None),
        (b'{"T": "\\"T\\":false"}', '"T":false'),
        ('{"T": "Ёж 中文"}'.encode(), "Ёж 中文"),
        (b'{"T": "\\uD840\\uDC00 \\ud83e\\udd1d"}', "𠀀 🤝"),
        ('{"T": "𠀀"}'.encode(), "𠀀"),
    ],
)
def test_decode__odd_json_is_read_like_any_other(row, text):
    decoder = Decoder(build_schema(FIELDS, ["ID", "T"], id_code="ID"))
    rows = [b'{"ID":"1","T":"x"}', b'{"ID":"2","T":false}', row]
    for _ in range(2):
        assert decoder.decode(rows).column("T").to_pylist() == ["x", None, text]


def test_decode__takes_raw_messages_and_bytes():
    rows = msgspec.json.decode(b'[{"ID":"1"},{"ID":"2"}]', type=list[msgspec.Raw])
    assert Decoder(SCHEMA).decode(rows).column("ID").to_pylist() == [1, 2]


def test_decode__a_multiple_field_that_is_false_or_a_list_stays_on_the_fast_way():
    rows = [json.dumps({"ID": "1", "E": value}, separators=(",", ":")).encode() for value in (False, ["7"], False)]
    wires = {"ID": wires_of(["1"]), "E": wires_of([False, ["7"]])}
    reading = read_fast(reading_plan(SCHEMA, wires), rows, "UTC")
    assert reading.arrays[SCHEMA.names.index("E")].to_pylist() == [None, [7], None]


@pytest.mark.parametrize("window", [1, 2, 7, 1 << 18])
def test_decode__false_is_null_wherever_the_text_is_cut(monkeypatch, window):
    monkeypatch.setattr(wire, "_WINDOW", window)
    rows = [json.dumps({"ID": "1", "E": value}, separators=(",", ":")).encode() for value in (False, ["7"], False) * 9]
    plan = reading_plan(SCHEMA, {"ID": wires_of(["1"]), "E": wires_of([False, ["7"]])})
    assert read_fast(plan, rows, "UTC").arrays[SCHEMA.names.index("E")].to_pylist() == [None, [7], None] * 9


@pytest.mark.parametrize("window", [1, 2, 7, 1 << 18])
def test_decode__a_zero_character_is_seen_wherever_the_text_is_cut(monkeypatch, window):
    monkeypatch.setattr(wire, "_WINDOW", window)
    plan = reading_plan(build_schema(FIELDS, ["ID", "T"], id_code="ID"), {})
    for start in range(9):
        row = {"ID": "1", "T": "x" * start + "u000u0000"}
        assert read_fast(plan, [json.dumps(row).encode()], "UTC").arrays[1].to_pylist() == [row["T"]]
        assert read_fast(plan, [json.dumps({**row, "T": row["T"] + "\x00"}).encode()], "UTC") is None


def test_decode__a_column_of_several_json_types_does_not_slow_the_others():
    rows = [b'{"ID":"1","N":"1.5","O":{"id":1}}', b'{"ID":"2","N":2.5,"O":7}']
    parsed = parse_rows(rows)
    wires = {c.wire: wires_of(row.get(c.wire) for row in parsed) for c in SCHEMA.columns}
    plan = reading_plan(SCHEMA, wires)
    assert plan.slow == ("N", "O")
    reading = read_fast(plan, rows, "UTC")
    assert reading.arrays[SCHEMA.names.index("N")].to_pylist() == [1.5, 2.5]
    assert reading.arrays[SCHEMA.names.index("O")].to_pylist() == ['{"id":1}', "7"]


def test_decode__a_row_without_values_of_several_json_types_is_like_any_other():
    """Also where an object in it has the key of a column: nothing is lost because the row looks empty there."""
    rows = [
        b'{"ID":"1","N":null,"O":false}',
        b'{"ID":"2","O":{"N":null,"O":null},"N":2.5}',
        b'{"ID":"3","O":7,"N":"1.5"}',
        b'{"ID":"4"}',
    ]
    parsed = parse_rows(rows)
    wires = {c.wire: wires_of(row.get(c.wire) for row in parsed) for c in SCHEMA.columns}
    plan = reading_plan(SCHEMA, wires)
    assert plan.slow == ("N", "O")
    fast, robust = read_fast(plan, rows, "UTC"), read_robust(plan, parsed, "UTC")
    assert fast is not None
    assert [array.to_pylist() for array in fast.arrays] == [array.to_pylist() for array in robust.arrays]
    assert fast.arrays[SCHEMA.names.index("N")].to_pylist() == [None, 2.5, 1.5, None]


def test_decode__what_was_learned_makes_the_next_rows_fast():
    decoder = Decoder(SCHEMA)
    rows = [b'{"ID":1,"T":"x","N":5,"E":[1]}', b'{"ID":2,"T":"y","N":5.5,"E":[]}']
    assert decoder.decode(rows).column("ID").to_pylist() == [1, 2]
    assert read_fast(decoder._plan, rows, "UTC") is not None


def test_decode__numbers_and_texts_of_one_entity_give_the_same_batch():
    texts = [{"ID": "7", "N": "18500.00", "C": "Y", "E": ["1"], "T": ""}]
    numbers = [{"ID": 7, "N": 18500, "C": True, "E": [1], "T": None}]
    assert decoded(texts).equals(decoded(numbers))


def test_decode__a_coercion_has_its_count_and_an_example():
    decoder = Decoder(SCHEMA)
    decoder.decode([b'{"ID":"1","N":"one"}', b'{"ID":"2","N":"2"}', b'{"ID":"3","N":"three"}'])
    decoder.decode([b'{"ID":"4","N":"four"}'])
    assert (decoder.coercions["N"].count, decoder.coercions["N"].example) == (3, "one")


def test_decode__raise_names_column_row_and_value():
    decoder = Decoder(SCHEMA, errors="raise")
    with pytest.raises(SchemaError, match="N: 'one' in the row with ID 8 is not float"):
        decoder.decode([b'{"ID":"7","N":"1"}', b'{"ID":"8","N":"one"}'])
    with pytest.raises(SchemaError, match="E: 'x' in the row with ID 9 is not a list of int"):
        decoder.decode([b'{"ID":"1"}', b'{"ID":"9","E":["1","x"]}'])


def test_decode__unknown_keys_of_a_selected_list_are_noted_not_added():
    decoder = Decoder(build_schema(FIELDS, ["ID", "T"], id_code="ID"))
    batch = decoder.decode([b'{"ID":"1","T":"x","NEW":1}'])
    assert batch.schema.names == ["ID", "T"]
    assert decoder.unknown == {"NEW"}


def test_decode__a_field_that_appears_midway_becomes_a_column_of_an_open_list():
    rows = [b'{"ID":"1","T":"x"}']
    decoder = Decoder(build_schema(FIELDS, None, id_code="ID", sample_rows=rows))
    assert decoder.decode(rows).schema.names == ["ID", "T"]
    batch = decoder.decode([b'{"ID":"2","T":"y","E":["5"],"UF_NEW":7}'])
    assert batch.to_pylist() == [{"ID": 2, "T": "y", "E": [5], "UF_NEW": 7}]
    assert decoder.schema.names == ["ID", "T", "E", "UF_NEW"]
    assert decoder.decode(rows).to_pylist() == [{"ID": 1, "T": "x", "E": None, "UF_NEW": None}]
    assert decoder.unknown == set()


@pytest.mark.parametrize(
    ("first", "then", "arrow", "value"),
    [
        (1, 1.5, pa.float64(), 1.5),
        (1, "a", pa.string(), "a"),
        (1, 2**70, pa.string(), str(2**70)),
        (True, "a", pa.string(), "a"),
        (1.5, {"a": 1}, pa.string(), '{"a":1}'),
        ([1], ["a"], pa.list_(pa.string()), ["a"]),
        ("a", [1], pa.string(), "[1]"),
        ({"a": 1}, 5, pa.string(), "5"),
    ],
)
def test_decode__a_guessed_column_widens_and_loses_nothing(first, then, arrow, value):
    rows = [json.dumps({"x": v}).encode() for v in (first, then)]
    decoder = Decoder(infer_schema(rows[:1]))
    decoder.decode(rows[:1])
    batch = decoder.decode(rows[1:])
    assert batch.schema.field("x").type == arrow
    assert batch.column("x").to_pylist() == [value]
    assert decoder.coercions == {}


def test_decode__a_char_that_is_no_flag_after_all_becomes_text():
    decoder = Decoder(build_schema(FIELDS, ["ID", "C"], id_code="ID"))
    assert decoder.decode([b'{"ID":"1","C":"Y"}']).schema.field("C").type == pa.bool_()
    assert decoder.decode([b'{"ID":"2","C":"M"}']).column("C").to_pylist() == ["M"]


def test_decode__a_key_that_only_one_row_has_is_found_where_nobody_describes_the_rows():
    rows = [b'{"ID":1}'] * 7 + [b'{"ID":1,"rare":2}'] + [b'{"ID":1}'] * 7
    decoder = Decoder(infer_schema(rows[:3], id_code="ID"))
    assert decoder.decode(rows).column("rare").to_pylist()[7] == 2


def test_decode__a_schema_of_nothing_grows_with_the_first_rows():
    decoder = Decoder(infer_schema([], id_code="ID"))
    assert decoder.decode([b'{"ID":"1","x":"a"}', b'{"ID":"2","y":5}']).to_pylist() == [
        {"ID": 1, "x": "a", "y": None},
        {"ID": 2, "x": None, "y": 5},
    ]


def test_decode__threads_share_what_they_learn():
    rows = [json.dumps({"ID": str(i), "E": False, "T": "x", "NEW": i}).encode() for i in range(50)]
    decoder = Decoder(build_schema(FIELDS, None, id_code="ID", sample_rows=[b'{"ID":"1","E":["1"]}']))
    batches = []
    threads = [threading.Thread(target=lambda: batches.append(decoder.decode(rows))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [batch.num_rows for batch in batches] == [50] * 4
    assert all(batch.to_pylist() == batches[0].to_pylist() for batch in batches)
    assert decoder.schema.names == ["ID", "E", "T", "NEW"]


class Quirks:
    """What a portal has been seen to send, and worse."""

    numbers = st.one_of(
        st.integers(-(2**70), 2**70), st.integers(-5, 5), st.floats(allow_nan=False, allow_infinity=False)
    )
    texts = st.one_of(
        *[
            st.text(max_size=6).filter(lambda text: not UNASSIGNED.search(text)),
            st.integers(-(2**65), 2**65).map(str),
            st.floats().map(str),
        ],
        st.sampled_from(
            [
                *("", "Y", "N", "0", "1", "-1", "007", "0x1F", "1.00", "1e3", "100|USD", "|RUB", "nan", "D_1", " 7"),
                *("2024-05-01T03:00:00+03:00", "2024-05-01T03:00:00Z", "2024-05-01 03:00:00", "2024-05-01"),
                *("02.12.2024 11:00:00", "02.12.2024", "12/11/2024", "0000-00-00 00:00:00", '"T":false', "false"),
            ]
        ),
    )
    scalars = st.one_of(st.none(), st.booleans(), numbers, texts)
    contacts = st.dictionaries(st.sampled_from(["ID", "VALUE", "VALUE_TYPE", "X"]), scalars, max_size=3)
    values = st.one_of(
        scalars,
        st.lists(st.one_of(scalars, contacts), max_size=3),
        st.dictionaries(st.sampled_from(["0", "1", "a"]), scalars, max_size=2),
        st.lists(contacts, max_size=2),
    )
    rows = st.lists(st.dictionaries(st.sampled_from(list(TYPES)), values, max_size=6), min_size=1, max_size=8)


def assert_readers_agree(raw, before=()):
    parsed = parse_rows(raw)
    learned = {c.wire: wires_of([*(r.get(c.wire) for r in [*before, *parsed])]) for c in SCHEMA.columns}
    for plan in (reading_plan(SCHEMA, learned), reading_plan(SCHEMA, {})):
        robust = read_robust(plan, parsed, "UTC")
        fast = read_fast(plan, raw, "UTC")
        if fast is not None:
            assert [a.to_pylist() for a in fast.arrays] == [a.to_pylist() for a in robust.arrays]
            assert [a.type for a in fast.arrays] == SCHEMA.arrow.types
            assert [sorted(map(repr, m)) for m in fast.misfits] == [sorted(map(repr, m)) for m in robust.misfits]
            assert fast.naive == robust.naive
    for column, array in zip(SCHEMA.columns, robust.arrays, strict=True):
        array.validate(full=True)
        assert array.type == column.arrow
        assert len(array) == len(raw)


@settings(max_examples=200, deadline=None)
@given(rows=Quirks.rows, escaped=st.booleans(), spaced=st.booleans(), before=Quirks.rows)
def test_decode__both_readers_agree_on_any_rows(rows, escaped, spaced, before):
    separators = (", ", ": ") if spaced else (",", ":")
    raw = [json.dumps(row, ensure_ascii=escaped, separators=separators).encode("utf-8", "replace") for row in rows]
    assert_readers_agree(raw, before)


@settings(max_examples=200, deadline=None)
@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {code: st.one_of(Quirks.texts, st.none(), st.just(False)) for code in TYPES if code not in ("E", "P", "A")},
            optional={"E": st.one_of(st.just(False), st.lists(Quirks.texts, max_size=2))},
        ),
        min_size=1,
        max_size=8,
    )
)
def test_decode__both_readers_agree_on_rows_of_texts(rows):
    raw = [json.dumps(row, separators=(",", ":")).encode() for row in rows]
    assert_readers_agree(raw)


@settings(max_examples=100, deadline=None)
@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {
                "ID": st.integers(-(2**63), 2**63 - 1),
                "N": st.floats(allow_nan=False, allow_infinity=False),
                "B": st.booleans(),
                "E": st.lists(st.integers(-9, 9), max_size=2),
            }
        ),
        min_size=1,
        max_size=8,
    )
)
def test_decode__both_readers_agree_on_rows_of_numbers(rows):
    assert_readers_agree([json.dumps(row).encode() for row in rows])


NAMES = st.sampled_from(["O", "A", "T", "x"])
NESTED = st.recursive(
    st.sampled_from([None, False, "", "5", '"O":1', 7]),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(NAMES, inner, max_size=2)),
    max_leaves=4,
)
IN_ANY_ORDER = st.lists(
    st.tuples(st.sampled_from(["ID", "T", "O", "A", "E"]), NESTED), unique_by=lambda pair: pair[0]
).map(dict)


@settings(max_examples=200, deadline=None)
@given(rows=st.lists(IN_ANY_ORDER, min_size=1, max_size=4), spaced=st.booleans())
def test_decode__both_readers_agree_on_nested_values_with_the_names_of_columns_in_any_order(rows, spaced):
    separators = (", ", " : ") if spaced else (",", ":")
    assert_readers_agree([json.dumps(row, separators=separators).encode() for row in rows], [{"O": {"x": 1}, "A": [5]}])


def test_decode__columns_of_several_json_types_are_found_wherever_they_stand():
    decoder = Decoder(build_schema(FIELDS, ["ID", "O", "A"], id_code="ID"))
    file, array = {"id": 1, "A": 9}, [{"O": 1}]
    rows = [
        {"ID": 1, "O": file, "A": array},
        {"A": array, "ID": 2, "O": file},
        {"O": file, "ID": 3},
        {"ID": 4, "A": array},
        {"ID": 5},
        {"ID": 6, "A": None, "O": False},
    ]
    as_file, as_array = '{"id":1,"A":9}', ['{"O":1}']
    for _ in range(2):
        batch = decoder.decode([json.dumps(row, separators=(",", ":")).encode() for row in rows])
        assert batch.column("O").to_pylist() == [as_file, as_file, as_file, None, None, None]
        assert batch.column("A").to_pylist() == [as_array, as_array, None, as_array, None, None]


PARTS = st.one_of(
    st.none(),
    st.text(max_size=5).filter(lambda text: not UNASSIGNED.search(text)),
    st.sampled_from(['"', "\\/", "\x7f"]),
)
ODD = re.compile(r"[\0-\x1f\U00010000-\U0010ffff]")  # what sends rows to the other reader
FILE = st.dictionaries(st.one_of(st.sampled_from(["id", "E", "O"]), PARTS.map(str)), PARTS, max_size=3)


def strings_in(value):
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list):
        return [text for part in value for text in strings_in(part)]
    return [value] if isinstance(value, str) else []


@settings(max_examples=300, deadline=None)
@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {
                "E": st.sampled_from([False, ["5"]]),
                "O": st.one_of(st.none(), st.just(False), FILE),
                "F": st.one_of(st.just(False), st.lists(st.one_of(st.none(), FILE), max_size=3)),
            }
        ),
        min_size=1,
        max_size=4,
    ),
    escaped=st.booleans(),
)
def test_decode__both_readers_agree_on_files(rows, escaped):
    fields = {**FIELDS, "F": Field("F", "F", type="file", multiple=True)}
    schema = build_schema(fields, ["ID", "E", "O", "F"], id_code="ID")
    raw = [json.dumps(row, ensure_ascii=escaped, separators=(",", ":")).encode("utf-8", "replace") for row in rows]
    plan = reading_plan(
        schema,
        {
            "E": frozenset({"false", "list:str"}),
            "O": frozenset({"false", "flat"}),
            "F": frozenset({"false", "list:flat"}),
        },
    )
    assert plan.slow == ()
    fast, robust = read_fast(plan, raw, "UTC"), read_robust(plan, parse_rows(raw), "UTC")
    texts = {text for row in rows for text in [*strings_in(row["O"]), *strings_in(row["F"])]}
    assert fast is not None or texts & {"E", "O", "F"} or any(map(ODD.search, texts))
    if fast is not None:
        assert [array.to_pylist() for array in fast.arrays] == [array.to_pylist() for array in robust.arrays]


def test_decode__files_are_on_the_fast_way_and_read_like_any_others():
    fields = {**FIELDS, "F": Field("F", "F", type="file", multiple=True)}
    schema = build_schema(fields, ["ID", "O", "F"], id_code="ID")
    file = {"id": "7", "url": '/a?b=1&c="Ёж"', "name": None}
    text = json.dumps(file, ensure_ascii=False, separators=(",", ":"))
    rows = [{"ID": "1", "O": file, "F": [file, None, file]}, {"ID": "2", "O": False, "F": False}, {"ID": "3"}]
    raw = [json.dumps(row, separators=(",", ":")).encode() for row in rows]
    decoder = Decoder(schema)
    for _ in range(2):
        batch = decoder.decode(raw)
        assert batch.column("O").to_pylist() == [text, None, None]
        assert batch.column("F").to_pylist() == [[text, None, text], None, None]
    reading = read_fast(decoder._plan, raw, "UTC")
    assert reading is not None
    assert [array.to_pylist() for array in reading.arrays] == [column.to_pylist() for column in batch.columns]
    assert decoder.decode([b'{"ID":"4","O":{"id":7,"\\u0000":[]},"F":[{"a":"\\n"}]}']).to_pylist() == [
        {"ID": 4, "O": '{"id":7,"\\u0000":[]}', "F": ['{"a":"\\n"}']}
    ]


def test_decode__false_inside_an_object_is_not_that_of_a_column_of_the_same_name():
    schema = build_schema({**FIELDS, "TYPE_ID": Field("TYPE_ID", "TYPE_ID", type="string")}, None, id_code="ID")
    contact = {"ID": "5", "VALUE": "1", "VALUE_TYPE": "WORK", "TYPE_ID": "PHONE"}
    plain = {"ID": "1", "E": ["1"], "TYPE_ID": "a", "O": {"E": "x"}, "P": [contact]}
    rows = [plain, {**plain, "E": False, "TYPE_ID": False}]
    decoder = Decoder(schema)
    decoder.decode([json.dumps(row, separators=(",", ":")).encode() for row in rows])
    odd = {**plain, "O": {"E": False}, "P": [{**contact, "TYPE_ID": False}]}
    for _ in range(2):
        [read] = decoder.decode([json.dumps(odd, separators=(",", ":")).encode()]).to_pylist()
        assert read["O"] == '{"E":false}'
        assert read["P"][0]["TYPE_ID"] == "false"


NUMBERS = st.one_of(
    st.integers(2**53 - 2, 2**53 + 2),
    st.integers(-(2**64), 2**64),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0.5, -0.0, 1e300, 83.0]),
)
LIKE_NUMBERS = st.one_of(
    st.from_regex(r"[-+]?[0-9]{0,20}(\.[0-9]{0,3})?([eE][-+]?[0-9]{1,3})?", fullmatch=True),
    st.sampled_from(["nan", "NaN", "inf", "-Infinity", " 5", "5 ", "1_0", "0x10", "１", "1,5", "1d"]),
)


@settings(max_examples=300, deadline=None)
@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {
                "ID": st.one_of(NUMBERS, LIKE_NUMBERS),
                "N": st.one_of(NUMBERS, LIKE_NUMBERS),
                "E": st.one_of(st.just(False), st.lists(st.one_of(NUMBERS, LIKE_NUMBERS), max_size=2)),
            }
        ),
        min_size=1,
        max_size=3,
    )
)
def test_decode__both_readers_agree_on_what_is_nearly_a_number_among_numbers(rows):
    raw = [json.dumps(row, ensure_ascii=False).encode() for row in rows]
    learned = {"ID": frozenset({"int"}), "N": frozenset({"float"}), "E": frozenset({"list:int", "false"})}
    plan = reading_plan(SCHEMA, learned)
    fast, robust = read_fast(plan, raw, "UTC"), read_robust(plan, parse_rows(raw), "UTC")
    if fast is not None:
        assert [repr(a.to_pylist()) for a in fast.arrays] == [repr(a.to_pylist()) for a in robust.arrays]
        assert [sorted(map(repr, m)) for m in fast.misfits] == [sorted(map(repr, m)) for m in robust.misfits]


@pytest.mark.parametrize("value", ["\x00", "5\x00", ["\x00"], {"\x00": "a"}, {"a": "\x00"}])
def test_decode__a_zero_character_where_it_does_not_fit_is_counted_and_ends_nothing(value):
    decoder = Decoder(build_schema(FIELDS, ["ID", "N", "B", "D", "P"], id_code="ID"))
    row = {"ID": 1, "N": 1.5, "B": True, "D": "2025-01-02", "P": [{"ID": "5", "VALUE": "1"}]}
    decoder.decode([json.dumps(row).encode()])
    for code in ("ID", "N", "B", "D"):
        [read] = decoder.decode([json.dumps({**row, code: value}).encode()]).to_pylist()
        assert read[code] is None
        assert decoder.coercions[code].count == 1
    assert decoder.decode([json.dumps({**row, "P": value}).encode()]).num_rows == 1


@pytest.mark.parametrize(
    ("value", "number", "counted"),
    [
        (1.5, None, 1),
        (2.0, 2, 0),
        (2**53 + 1, 2**53 + 1, 0),
        (-(2**63), -(2**63), 0),
        (2**63, None, 1),
        ("1.5", None, 1),
        (f"{2**53 - 1}.0", 2**53 - 1, 0),
        (f"{2**53 + 1}.0", None, 1),  # which a double has as 2**53
        (float(2**53), None, 1),
    ],
)
def test_decode__an_odd_number_among_integers_is_kept_or_counted(value, number, counted):
    decoder = Decoder(build_schema(FIELDS, ["ID", "E"], id_code="ID"))
    for odd in (1, value, value, 3):
        batch = decoder.decode([b'{"ID":1,"E":[1]}', json.dumps({"ID": odd, "E": [2, odd]}).encode()])
    assert batch.to_pylist()[1] == {"ID": 3, "E": [2, 3]}
    batch = decoder.decode([json.dumps({"ID": value, "E": [value]}).encode()])
    assert batch.to_pylist() == [{"ID": number, "E": [number]}]
    assert {name: one.count for name, one in decoder.coercions.items()} == (
        {"ID": 3 * counted, "E": 3 * counted} if counted else {}
    )


@settings(max_examples=150, deadline=None)
@given(rows=Quirks.rows, size=st.integers(1, 4))
def test_decode__rows_in_any_cut_give_the_same_columns(rows, size):
    raw = [json.dumps(row).encode() for row in rows]
    whole = Decoder(build_schema(FIELDS, ["ID", "T", "N", "E", "P", "W"], id_code="ID"))
    cut = Decoder(whole.schema)
    batches = [cut.decode(raw[start : start + size]) for start in range(0, len(raw), size)]
    assert pa.Table.from_batches(batches).to_pylist() == whole.decode(raw).to_pylist()
    assert {n: c.count for n, c in cut.coercions.items()} == {n: c.count for n, c in whole.coercions.items()}
