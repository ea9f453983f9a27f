"""A portal that answers with whatever bytes a test wants, and whatever else a gateway may do to a connection."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit


@dataclass
class Asked:
    """One request, and the connection that it came by."""

    path: str
    headers: dict[str, str]
    body: bytes
    connection: socket.socket = field(repr=False)

    @property
    def method(self) -> str:
        return urlsplit(self.path).path.rstrip("/").rpartition("/")[2]


Answer = Callable[[Asked], bytes | None]
"""The bytes to send; None ends the connection."""


def http(body: Any, status: int = 200, *headers: str) -> bytes:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = [f"HTTP/1.1 {status} X", "Content-Type: application/json", f"Content-Length: {len(content)}", *headers]
    return "\r\n".join([*head, "", ""]).encode("latin-1") + content


class RawPortal:
    """Listens on the loopback; every request is answered by ``answer``."""

    def __init__(self, answer: Answer, host: str = "127.0.0.1") -> None:
        self.answer = answer
        self.seen: list[Asked] = []
        self._listening = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        self._open: list[socket.socket] = []
        self.host, self.port = host, self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for one in (self._listening, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    @property
    def origin(self) -> str:
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def hook(self) -> str:
        return f"{self.origin}/rest/1/q7w2k9x4m1p8z3v6/"

    @property
    def connections(self) -> int:
        return len(self._open)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self._open.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), connection, connection.makefile("rb") as stream:
            while line := stream.readline():
                headers = {}
                while (header := stream.readline().decode("latin-1").strip()) != "":
                    name, _, value = header.partition(":")
                    headers[name.lower()] = value.strip()
                body = stream.read(int(headers.get("content-length", 0)))
                asked = Asked(line.decode("latin-1").split(" ")[1], headers, body, connection)
                self.seen.append(asked)
                answer = self.answer(asked)
                if answer is None:
                    return
                connection.sendall(answer)
