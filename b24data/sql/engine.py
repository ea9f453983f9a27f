"""The engine that answers: DuckDB in memory, which reads the tables that it was given and nothing else."""

from __future__ import annotations

import datetime as dt
import re
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa

from b24data.crm.open import open_closed
from b24data.errors import ConfigError, SchemaError, SdkError, extra
from b24data.lists.names import near_names
from b24data.sql.pushdown import NOT_CONSTANT
from b24data.sql.statement import Statement
from b24data.text.hints import OWN_TABLE

if TYPE_CHECKING:
    import duckdb

_T = TypeVar("_T")
_MOST_ROWS = 10_000_000
_DAY_US = 86_400_000_000
_MOST_SECONDS = 600.0
_SECONDS_TO_END = 5.0  # after an interrupt
LIMITS = {"memory_limit": "4GB", "max_temp_directory_size": "0B"}
_COLUMN = re.compile(r'(?:Referenced column|column named) "([^"]+)"')
_FUNCTION = re.compile(r"Function with name (\S+) does not exist")
# What a constant may be made of; anything else is left to the query itself.
_CONSTANT = {
    *("literal", "neg", "cast", "trycast", "interval", "var", "boolean", "paren", "placeholder", "parameter"),
    *("add", "sub", "currentdate", "currenttimestamp", "datatype", "datasub", "dateadd", "tsordstodate", "identifier"),
    *("date", "timestamptrunc", "datetrunc", "today", "null"),
}
_CONSTANT_FUNCTIONS = {"now", "today", "current_date", "get_current_timestamp", "make_date"}


def distinct(names: Iterable[str]) -> list[str]:
    """The names of the columns of a result, each once, as DuckDB names the columns of a frame.

    >>> distinct(["title", "title", "TITLE", "title_1"])
    ['title', 'title_1', 'TITLE_2', 'title_1_1']
    """
    taken: dict[str, str] = {}  # in small letters: two names that differ in capitals alone are one name in SQL
    for name in names:
        one, number = name, 0
        while one.lower() in taken:
            number += 1
            one = f"{name}_{number}"
        taken[one.lower()] = one
    return [*taken.values()]


class Engine:
    """One connection for one query. ``columns`` are the names that an error may propose.

    >>> from b24data.sql.statement import read_statement
    >>> with Engine() as engine:
    ...     engine.add("deals", pa.table({"id": [1, 2], "amount": [5.0, 7.5]}))
    ...     engine.run(read_statement("select sum(amount) as amount from deals where id > $n", {"n": 1})).to_pylist()
    [{'amount': 7.5}]
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection | None = None) -> None:
        with extra("sql", "SQL over a portal"):
            import duckdb
        self._error = duckdb.Error
        self._connection = connection or open_closed(**LIMITS)
        self.columns: dict[str, Collection[str]] = {}
        self._left_running = False

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._left_running:  # to close would wait for what an interrupt could not end
            self._connection.close()

    def add(self, name: str, rows: Any) -> None:
        """A table of this name: rows of Arrow, or none of a schema."""
        table = rows.empty_table() if isinstance(rows, pa.Schema) else rows
        self.columns[name] = table.column_names
        with self._told():
            self._connection.register(name, table)

    def tables(self) -> dict[str, list[str]]:
        """The tables and views that are there, with their columns."""
        rows = self._connection.execute(
            "select table_name, list(column_name) from information_schema.columns group by table_name"
        ).fetchall()
        return {name: columns for name, columns in rows if not name.startswith("_")}

    def values(self, table: str, column: str) -> list[Any]:
        """The different values of a column."""
        text = f'select distinct "{column}" from "{table}" where "{column}" is not null order by all'  # noqa: S608
        return [row[0] for row in self._connection.execute(text).fetchall()]

    def check(self, statement: Statement) -> None:
        """Whether the engine understands the query; nothing runs."""
        if statement.kind == "query":
            text, params = f"explain {statement.text}", dict(statement.params) or None
            self._bounded(lambda: self._connection.execute(text, params).fetchall())

    def run(self, statement: Statement) -> pa.Table:
        """The answer, within the bounds of time and rows."""
        params = dict(statement.params) or None
        return self._bounded(lambda: self._read(self._connection.sql(statement.text, params=params)))

    def _bounded(self, ask: Callable[[], _T]) -> _T:
        """What ``ask`` gives, from a thread beside this one: DuckDB does not look for Ctrl-C while it computes."""
        answer: Future[_T] = Future()

        def work() -> None:
            try:
                with self._told():
                    answer.set_result(ask())
            except BaseException as error:  # noqa: BLE001  raised by the one who waits
                answer.set_exception(error)

        thread = threading.Thread(target=work, name="b24data sql", daemon=True)
        thread.start()
        try:
            return answer.result(_MOST_SECONDS)
        except TimeoutError:
            raise ConfigError(
                f"the query ran for more than {_MOST_SECONDS:,.0f} s", hint="check the conditions of the joins"
            ) from None
        finally:
            if not answer.done():
                self._connection.interrupt()
                thread.join(_SECONDS_TO_END)
                self._left_running = thread.is_alive()

    def _read(self, answer: Any) -> pa.Table:
        reader = answer.to_arrow_reader(100_000)
        batches, rows = [], 0
        for batch in reader:
            rows += batch.num_rows
            if rows > _MOST_ROWS:
                raise ConfigError(
                    f"the result has more than {_MOST_ROWS:,} rows",
                    hint="add a LIMIT, an aggregate, or the condition of the join",
                )
            batches.append(batch)
        table = pa.Table.from_batches(batches, reader.schema).rename_columns(distinct(reader.schema.names))
        for place, field in enumerate(table.schema):
            if field.type == pa.month_day_nano_interval():
                table = table.set_column(place, field.name, _durations(field.name, table.column(place)))
        return table

    def constant(self, node: Any, params: Mapping[str, Any]) -> Any:
        """The value of an expression without columns; :data:`NOT_CONSTANT` for any other."""
        from sqlglot import exp

        if isinstance(node, exp.Placeholder | exp.Parameter):
            return params.get(node.name or str(node.this), NOT_CONSTANT)
        for one in node.walk():
            named = isinstance(one, exp.Anonymous) and one.name.lower() in _CONSTANT_FUNCTIONS
            if not named and one.key not in _CONSTANT:
                return NOT_CONSTANT
        used = {one.name: params[one.name] for one in node.find_all(exp.Placeholder, exp.Parameter)}
        try:
            text = f"select {node.sql('duckdb')}"
            ((value,),) = self._connection.execute(text, used or None).fetchall()
        except self._error:
            return NOT_CONSTANT
        return value if isinstance(value, int | float | Decimal | str | dt.date) else NOT_CONSTANT

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Errors of the engine as ours, in one sentence."""
        try:
            yield
        except (self._error, pa.ArrowException, OSError) as error:  # while it reads, Arrow's
            raise self._sentence(error) from None

    def _sentence(self, error: Exception) -> SdkError:
        text = str(error)
        kind, _, rest = text.partition(": ")
        first = rest.splitlines()[0].rstrip("!.") if rest else text
        if match := _COLUMN.search(text):
            known = {name for columns in self.columns.values() for name in columns}
            near = near_names(match[1], known, 2)
            hint = f"did you mean {' or '.join(near)}?" if near else "describe TABLE shows the columns"
            return SchemaError(f"there is no column {match[1]}", hint=hint)
        if match := _FUNCTION.search(text):
            return ConfigError(
                f"there is no function {match[1]}",
                hint="https://duckdb.org/docs/sql/functions lists them",
            )
        if "Out of Memory" in kind:
            return ConfigError(
                "the query needs more memory than allowed", hint="check the conditions of the joins, or aggregate"
            )
        if "Permission" in kind:
            return ConfigError("the query reads a file or the network, which is not allowed", hint=OWN_TABLE)
        if "explicit cast is required" in first:
            return ConfigError(f"the query failed: {first}", hint="convert the value, such as $day::date")
        hints = {
            "Binder Error": "check the names and types there",
            "Conversion Error": "compare with a value of the column's type; describe TABLE shows it",
        }
        return ConfigError(f"the query failed: {first}", hint=hints.get(kind, "check the query there"))


def _durations(name: str, column: pa.ChunkedArray) -> pa.Array:
    """Intervals as durations, which pandas has; a month has no length in days."""
    values = column.to_pylist()
    if any(one is not None and one.months for one in values):
        raise ConfigError(f"{name} has months, which have no length in days", hint=f"select {name}::varchar")
    return pa.array([one and one.days * _DAY_US + one.nanoseconds // 1_000 for one in values], pa.duration("us"))
