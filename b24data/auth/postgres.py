"""Pairs of tokens and profiles in PostgreSQL, for the programs of several machines."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from b24data.auth.cipher import KEY, Cipher
from b24data.auth.shelf import LEASE_S, LOCK_S, already_read
from b24data.auth.store import STORE_FAULT, DocumentStore
from b24data.errors import ConfigError, RefreshTokenError, extra
from b24data.secret import NOTHING, Sealed, Secret
from b24data.text.printable import one_line
from b24data.text.redact import redact

if TYPE_CHECKING:
    import psycopg

_TABLE = "create table b24data_tokens (name text primary key, content bytea not null, changed timestamptz not null)"
_WRITE = """
insert into b24data_tokens (name, content, changed) values (%s, %s, now())
on conflict (name) do update set content = excluded.content, changed = excluded.changed
"""
# Until the end of a transaction, as far as this server knows them. A machine that loses its network frees what it
# held within a minute; no other time-out ends a lock, nor the wait for one before `lock_timeout`.
_SETTINGS = """
select set_config(s.name, v.value, true) from pg_settings s join (values
    ('lock_timeout', %s), ('statement_timeout', '0'),
    ('idle_in_transaction_session_timeout', '0'), ('transaction_timeout', '0'),
    ('tcp_keepalives_idle', '30'), ('tcp_keepalives_interval', '10'), ('tcp_keepalives_count', '3')
) v (name, value) on v.name = s.name
"""
_DURABLE = "select set_config('synchronous_commit', 'on', true) where current_setting('synchronous_commit') = 'off'"
_LOCK = "select pg_advisory_xact_lock(%s)"


class PostgresTokenStore(DocumentStore):
    """A pair in a row of the table ``b24data_tokens``, for the programs of several machines (extra ``token-store``).

    :param dsn: ``postgresql://user:password@host/database``, or what libpq reads.
    :param name: the row; one pair a name.
    :param key: what encrypts the pair (Fernet), by default ``B24DATA_TOKEN_KEY``. The database never sees it.
        Several keys, separated by commas: the first encrypts, each decrypts.
    :raises ConfigError: the address or the key can't be read. Nothing is sent before the first call.

    A refresh holds an advisory lock, which ends with the connection. A pooler may be between.
    """

    def __init__(self, dsn: str | Secret[str], name: str, *, key: str | Secret[str] = "") -> None:
        dsn, key = Secret(dsn), Secret(key)
        super().__init__(Database(dsn, key).document(name))


class Database:
    """The table ``b24data_tokens`` of one database."""

    def __init__(self, dsn: Secret[str], key: Secret[str]) -> None:
        self._dsn = dsn
        self._place = _place_of(dsn)
        self.cipher = Cipher(key or Secret(os.environ.get(KEY, "")))

    def __str__(self) -> str:
        return f"PostgreSQL at {self._place}"

    @property
    def kind(self) -> str:
        """The scheme of its address."""
        return "postgresql"

    def names(self) -> list[str]:
        """The names of all rows."""
        return [name for (name,) in self.select("select name from b24data_tokens order by name")]

    def document(self, name: str) -> _Row:
        """The row of that name."""
        return _Row(self, name)

    def prepare(self) -> None:
        """Nothing: the table is made by the first write."""

    def leftovers(self) -> list[Path]:
        """None."""
        return []

    def lease(self, portal: str) -> contextlib.AbstractContextManager[None]:
        """Hold an advisory lock in a connection of its own: the programs of all machines see it."""
        return self.held(f"lease {portal}", LEASE_S, too_late=already_read(portal, self))

    @contextlib.contextmanager
    def held(self, what: str, patience_s: float, too_late: Exception) -> Iterator[None]:
        """Hold the lock ``what`` as long as the block runs, and no longer than this program lives.

        A lock of a transaction, since a pooler may give the next statement of a session to another connection.
        """
        from psycopg.errors import LockNotAvailable

        with self.connection() as connection, connection.transaction():
            connection.execute(_SETTINGS, [f"{patience_s:.0f}s"])
            try:
                connection.execute(_LOCK, [_number(what)])
            except LockNotAvailable:
                raise too_late from None
            yield

    def select(self, query: str, *values: str) -> list[Any]:
        """The rows that one statement gives."""
        with self.connection() as connection:
            return _rows(connection, query, *values)

    @contextlib.contextmanager
    def connection(self) -> Iterator[psycopg.Connection[Any]]:
        """A connection; what the database says, as an error of ours."""
        import psycopg

        try:
            with Sealed():
                connection = psycopg.connect(
                    self._dsn.reveal(), autocommit=True, application_name="b24data", prepare_threshold=None
                )
            with connection:
                yield connection
        except psycopg.Error as error:
            raise RefreshTokenError(
                f"the token store, {self}: {redact(one_line(str(error), 300))}",
                code=STORE_FAULT,
                hint="see that the database answers and that its user may read and write b24data_tokens",
            ) from None


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of the table as a document."""

    database: Database
    name: str

    def __str__(self) -> str:
        return f"{self.name!r} in {self.database}"

    def lock(self) -> contextlib.AbstractContextManager[None]:
        """Hold the advisory lock of the row."""
        busy = f"{self.database}: another program has held the tokens {self.name!r} for {LOCK_S:.0f} s"
        return self.database.held(f"tokens {self.name}", LOCK_S, too_late=RefreshTokenError(busy, code="LOCKED"))

    def read(self) -> Secret[bytes] | None:
        """The content of the row."""
        rows = self.database.select("select content from b24data_tokens where name = %s", self.name)
        return self.database.cipher.decrypt(Secret(bytes(rows[0][0])), self.name, place=self) if rows else None

    def write(self, content: Secret[bytes]) -> None:
        """Replace the row; it is on the disk of the server then."""
        encrypted = self.database.cipher.encrypt(content, self.name)
        with self.database.connection() as connection:
            if not _rows(connection, "select true where to_regclass('b24data_tokens') is not null"):
                with connection.transaction():
                    connection.execute(_LOCK, [_number("table")])
                    connection.execute(_TABLE.replace("table", "table if not exists", 1))
            with connection.transaction():
                connection.execute(_DURABLE)
                connection.execute(_WRITE, [self.name, encrypted])

    def remove(self) -> None:
        """Remove the row."""
        self.database.select("delete from b24data_tokens where name = %s returning name", self.name)


def _rows(connection: psycopg.Connection[Any], query: str, *values: str) -> list[Any]:
    """The rows; none where the table was not made yet."""
    from psycopg.errors import UndefinedTable

    try:
        return connection.execute(query.encode(), values).fetchall()
    except UndefinedTable:
        return []


def _number(what: str) -> int:
    """The number of an advisory lock."""
    return int.from_bytes(hashlib.sha256(f"b24data {what}".encode()).digest()[:8], signed=True)


def _place_of(dsn: Secret[str]) -> str:
    """Host, port and database. libpq quotes what it can't read, and a part of the password with it: it is not asked."""
    with extra("token-store", "tokens in PostgreSQL"):
        from psycopg import Error
        from psycopg.conninfo import conninfo_to_dict
    found = NOTHING
    try:
        with Sealed():
            parts = map(conninfo_to_dict(dsn.reveal()).get, ("host", "port", "dbname", "service"))
            found = Secret("\n".join(str(part or "") for part in parts))
    except Error:
        pass
    match = re.fullmatch(r"([^@\n]*)\n([\d,]*)\n([^@\n]*)\n([^@\n]*)", found.reveal())
    if match is None:
        raise ConfigError(
            "the address of the token store can't be read",
            hint="write postgresql://USER:PASSWORD@HOST/DATABASE; in a password, write / as %2F, @ as %40, % as %25",
        )
    host, port, database, service = match.groups()
    return f"{host or service or 'localhost'}{port and f':{port}'}{database and f'/{database}'}"
