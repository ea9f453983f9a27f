import io
import logging
import re
import threading
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b24data.errors import ConfigError
from b24data.progress import Bar, Lines, Meter, ProgressEvent, progress_for

UNTIL = 1_790_000_000.0
UNTIL_CLOCK = datetime.fromtimestamp(UNTIL).astimezone().strftime("%H:%M:%S")


class FakeTime:
    """A monotonic clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time():
    return FakeTime()


@pytest.fixture
def seen():
    return []


@pytest.fixture
def meter(time, seen):
    return Meter(seen.append, monotonic=time)


def test_meter__counts_pace_and_time_left_from_the_fraction_of_the_way(meter, time, seen):
    meter.start("crm.deal.list", total=None)
    time.now += 10
    meter.update(25_000, fraction=0.25)
    assert str(seen[-1]) == "25,000 rows, 2,500 rows/s, 0:30 left"
    assert (seen[-1].label, seen[-1].seconds_left) == ("crm.deal.list", 30)


def test_meter__takes_the_fraction_from_the_total_where_it_is_known(meter, time, seen):
    meter.start("user.get", total=200)
    time.now += 1
    meter.update(50)
    assert seen[-1].fraction == 0.25


def test_meter__says_nothing_of_time_left_where_nobody_knows_it(meter, time, seen):
    meter.start("user.get", total=None)
    time.now += 1
    meter.update(50)
    assert str(seen[-1]) == "50 rows, 50 rows/s"


def test_meter__says_nothing_of_time_left_at_the_very_beginning(meter, time, seen):
    meter.start("crm.deal.list", total=None)
    time.now += 1
    meter.update(50, fraction=0.001)
    assert str(seen[-1]) == "50 rows, 50 rows/s"


def test_meter__keeps_the_fraction_between_0_and_1(meter, time, seen):
    meter.start("crm.deal.list", total=100)
    for rows, fraction in [(1, -0.5), (101, None), (102, 1.7)]:
        time.now += 1
        meter.update(rows, fraction=fraction)
    assert [event.fraction for event in seen[1:]] == [0, 1, 1]


def test_meter__shows_a_wait_at_once_with_its_reason_and_its_end(meter, time, seen):
    meter.start("crm.deal.list", total=None)
    time.now += 1
    meter.update(2_500)
    meter.wait("rate limit", 12.4, UNTIL)
    assert str(seen[-1]) == f"waiting 12 s for the rate limit, until {UNTIL_CLOCK}; 2,500 rows"


def test_meter__leaves_short_waits_out(meter, seen):
    meter.start("crm.deal.list", total=None)
    meter.wait("rate limit", 0.5, UNTIL)
    assert [event.kind for event in seen] == ["start"]


def test_meter__shows_rows_that_came_between_two_updates_with_the_next(meter, time, seen):
    meter.start("crm.deal.list", total=None)
    meter.update(50)
    meter.refreshed()
    meter.refreshed()
    meter.wait("retry", 3, UNTIL)
    assert (seen[-1].rows, seen[-1].refreshes) == (50, 2)
    time.now += 2
    meter.update(60)
    assert str(seen[-1]) == "60 rows, 30 rows/s, 2 tokens renewed"


def test_meter__is_silent_after_the_summary(meter, time, seen):
    meter.start("crm.deal.list", total=None)
    meter.close("69,112 deals, 41 s, complete")
    time.now += 5
    meter.update(1)
    meter.wait("rate limit", 60, UNTIL)
    meter.close("once more")
    assert [str(event) for event in seen if event.kind == "done"] == ["69,112 deals, 41 s, complete"]
    assert seen[-1].kind == "done"


steps = st.tuples(st.sampled_from(["rows", "wait", "short wait", "refresh"]), st.floats(0, 0.7))


@given(st.lists(steps, max_size=60))
def test_meter__shows_at_most_four_updates_in_any_second(told):
    time, shown_at = FakeTime(), []
    meter = Meter(lambda event: shown_at.append(time.now), monotonic=time)
    meter.start("crm.deal.list", total=None)
    for rows, (what, later) in enumerate(told):
        time.now += later
        match what:
            case "rows":
                meter.update(rows)
            case "wait":
                meter.wait("rate limit", 5, UNTIL)
            case "short wait":
                meter.wait("rate limit", 0.2, UNTIL)
            case _:
                meter.refreshed()
    assert all(sum(at <= other < at + 0.999 for other in shown_at) <= 4 for at in shown_at)


def test_meter__a_failing_display_is_named_once_and_the_walk_goes_on(time, caplog):
    def display(event):
        raise ZeroDivisionError("no such widget")

    meter = Meter(display, monotonic=time)
    with caplog.at_level(logging.WARNING, logger="b24data.progress"):
        meter.start("crm.deal.list", total=None)
        for rows in range(5):
            time.now += 1
            meter.update(rows)
        meter.close("5 rows, complete")
    assert len(caplog.records) == 1
    assert "the fetch goes on" in caplog.text
    assert "no such widget" in caplog.text


def test_meter__an_interrupt_in_the_display_is_not_swallowed(time):
    def display(event):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Meter(display, monotonic=time).start("crm.deal.list", total=None)


def test_meter__a_display_may_close_it(time):
    meter = Meter(lambda event: meter.close("stopped") if event.kind == "rows" else None, monotonic=time)
    meter.start("crm.deal.list", total=None)
    time.now += 1
    meter.update(1)
    meter.update(2)
    assert meter._display is None


def test_meter__counts_every_refresh_of_eight_threads(meter, seen):
    meter.start("crm.deal.list", total=None)
    threads = [threading.Thread(target=lambda: [meter.refreshed() for _ in range(500)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    meter.close("done")
    assert seen[-1].refreshes == 4_000


def moment(kind="rows", **facts):
    return ProgressEvent(kind=kind, label="crm.deal.list", **facts)


def screen(text: str) -> list[str]:
    """What a terminal shows in the end: of each line, what follows the last carriage return."""
    return [line.split("\r")[-1].strip() for line in text.split("\n")]


def test_bar__shows_the_way_and_leaves_only_the_summary():
    stream = io.StringIO()
    bar = Bar(stream)
    bar(moment("start"))
    bar(moment(rows=2_500, fraction=0.25, seconds=1))
    assert re.fullmatch(
        r"crm\.deal\.list  25% \|.{12}\| 2,500 rows, 2,500 rows/s, 0:03 left", screen(stream.getvalue())[-1]
    )
    bar(moment("done", summary="10,000 rows, 4 s, complete"))
    assert screen(stream.getvalue()) == ["10,000 rows, 4 s, complete", ""]


def test_bar__has_no_percentage_where_nobody_knows_it():
    stream = io.StringIO()
    bar = Bar(stream)
    bar(moment(rows=50, seconds=1))
    assert screen(stream.getvalue())[-1] == "crm.deal.list 50 rows, 50 rows/s"
    bar(moment("done", summary="50 rows"))


def test_bar__shows_the_end_of_a_wait_in_80_columns():
    stream = io.StringIO()
    bar = Bar(stream)
    bar(moment("wait", rows=69_112, fraction=0.6, reason="operating limit", wait_s=300, until=UNTIL))
    shown = screen(stream.getvalue())[-1]
    assert shown == f"crm.deal.list waiting 300 s for the operating limit, until {UNTIL_CLOCK}; 69,112 rows"
    assert shown.index(";") < 80
    bar(moment("done", summary="69,112 rows"))


def test_bar__starts_no_thread():
    before = threading.active_count()
    bar = Bar(io.StringIO())
    bar(moment("start"))
    assert threading.active_count() == before
    bar(moment("done"))


def test_lines__come_every_ten_seconds_and_at_the_end():
    stream = io.StringIO()
    lines = Lines(stream)
    for second in range(26):
        lines(moment(rows=second * 100, seconds=second))
    lines(moment("done", seconds=26, summary="2,600 rows, 26 s, complete"))
    written = [re.sub(r"^\d\d:\d\d:\d\d ", "", line) for line in stream.getvalue().splitlines()]
    assert written == [
        "crm.deal.list: 1,000 rows, 100 rows/s",
        "crm.deal.list: 2,000 rows, 100 rows/s",
        "2,600 rows, 26 s, complete",
    ]


def test_lines__tell_a_long_wait_before_it_begins():
    stream = io.StringIO()
    lines = Lines(stream)
    lines(moment("wait", seconds=1, rows=100, reason="operating limit", wait_s=300, until=UNTIL))
    lines(moment("wait", seconds=2, rows=100, reason="rate limit", wait_s=2, until=UNTIL))
    assert stream.getvalue().count("\n") == 1
    assert f"waiting 300 s for the operating limit, until {UNTIL_CLOCK}" in stream.getvalue()


def test_progress_for__writes_lines_where_there_is_no_terminal(capsys):
    progress = progress_for("auto")
    progress.start("crm.deal.list", total=None)
    progress.close("10 rows, complete")
    assert capsys.readouterr().err.endswith(" 10 rows, complete\n")


def test_progress_for__true_is_a_bar_anywhere(capsys):
    progress = progress_for(True)
    progress.start("crm.deal.list", total=None)
    progress.close("10 rows, complete")
    assert screen(capsys.readouterr().err) == ["10 rows, complete", ""]


def test_progress_for__false_is_silent(capsys):
    progress = progress_for(False)
    progress.start("crm.deal.list", total=None)
    progress.close("10 rows, complete")
    assert capsys.readouterr() == ("", "")


def test_progress_for__writes_nothing_and_goes_on_where_stderr_is_closed(monkeypatch, caplog):
    stream = io.StringIO()
    stream.close()
    monkeypatch.setattr("sys.stderr", stream)
    progress = progress_for("auto")
    progress.start("crm.deal.list", total=None)
    progress.close("10 rows, complete")
    assert "the fetch goes on" in caplog.text


@pytest.mark.parametrize("option", ["on", 2, None])
def test_progress_for__refuses_what_makes_no_sense(option):
    with pytest.raises(ConfigError, match="progress is"):
        progress_for(option)
