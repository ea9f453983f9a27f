"""A program that is killed at a named point of a refresh: ``python -m tests.auth.kills``, one JSON object a line.

Each line makes a fork that refreshes and dies by SIGKILL; its exit status is the answer.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import psycopg

from b24data import B24OAuth
from b24data.auth.postgres import PostgresTokenStore
from b24data.auth.store import DocumentStore, FileTokenStore, StoredTokens
from b24data.http.transport import Transport
from b24data.secret import Secret


def die(*_: object, **__: object) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def before_the_lock(_: B24OAuth) -> None:
    DocumentStore.lock = die  # type: ignore[method-assign]


def with_the_lock_held(_: B24OAuth) -> None:
    lock = DocumentStore.lock

    @contextlib.contextmanager
    def held(store: DocumentStore) -> Iterator[None]:
        with lock(store):
            yield die()

    DocumentStore.lock = held  # type: ignore[method-assign]


def with_the_journal_written(_: B24OAuth) -> None:
    _at_save(lambda save, stored: (save(), stored.refreshing is None or die()))


def with_the_post_sent(_: B24OAuth) -> None:
    def post_form(_: Transport, name: str, url: str, form: Mapping[str, str]) -> None:
        parts, body = urlsplit(url), urlencode({key: Secret(value).reveal() for key, value in form.items()})
        head = f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: {len(body)}\r\n"
        with socket.create_connection((parts.hostname or "", parts.port or 80)) as server:
            server.sendall(f"{head}Content-Type: application/x-www-form-urlencoded\r\n\r\n{body}".encode())
            server.recv(1)  # the server has carried it out
            die()

    Transport.post_form = post_form  # type: ignore[method-assign, assignment]


def with_the_answer_received(_: B24OAuth) -> None:
    post_form = Transport.post_form
    Transport.post_form = lambda *args: die(post_form(*args))  # type: ignore[method-assign]


def with_the_temporary_file_written(_: B24OAuth) -> None:
    """Or with the row of a database written, and not committed."""

    def save(save: Callable[[], None], stored: StoredTokens) -> None:
        if stored.refreshing is None:
            Path.replace = psycopg.Transaction.__exit__ = die  # type: ignore[method-assign]
        save()

    _at_save(save)


def after_the_replace(_: B24OAuth) -> None:
    _at_save(lambda save, stored: (save(), stored.refreshing is not None or die()))


def in_the_callback(b24: B24OAuth) -> None:
    b24.set_callback_refresh_auth(die)


def _at_save(work: Callable[[Callable[[], None], StoredTokens], object]) -> None:
    save = DocumentStore.save
    DocumentStore.save = lambda store, stored: work(lambda: save(store, stored), stored)  # type: ignore[method-assign, assignment]


POINTS = {
    point.__name__: point
    for point in (
        before_the_lock,
        with_the_lock_held,
        with_the_journal_written,
        with_the_post_sent,
        with_the_answer_received,
        with_the_temporary_file_written,
        after_the_replace,
        in_the_callback,
    )
}


def store_of(*, path: str = "", dsn: str = "", name: str = "") -> DocumentStore:
    return PostgresTokenStore(dsn, name) if dsn else FileTokenStore(path)


def main() -> None:
    for line in sys.stdin:
        given = json.loads(line)
        pid = os.fork()
        if pid == 0:
            b24 = B24OAuth(given["params"], given["secret"], store=store_of(**given["store"]))
            POINTS[given["point"]](b24)
            b24.auth.refresh_auth()
            os._exit(0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
