"""Every character that the JSON reader gets wrong is found, and nothing of it reaches a column."""

import json
import re

import arro3.io
import pyarrow as pa
import pytest

from b24data.fields.fields import Field
from b24data.frames.columns import Decoder
from b24data.frames.schema import build_schema
from b24data.frames.surrogates import moved

# No characters, so it is not looked whether they come out as emoji.
UNASSIGNED = re.compile("[\U0002f000-\U0002f7ff\U0002fa20-\U0002ffff]")


def read(text, arrow):
    schema = pa.schema([("T", arrow)])
    return pa.RecordBatchReader.from_stream(arro3.io.read_json(text, schema, batch_size=1)).read_all()["T"].chunk(0)


@pytest.mark.parametrize("nested", [False, True])
def test_moved__finds_every_character_that_was_read_wrongly(nested):
    wrong, found = 0, 0
    for start in range(0x1_0000, 0x11_0000, 0x400):
        for character in (chr(start), chr(start + 0x3FF)):
            value = [character] if nested else character
            text = json.dumps({"T": value}).encode()
            array = read(text, pa.list_(pa.string()) if nested else pa.string())
            if array.to_pylist() != [value] and not UNASSIGNED.fullmatch(character):
                wrong += 1
                found += moved([text], [array])
    assert found == wrong  # both are 0 with a reader that was mended: the module can go then


@pytest.mark.parametrize("text", ["", "plain", "Ёж 中文", "😀🤝", "\U0001f9fe\U0001f1e9\U0001f1ea", "\U00010000"])
@pytest.mark.parametrize("escaped", [False, True])
def test_moved__suspects_no_other_text(text, escaped):
    row = json.dumps({"T": text}, ensure_ascii=escaped).encode()
    assert not moved([row], [read(row, pa.string())])


def test_decode__no_column_has_a_wrong_character():
    types = {
        "ID": "integer",
        "T": "string",
        "E": "string",
        "P": "crm_multifield",
        "D": "date",
        "O": "file",
        "F": "file",
    }
    fields = {code: Field(code, code, type=kind, multiple=code in ("E", "F")) for code, kind in types.items()}
    decoder = Decoder(build_schema(fields, list(fields), id_code="ID"))
    phone = {"ID": "5", "VALUE_TYPE": "WORK", "VALUE": "1", "TYPE_ID": "PHONE"}
    plain = {"ID": "1", "T": "a", "E": ["a"], "P": [phone], "D": "2025-01-02", "O": {"n": "a"}, "F": [{"n": "a"}]}
    decoder.decode([json.dumps(plain).encode()])
    for change in ({"T": "𠀀"}, {"E": ["b", "𠀀"]}, {"P": [{**phone, "VALUE": "𠀀"}]}):
        [row] = decoder.decode([json.dumps({**plain, **change}).encode()]).select([*change]).to_pylist()
        assert row in ({"T": "𠀀"}, {"E": ["b", "𠀀"]}, {"P": [{**phone, "ID": 5, "VALUE": "𠀀"}]})
    for change, value in (({"O": {"n": "𠀀"}}, '{"n":"𠀀"}'), ({"F": [{"𠀀": None}]}, ['{"𠀀":null}'])):
        [row] = decoder.decode([json.dumps({**plain, **change}).encode()]).select([*change]).to_pylist()
        assert [*row.values()] == [value]
    decoder.decode([json.dumps({**plain, "D": "𠀀"}).encode()])
    assert decoder.coercions["D"].example == "𠀀"
