"""Ctrl-C in the middle of a fetch, in a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

import pytest

from b24data import Sandbox

FETCH = """
import atexit, sys, time
from b24data import B24Hook
from b24data.http.transport import Transport
post, left_at = Transport.post, []
def watched(*args, **options):
    left_at.append(time.monotonic())
    return post(*args, **options)
Transport.post = watched
b24 = B24Hook(sys.argv[1])
try:
    b24.tools.fetch_all("crm.deal.list", ["ID"], to=sys.argv[2], progress=False)
except KeyboardInterrupt:
    caught_at = time.monotonic()
    # When all threads have ended. 0.2: one that was past its last look when the interrupt came.
    atexit.register(lambda: print(len(left_at), sum(at > caught_at + 0.2 for at in left_at)))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT that a parent can send to one child")
def test_fetch_all__ctrl_c_stops_every_request_and_the_interpreter_exits(tmp_path):
    with Sandbox(deals=100_000, latency_s=0.2) as portal:
        child = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", FETCH, portal.webhook_url, str(tmp_path / "deals.parquet")],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        patience = threading.Event()
        while portal.stats.requests < 6:
            assert child.poll() is None, child.communicate()
            patience.wait(0.02)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=10)
    requests, after_the_end = map(int, out.split())
    assert (child.returncode, err) == (0, "")
    assert requests >= 6
    assert after_the_end == 0
    assert not (tmp_path / "deals.parquet").exists()
