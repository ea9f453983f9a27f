from __future__ import annotations

import pytest

from b24data.lists.pace import Pace


def quick(**options):
    pace = Pace(**options)
    pace.measured(0.02)
    return pace


def test_pace__grows_while_the_portal_keeps_up_and_no_further_than_it_may():
    for most, expected in ((24, (16, 24, 24)), (16, (16, 16)), (3, (3, 3))):
        pace = quick(in_flight=min(4, most), most_in_flight=most)
        for number in expected:
            pace.answered(pace.sent(), 1.06, 1.0)
            assert pace.in_flight == number


@pytest.mark.parametrize("page_s", [0.06, 1.0, 30.0])
def test_pace__grows_less_where_batches_take_long(page_s):
    """Sixteen of them that a portal works off one after the other may keep a request for as long as it may run."""
    pace = Pace()
    pace.measured(page_s)
    for number in (8, 16, 16):
        pace.answered(pace.sent(), 3.1, 3.0)
        assert pace.in_flight == number


def test_pace__shrinks_by_half_at_a_time_while_requests_wait():
    pace = quick()
    pace.answered(pace.sent(), 1.05, 1.0)
    pace.answered(pace.sent(), 1.05, 1.0)
    seen = [pace.in_flight]
    for _ in range(4):
        pace.answered(pace.sent(), 4.0, 1.0)
        seen.append(pace.in_flight)
    assert seen == [24, 12, 6, 3, 1]


def test_pace__halves_when_requests_wait_for_each_other():
    pace = Pace()
    pace.answered(pace.sent(), 1.05, 1.0)
    pace.answered(pace.sent(), 2.05, 1.0)
    assert pace.in_flight == 4


def test_pace__answers_to_earlier_requests_do_not_count_twice():
    pace = Pace()
    early = [pace.sent() for _ in range(4)]
    for ticket in early:
        pace.answered(ticket, 1.05, 1.0)
    assert pace.in_flight == 8
    late = [pace.sent() for _ in range(8)]
    for ticket in late:
        pace.answered(ticket, 3.0, 1.0)
    assert pace.in_flight == 4


def test_pace__a_batch_takes_a_third_of_what_a_request_may_and_less_after_a_timeout():
    pace = Pace()
    pace.measured(0.02)
    assert pace.commands == 50
    pace.measured(2.0)
    assert pace.commands == 10
    pace.timed_out()
    pace.measured(0.02)
    assert pace.commands == 5


def test_pace__one_worker_stays_one_request():
    pace = Pace(in_flight=1, most_in_flight=1)
    pace.answered(pace.sent(), 1.0, 1.0)
    assert pace.in_flight == 1
