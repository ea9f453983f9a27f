"""A program that keeps a CRM folder: ``python -m tests.soak.large_crm``, one JSON object on stdin, one on stdout.

Its memory is that of a process with nothing else in it; ``peak_mb`` is the largest that it was.
"""

from __future__ import annotations

import json
import resource
import sys
from typing import Any

from b24data import B24OAuth


def run(given: dict[str, Any]) -> dict[str, Any]:
    with B24OAuth(given["params"], given["secret"]) as b24:
        report = b24.tools.sync_crm(given["to"], gentle=False, deletes=given.get("deletes"))
    scale = 2**20 if sys.platform == "darwin" else 2**10
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale
    return {**report.as_dict(), "peak_mb": round(peak_mb)}


if __name__ == "__main__":
    print(json.dumps(run(json.loads(sys.stdin.readline()))))  # noqa: T201
