"""A program whose run over a CRM is cut off: ``python -m tests.crm.kills``, as ``tests.sync.kills`` is used."""

from __future__ import annotations

import os
import traceback
from typing import Any

from b24data import B24OAuth, SdkError
from tests.sync.kills import FAST, die_at, serve


def sync(given: dict[str, Any], answer: int) -> int:
    if given.get("kill"):
        die_at(given["kill"])
    try:
        with B24OAuth(given["params"], given["secret"], FAST) as b24:
            report = b24.tools.sync_crm(given["to"], tables=given["tables"], deletes="scan")
    except SdkError as error:
        os.write(answer, f"{type(error).__name__}: {error}".encode())
        return 1
    except Exception:  # noqa: BLE001  what no caller should see
        os.write(answer, traceback.format_exc().encode())
        return 70
    os.write(answer, str(report).encode())
    return 0 if report.complete else 2


if __name__ == "__main__":
    serve(sync)
