"""An export that is killed at a random moment, and the one after it, on a portal where things go wrong."""

from __future__ import annotations

import os
import random
import signal
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.compute as pc
import pyarrow.parquet as pq

from b24data import Sandbox
from b24data.fetch.manifest import folder_of
from tests.exports.conftest import Desk, sign_in

DEALS = 100_000
PORTAL: dict[str, Any] = {
    "deals": DEALS,
    "rate_limit": None,
    "operating_limit_s": None,
    "cost": 0.002,
    "token_ttl_requests": 15,
    "process": True,
    "faults": [{"kind": kind, "probability": 0.01} for kind in ("502", "reset", "cut", "504", "html")],
}
TABLE = """
[exports.deals]
profile = "acme"
method = "crm.deal.list"
select = ["ID", "TITLE", "OPPORTUNITY"]
target = "deals.parquet"
"""
# The command as it is, but for the limits, which would make a hundred exports last for hours, and with smaller parts.
COMMAND = """
import functools, sys
from b24data import OperatingLimitConfig, RateLimitConfig, RestrictionParams
from b24data.client import connect as connecting
from b24data.fetch import job_sink
job_sink._PART_ROWS = 5_000
rate, operating = RateLimitConfig(burst_limit=100_000, drain_rate=1000), OperatingLimitConfig(limit_s=100_000)
fast = RestrictionParams(rate_limit=rate, operating_limit=operating, retry_delay_s=0.05)
connecting.connect = functools.partial(connecting.connect, restriction_params=fast)
from b24data.cli.main import main
sys.exit(main(sys.argv[1:]))
"""
_REQUESTS = 55  # of one export, about


@dataclass
class Watch:
    """Looks at a file all the time: whenever it is there, it has to be whole."""

    target: Path
    seen: set[int] = field(default_factory=set)
    broken: list[str] = field(default_factory=list)

    def __enter__(self) -> Watch:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(0.002):
            try:
                self.seen.add(pq.read_metadata(self.target).num_rows)
            except FileNotFoundError:
                continue
            except Exception as error:  # noqa: BLE001  whatever it is, the file was not whole
                self.broken.append(repr(error))


@dataclass
class Kills:
    """Kills exports and looks at what the next ones make of it."""

    desk: Desk
    dice: random.Random
    exports: int = 0
    killed: int = 0
    resumed_rows: list[int] = field(default_factory=list)
    signed_in_again: int = 0

    @property
    def target(self) -> Path:
        return self.desk.folder / "deals.parquet"

    def once(self) -> None:
        """One export: killed once or twice, then run to its end and compared with the truth."""
        self.target.unlink(missing_ok=True)
        truth = self.desk.portal.truth("crm.deal.list").ids
        with Watch(self.target) as watch:
            for _ in range(self.dice.choice([1, 1, 2])):
                self._kill()
            kept = kept_of(self.target)
            self.exports += 1
            mark = f"read twice in export {self.exports}"
            if kept:
                last_id, rows = kept
                self.resumed_rows.append(rows)
                self.desk.portal.update("deals", [row_id for row_id in truth if row_id <= last_id], {"TITLE": mark})
            self._to_the_end()
        assert watch.broken == []
        assert watch.seen <= {DEALS}
        file = pq.read_table(self.target, columns=["ID", "TITLE"])
        assert file["ID"].to_pylist() == truth
        assert pc.sum(pc.equal(file["TITLE"], mark)).as_py() == 0, (kept, self.desk.log("deals")[-12:])
        assert self.desk.files() == ["deals.parquet"]

    def _kill(self) -> None:
        """At a random moment; the very first one when there is something to go on with."""
        portal, pause = self.desk.portal, threading.Event()
        begun, at = portal.stats.requests, self.dice.randint(0, _REQUESTS)
        is_first = not self.killed
        program = self.desk.start("deals", "--quiet", code=COMMAND)
        while program.poll() is None:
            if kept_of(self.target) if is_first else portal.stats.requests - begun >= at:
                break
            pause.wait(0.01)
        pause.wait(0 if is_first else self.dice.random() * 0.4)
        program.send_signal(signal.SIGKILL)
        program.communicate()
        self.killed += program.returncode == -signal.SIGKILL
        assert program.returncode in (-signal.SIGKILL, 0, 3), program.returncode

    def _to_the_end(self) -> None:
        """The next run; a pair of tokens that died with a killed one is got by signing in again."""
        for _ in range(2):
            program = self.desk.start("deals", "--quiet", code=COMMAND)
            _, said = program.communicate(timeout=120)
            if program.returncode != 3:
                break
            assert said.count("\n") == 1
            assert "type: b24data login acme" in said
            self.signed_in_again += 1
            sign_in(self.desk.portal)
        assert (program.returncode, said) == (0, "")


def kept_of(target: Path) -> tuple[int, int] | None:
    """What a killed run left: the id up to which all rows are there, and how many they are."""
    try:
        kept = msgspec.json.decode((folder_of(target) / "manifest.json").read_bytes())["checkpoint"]
    except FileNotFoundError:
        return None
    return kept["last_id"], kept["rows"]


def desk_for(portal: Sandbox, folder: Path) -> Desk:
    """An exports.toml for the portal, and its tokens."""
    desk = Desk(folder / "desk", portal)
    desk.folder.mkdir()
    desk.write(TABLE)
    sign_in(portal)
    assert os.environ["B24DATA_STATE_DIR"].startswith(str(folder))
    return desk
