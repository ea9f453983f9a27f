"""Notifications of failed exports: a command, or a POST to an address from the environment."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from b24data.client.connect import dotenv
from b24data.errors import ExportError, SdkError
from b24data.http.transport import Transport
from b24data.text.printable import printable

_PATIENCE_S = 60


def notify(on_failure: str | Sequence[str], facts: Mapping[str, Any], folder: Path) -> None:
    """Run a command or call an address with ``facts`` (names to JSON values).

    A command runs in ``folder`` and gets them as JSON on its input and as ``B24DATA_...`` in its environment; an
    address, which ``$NAME`` in the environment or the ``.env`` file of ``folder`` holds, gets the JSON as a POST.

    :raises ExportError: it could not be told; the address is in no error.
    """
    body = json.dumps(facts, ensure_ascii=False).encode("utf-8", "backslashreplace")
    if isinstance(on_failure, str):
        _post(on_failure.removeprefix("$"), body, folder)
    else:
        _run(on_failure, body, facts, folder)


def _run(command: Sequence[str], body: bytes, facts: Mapping[str, Any], folder: Path) -> None:
    values = {f"B24DATA_{name.upper()}": _variable(value) for name, value in facts.items()}
    try:
        done = subprocess.run(  # noqa: S603  the user's own command, from the user's own file
            list(command),
            input=body,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={**os.environ, **values},
            timeout=_PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ExportError(f"on_failure: {command[0]} did not end within {_PATIENCE_S} s and was stopped") from error
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise ExportError(f"on_failure: {command[0]} can't be run: {why}") from error
    if done.returncode:
        said = done.stdout.decode("utf-8", "replace").strip().splitlines()
        raise ExportError(f"on_failure: {command[0]} ended with {done.returncode}{': ' + said[-1] if said else ''}")


_LONGEST = 4_000  # of a value in the environment, where the system has a bound; the JSON has all of it


def _variable(value: Any) -> str:
    """A value as an environment takes it: of bounded length, and without control characters."""
    return "" if value is None else printable(str(value)[:_LONGEST])


def _post(name: str, body: bytes, folder: Path) -> None:
    url = os.environ.get(name) or dotenv(folder).get(name, "")
    if not url:
        raise ExportError(
            f"on_failure: ${name} is not set", hint=f"put it into the environment or into {folder / '.env'}"
        )
    transport = Transport(timeout=_PATIENCE_S)
    try:
        reply = transport.post("on_failure", url, body)
    except SdkError as error:  # not its text, in which the address may stand
        raise ExportError(f"on_failure: the address in ${name} can't be reached", code=error.code) from None
    finally:
        transport.close()
    if not 200 <= reply.status < 300:
        raise ExportError(f"on_failure: the address in ${name} answered {reply.status}")
