"""A dataset is what a dict would be, whatever is merged into it and wherever its parts begin."""

import datetime as dt
import threading

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from b24data import ConfigError, ExportError
from b24data.sync.dataset import Dataset
from b24data.sync.merge import Counts

SCHEMA = pa.schema([("ID", pa.int64()), ("T", pa.string())])


def dataset_in(folder, **options):
    (folder / "_b24data").mkdir(parents=True, exist_ok=True)
    return Dataset(folder, folder / "_b24data", "ID", **options)


def file_of(folder, rows, schema=SCHEMA, name="changes.parquet"):
    """Rows as a fetch leaves them."""
    path = folder / "_b24data" / name
    pq.write_table(pa.Table.from_pylist(rows, schema), path)
    return path


def rows_of(texts):
    return [{"ID": row_id, "T": text} for row_id, text in texts.items()]


def read(folder):
    """What a reader sees, in the order of the files: each id once."""
    found = [row for path in sorted(folder.glob("*.parquet")) for row in pq.read_table(path).to_pylist()]
    assert len({row["ID"] for row in found}) == len(found)
    return found


@settings(deadline=None, max_examples=60)
@given(
    merges=st.lists(
        st.tuples(st.dictionaries(st.integers(0, 60), st.sampled_from("abc")), st.sets(st.integers(0, 60))),
        min_size=1,
        max_size=5,
    ),
    part_rows=st.integers(1, 20),
)
def test_merge__equals_a_dict(tmp_path_factory, merges, part_rows):
    folder = tmp_path_factory.mktemp("set")
    dataset = dataset_in(folder, part_rows=part_rows)
    truth: dict[int, str] = {}
    names: set[str] = set()
    for changes, gone in merges:
        merge = dataset.merge(file_of(folder, rows_of(dict(sorted(changes.items())))), np.array(sorted(gone), np.int64))
        wanted = {row_id: text for row_id, text in {**truth, **changes}.items() if row_id not in gone}
        assert merge.counts == Counts(
            inserted=len(wanted.keys() - truth.keys()),
            updated=sum(truth.get(i, text) != text for i, text in changes.items() if i in wanted),
            unchanged=sum(truth.get(i) == text for i, text in changes.items() if i in wanted),
            deleted=len(truth.keys() & gone),
        )
        truth = wanted
        found = read(folder)
        assert found == rows_of(dict(sorted(truth.items())))
        assert dataset.ids().tolist() == sorted(truth)
        assert sum(part.rows for part in dataset.parts()) == len(truth)
        assert names <= {path.name for path in folder.glob("*.parquet")}
        names = {path.name for path in folder.glob("*.parquet")}


def test_merge__parts_keep_their_names_and_what_nothing_changes_is_left_alone(tmp_path):
    dataset = dataset_in(tmp_path, part_rows=10)
    dataset.merge(file_of(tmp_path, rows_of(dict.fromkeys(range(1, 26), "a"))))
    assert [part.path.name for part in dataset.parts()] == [
        "ids-000000000000.parquet",
        "ids-000000000011.parquet",
        "ids-000000000021.parquet",
    ]
    before = {part.path: part.path.stat().st_ino for part in dataset.parts()}
    merge = dataset.merge(file_of(tmp_path, rows_of({4: "a", 12: "b", 30: "a"})))
    assert merge.counts == Counts(inserted=1, updated=1, unchanged=1)
    replaced = [part.low for part in dataset.parts() if part.path.stat().st_ino != before[part.path]]
    assert replaced == [11, 21]
    assert [path.name for path in dataset.workshop.iterdir()] == ["changes.parquet"]


def test_merge__a_part_that_lost_all_rows_stays_with_its_columns(tmp_path):
    dataset = dataset_in(tmp_path, part_rows=2)
    dataset.merge(file_of(tmp_path, rows_of({1: "a", 2: "b", 3: "c"})))
    dataset.merge(None, np.array([1, 2], np.int64))
    assert [pq.read_metadata(part.path).num_rows for part in dataset.parts()] == [0, 1]
    assert dataset.schema().names == ["ID", "T"]


def test_merge__an_empty_list_is_an_empty_typed_part(tmp_path):
    dataset = dataset_in(tmp_path)
    assert dataset.schema() is None
    dataset.merge(file_of(tmp_path, []))
    assert read(tmp_path) == []
    assert dataset.schema() == SCHEMA
    dataset.merge(file_of(tmp_path, rows_of({7: "a"})))
    assert read(tmp_path) == [{"ID": 7, "T": "a"}]
    assert len(dataset.parts()) == 1


def test_merge__a_new_column_and_a_wider_one_reach_every_part(tmp_path):
    dataset = dataset_in(tmp_path, part_rows=2)
    narrow = pa.schema([("ID", pa.int64()), ("N", pa.int64()), ("LEFT", pa.string())])
    dataset.merge(file_of(tmp_path, [{"ID": i, "N": i, "LEFT": "x"} for i in range(5)], narrow))
    wide = pa.schema([("ID", pa.int64()), ("N", pa.float64()), ("NEW", pa.list_(pa.string()))])
    merge = dataset.merge(file_of(tmp_path, [{"ID": 3, "N": 0.5, "NEW": ["a"]}], wide))
    assert merge.columns == ("N was int64 and is double", "NEW is new (list<string>)")
    assert {str(pq.read_schema(part.path)) for part in dataset.parts()} == {str(dataset.schema())}
    assert read(tmp_path)[2:4] == [
        {"ID": 2, "N": 2.0, "LEFT": "x", "NEW": None},
        {"ID": 3, "N": 0.5, "LEFT": None, "NEW": ["a"]},
    ]
    assert dataset.merge(file_of(tmp_path, [], wide)).columns == ()


def test_merge__columns_of_an_empty_answer_say_nothing(tmp_path):
    dataset = dataset_in(tmp_path)
    dataset.merge(file_of(tmp_path, rows_of({1: "a"})))
    merge = dataset.merge(file_of(tmp_path, [], pa.schema([("ID", pa.int64()), ("OTHER", pa.string())])))
    assert merge.columns == ()
    assert dataset.schema() == SCHEMA


def test_merge__a_changed_title_is_no_changed_column(tmp_path):
    dataset = dataset_in(tmp_path)
    titled = [SCHEMA.set(1, SCHEMA.field(1).with_metadata({"b24data.title": title})) for title in ("Title", "Name")]
    dataset.merge(file_of(tmp_path, rows_of({1: "a", 2: "a"}), titled[0]))
    merge = dataset.merge(file_of(tmp_path, rows_of({2: "b", 3: "a"}), titled[1]))
    assert merge.columns == ()
    assert read(tmp_path) == rows_of({1: "a", 2: "b", 3: "a"})


def test_merge__rows_in_no_order_and_twice_are_put_in_order_and_the_last_wins(tmp_path):
    dataset = dataset_in(tmp_path)
    dataset.merge(file_of(tmp_path, [{"ID": 3, "T": "a"}, {"ID": 1, "T": "b"}, {"ID": 3, "T": "c"}]))
    assert read(tmp_path) == [{"ID": 1, "T": "b"}, {"ID": 3, "T": "c"}]


@pytest.mark.parametrize(("row_id", "complaint"), [(None, "no whole number as their id"), (-7, "a row with the id -7")])
def test_merge__rows_without_an_id_are_refused_and_nothing_changes(tmp_path, row_id, complaint):
    dataset = dataset_in(tmp_path)
    dataset.merge(file_of(tmp_path, rows_of({1: "a"})))
    with pytest.raises(ExportError, match=complaint):
        dataset.merge(file_of(tmp_path, [{"ID": row_id, "T": "b"}]))
    assert read(tmp_path) == [{"ID": 1, "T": "a"}]


def test_parts__somebody_elses_file_is_refused(tmp_path):
    dataset = dataset_in(tmp_path)
    pq.write_table(pa.table({"x": [1]}), tmp_path / "mine.parquet")
    with pytest.raises(ConfigError, match=r"mine.parquet is not a part.*separate folder"):
        dataset.parts()


def test_merge__what_a_killed_one_left_is_swept(tmp_path):
    dataset = dataset_in(tmp_path)
    (dataset.workshop / ".ids-000000000000.parquet.0a1b2c3d.tmp").write_bytes(b"half")
    dataset.merge(file_of(tmp_path, rows_of({1: "a"})))
    assert [path.name for path in dataset.workshop.iterdir()] == ["changes.parquet"]


EVERY_TYPE = pa.schema(
    [
        ("ID", pa.int64()),
        ("TEXT", pa.string()),
        ("SUM", pa.float64()),
        ("FLAG", pa.bool_()),
        ("DAY", pa.date32()),
        ("AT", pa.timestamp("us", "UTC")),
        ("MANY", pa.list_(pa.int64())),
        ("PHONE", pa.list_(pa.struct([("ID", pa.int64()), ("VALUE", pa.string())]))),
    ]
)


def row_of_every_type(row_id):
    if row_id % 3 == 0:
        return {"ID": row_id}
    return {
        "ID": row_id,
        "TEXT": f"№ {row_id}",
        "SUM": row_id / 4,
        "FLAG": row_id % 2 == 0,
        "DAY": dt.date(2026, 1, 1) + dt.timedelta(row_id),
        "AT": dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(hours=row_id),
        "MANY": [row_id, 7],
        "PHONE": [{"ID": row_id, "VALUE": "+7"}],
    }


def test_merge__values_of_every_type_are_compared_and_kept(tmp_path):
    dataset = dataset_in(tmp_path, part_rows=8)
    rows = [row_of_every_type(i) for i in range(1, 21)]
    dataset.merge(file_of(tmp_path, rows, EVERY_TYPE))
    assert dataset.merge(file_of(tmp_path, rows, EVERY_TYPE)).counts == Counts(unchanged=20)
    rows[0]["PHONE"], rows[1]["MANY"], rows[3]["SUM"] = None, [2], None
    merge = dataset.merge(file_of(tmp_path, rows, EVERY_TYPE))
    assert merge.counts == Counts(updated=3, unchanged=17)
    assert read(tmp_path) == pa.Table.from_pylist(rows, EVERY_TYPE).to_pylist()


def test_the_folder__pandas_polars_duckdb_and_pyarrow_read_the_same_values(tmp_path):
    dataset = dataset_in(tmp_path, part_rows=8)
    rows = [row_of_every_type(i) for i in range(1, 21)]
    narrow = pa.schema([column for column in EVERY_TYPE if column.name != "MANY"])
    dataset.merge(file_of(tmp_path, rows[:-1], narrow))
    dataset.merge(file_of(tmp_path, rows, EVERY_TYPE))
    truth = pa.Table.from_pylist(rows, EVERY_TYPE).select([*narrow.names, "MANY"])
    assert ds.dataset(tmp_path).to_table().equals(truth)
    frame = pd.read_parquet(tmp_path, dtype_backend="pyarrow")
    assert pa.Table.from_pandas(frame, schema=truth.schema).equals(truth)
    by_polars = pl.read_parquet(tmp_path / "*.parquet")
    assert by_polars.to_dicts() == pl.from_arrow(truth).to_dicts()
    by_duckdb = duckdb.sql(f"SELECT * FROM '{tmp_path}/*.parquet' ORDER BY ID")
    assert by_duckdb.columns == truth.column_names
    assert by_duckdb.order("ID").fetchall()[0][0] == 1
    assert [row[-1] for row in by_duckdb.fetchall()] == truth["MANY"].to_pylist()
    assert [row[2] for row in by_duckdb.fetchall()] == truth["SUM"].to_pylist()


def test_the_folder__a_reader_finds_each_id_once_at_every_moment(tmp_path):
    dataset = dataset_in(tmp_path, part_rows=500)
    always = range(1, 3_001, 2)
    dataset.merge(file_of(tmp_path, rows_of(dict.fromkeys(always, "0"))))
    done, wrong, reads = threading.Event(), [], []

    def read_on():
        while not done.is_set():
            # Opened once: pq.read_table opens a file twice, and may find another one the second time.
            tables = [pq.ParquetFile(path).read(["ID"]) for path in sorted(tmp_path.glob("*.parquet"))]
            ids = np.concatenate([table["ID"].to_numpy() for table in tables])
            reads.append(len(ids))
            if len(np.unique(ids)) < len(ids) or not np.isin(always, ids).all():
                wrong.append(ids)

    reader = threading.Thread(target=read_on)
    reader.start()
    try:
        for turn in range(1, 31):
            changed = dict.fromkeys(range(turn % 7, 3_000 + 40 * turn, 13), str(turn))
            gone = [row_id for row_id in range(2, 3_000, 2) if row_id % 13 == turn % 13]
            changed |= {row_id: str(turn) for row_id in gone}
            dataset.merge(file_of(tmp_path, rows_of(dict(sorted(changed.items())))))
            dataset.merge(None, np.array(gone, np.int64))
    finally:
        done.set()
        reader.join()
    assert wrong == []
    assert len(reads) > 10
    assert len(dataset.parts()) > 3
