"""Thirty days of nightly syncs of a portal that is changed by day and while it is read, with hard days among them."""

from __future__ import annotations

import random
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from b24data import ExportError, Sandbox
from tests.clocks import MovedClock

DAY = 86_400
OVERLAP = 600
SELECT = ["ID", "TITLE", "OPPORTUNITY", "STAGE_ID", "STAGE_SEMANTIC_ID", "UF_*"]
OPEN = {"STAGE_SEMANTIC_ID": "P"}
NEW_FIELD = "UF_CRM_DAY_12"


class Month:
    """A portal, a client, and what happened."""

    def __init__(self, portal: Sandbox, b24, folder, size: int, seed: int) -> None:
        self.portal, self.b24, self.folder, self.size = portal, b24, folder, size
        self.clock = b24.clock
        self.dice = random.Random(seed)
        self.filled: dict[int, float] = {}
        self.began = 0.0  # the last sync that came to its end, by the portal's clock
        self.transferred = self.changed = self.overlapped = 0

    def pass_time(self, seconds: float) -> None:
        self.portal.move_clock(seconds)
        self.clock.move(seconds)

    def day(self, number: int) -> None:
        """People work: a few rows at a time, spread over the day."""
        portal, some = self.portal, max(1, self.size // 200)
        for hour in range(6):
            self.pass_time(DAY / 6)
            ids = portal.truth("crm.deal.list").ids
            portal.update("deals", self.dice.sample(ids, some), {"TITLE": f"day {number}, {hour}"})
            portal.update("deals", self.dice.sample(ids, some), {"STAGE_SEMANTIC_ID": "S", "STAGE_ID": "WON"})
            portal.insert("deals", [{"TITLE": f"new on day {number}"}] * some)
            portal.delete("deals", self.dice.sample(ids, max(1, some // 2)))
        if number >= 12:
            chosen = self.dice.sample(portal.truth("crm.deal.list").ids, 3)
            for row_id in chosen:
                self.filled[row_id] = number + row_id / 4
                portal.update("deals", [row_id], {NEW_FIELD: self.filled[row_id]})

    def busy(self, *, on: bool) -> None:
        """Rows are inserted, changed and deleted at every request; those of one second among them."""
        if on:
            self.portal.mutate("deals", insert=1, update=3, delete=1, every=1)
        else:
            self.portal.calm()

    def sync(self, **options):
        return self.b24.tools.sync(
            "crm.deal.list", SELECT, to=self.folder / "all", progress=False, deletes="scan", **options
        )

    def sync_open(self):
        return self.b24.tools.sync(
            "crm.deal.list", SELECT, OPEN, to=self.folder / "open", progress=False, deletes="scan"
        )

    def night(self) -> None:
        """A sync while the portal is changed goes on, compared with what was true before, after and meanwhile."""
        before, first = self.truth(), self.portal.stats.requests
        began = self.portal.now
        self.busy(on=True)
        report = self.sync()
        self.busy(on=False)
        after, last = self.truth(), self.portal.stats.requests
        self.compare(kept(self.folder / "all"), before, after, range(first + 1, last + 1))
        if report.since is not None:
            self.count(report, began)
        self.began = began

    def quiet_night(self) -> None:
        """A filtered list, with nobody else at work: equal to the portal's, row by row."""
        self.sync_open()
        wanted = {row_id: row for row_id, row in self.truth().items() if row[3] == "P"}
        assert kept(self.folder / "open") == wanted

    def truth(self):
        rows = self.portal.rows("crm.deal.list", None, [*SELECT[:-1], NEW_FIELD])
        return {
            int(row["ID"]): (
                row["TITLE"],
                float(row["OPPORTUNITY"]),
                row["STAGE_ID"],
                row["STAGE_SEMANTIC_ID"],
                float(row[NEW_FIELD]) if row.get(NEW_FIELD) else None,
            )
            for row in rows
        }

    def compare(self, found, before, after, requests) -> None:
        """Each row is as it was at some moment between the two, and none that was there all the time is missing."""
        assert found.keys() >= before.keys() & after.keys()
        assert found.keys() <= before.keys() | self.touched("insert", 0)
        for row_id, row in found.items():
            if row_id not in before:
                continue  # made meanwhile, perhaps changed too: the next night compares it
            versions = [side[row_id] for side in (before, after) if row_id in side]
            meanwhile = re.fullmatch(r"changed at request (\d+)", row[0])
            if meanwhile and int(meanwhile[1]) in requests:
                versions = [(row[0], *version[1:]) for version in versions]
            assert row in versions, row_id

    def touched(self, what: str, since: float, until: float = 1e12) -> set[int]:
        log = self.portal.stats.mutations
        return {row_id for at, did, _, ids in log if did == what and since <= at < until for row_id in ids}

    def count(self, report, began: float) -> None:
        changed = self.touched("insert", self.began, began) | self.touched("update", self.began, began)
        overlap = self.touched("insert", self.began - OVERLAP, self.began)
        overlap |= self.touched("update", self.began - OVERLAP, self.began)
        meanwhile = self.touched("insert", began) | self.touched("update", began)
        assert report.transferred <= 1.2 * len(changed) + len(overlap) + len(meanwhile)
        self.transferred += report.transferred
        self.changed += len(changed)
        self.overlapped += len(overlap | meanwhile)


def kept(folder):
    tables = [pq.read_table(path) for path in sorted(folder.glob("*.parquet"))]
    assert len({str(table.schema) for table in tables}) == 1
    table = pa.concat_tables(tables)
    news = table[NEW_FIELD].to_pylist() if NEW_FIELD in table.column_names else [None] * table.num_rows
    columns = [table[name].to_pylist() for name in ("ID", "TITLE", "OPPORTUNITY", "STAGE_ID", "STAGE_SEMANTIC_ID")]
    rows = {row_id: (*row, new) for row_id, *row, new in zip(*columns, news, strict=True)}
    assert len(rows) == table.num_rows
    return rows


def thirty_days(folder, size: int, seed: int) -> Month:
    with Sandbox(deals=size, rate_limit=None, cost=0.0, seed=seed) as portal, portal.connect(clock=MovedClock()) as b24:
        month = Month(portal, b24, folder, size, seed)
        for number in range(1, 31):
            if number == 12:
                portal.add_field("deals", NEW_FIELD, "double", "New")
            month.day(number)
            if number == 8:
                portal.move_clock(7200)
            if number == 10:
                portal.move_clock(-7200)
            if number == 15:
                rights_lost(month)
                continue
            if number == 20:
                portal.expire_tokens()
            month.night()
            month.quiet_night()
        print(f"{month.transferred:,} rows, {month.changed:,} changed, {month.overlapped:,} overlap")  # noqa: T201
        table = pq.read_table(folder / "all")
        assert NEW_FIELD in table.column_names
        assert sum(value is not None for value in table[NEW_FIELD].to_pylist()) > 20
        return month


def rights_lost(month: Month) -> None:
    """For a day the user sees half of the deals; what is changed among the others comes when the rights are back."""
    ids = month.portal.truth("crm.deal.list").ids
    before = kept(month.folder / "all")
    month.portal.hide("deals", ids[::2])
    month.portal.update("deals", ids[:40:2], {"TITLE": "changed unseen"})
    with pytest.raises(ExportError, match="nothing was changed"):
        month.sync()
    assert kept(month.folder / "all") == before
    month.portal.hide("deals", [])


@pytest.mark.parametrize("seed", [7])
def test_thirty_days__of_a_portal_that_is_changed_while_it_is_read(tmp_path, seed):
    month = thirty_days(tmp_path, 1_000, seed)
    assert month.transferred <= 1.2 * month.changed + month.overlapped


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(5))
def test_thirty_days__of_a_larger_one(tmp_path, seed):
    month = thirty_days(tmp_path, 20_000, seed)
    assert month.transferred <= 1.2 * month.changed + month.overlapped
