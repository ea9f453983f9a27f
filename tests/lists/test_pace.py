from __future__ import annotations

from b24data.lists.pace import Pace


def test_pace__grows_while_the_portal_keeps_up_and_no_further_than_it_may():
    pace = Pace(most_in_flight=16)
    for expected in (8, 16, 16):
        pace.answered(pace.sent(), 1.06, 1.0)
        assert pace.in_flight == expected


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
