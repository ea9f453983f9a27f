from __future__ import annotations

import heapq
import math
import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from b24data.http.bucket import LeakyBucket
from b24data.http.ledger import OperatingLedger
from b24data.http.limits import Limits
from b24data.http.protocol import Times
from b24data.params import AdaptiveConfig, OperatingLimitConfig, RateLimitConfig, RestrictionParams
from tests.http.fakes import tell


class Portal:
    """The portal's own counter: leaks once a second at a moment of its own, and refuses past X."""

    def __init__(self, burst: float, drain: float, phase: float) -> None:
        self.burst, self.drain, self.phase = burst, drain, phase
        self.level = 0.0
        self.ticks = -math.inf
        self.refusals = 0

    def request(self, now: float) -> None:
        ticks = math.floor(now - self.phase)
        if self.ticks > -math.inf:
            self.level = max(0.0, self.level - (ticks - self.ticks) * self.drain)
        self.ticks = ticks
        self.level += 1
        self.refusals += self.level > self.burst


def run(bucket: LeakyBucket, portal: Portal, delays: list[float], latencies: list[float]) -> float:
    """Send one request per delay as soon as the bucket lets it go; each arrives after its latency."""
    now = 0.0
    arrivals = []
    answers: list[tuple[float, int]] = []
    for delay, latency in zip(delays, latencies, strict=True):
        now += delay
        while (wait := take_off(bucket, answers, now)) > 0:
            now += wait
        arrivals.append(now + latency)
        heapq.heappush(answers, (now + 1.5 * latency, bucket.ticket))
    for arrival in sorted(arrivals):
        portal.request(arrival)
    return now


def take_off(bucket: LeakyBucket, answers: list[tuple[float, int]], now: float) -> float:
    """Reserve, after what was answered until now has landed; where all of the bucket is under way, wait for one."""
    while answers and answers[0][0] <= now:
        at, ticket = heapq.heappop(answers)
        bucket.landed(ticket, at)
    return bucket.reserve(now)


@given(
    dice=st.randoms(use_true_random=True), quick=st.floats(0, 0.99), plan=st.sampled_from([(10, 2), (50, 2), (250, 5)])
)
@settings(max_examples=300)
def test_bucket__meets_no_refusal_whenever_the_portal_leaks(
    dice: random.Random, quick: float, plan: tuple[int, float]
) -> None:
    requests = 4 * plan[0]
    delays = [
        dice.choice((0.1, 0.3, 0.5, 0.99, 1.0, 3.0, 4.2)) if dice.random() < 0.1 else 0.0 for _ in range(requests)
    ]
    latencies = [dice.choice((0.0, quick, 0.99, 7.0)) for _ in range(requests)]
    portal = Portal(*plan, phase=dice.random())
    run(LeakyBucket(RateLimitConfig(*plan)), portal, delays, latencies)
    assert portal.refusals == 0


def test_bucket__a_long_run_uses_the_whole_rate() -> None:
    portal = Portal(50, 2, 0.5)
    seconds = run(LeakyBucket(RateLimitConfig(50, 2)), portal, [0.0] * 1000, [0.0] * 1000)
    assert 1000 / seconds >= 0.98 * 2
    assert portal.refusals == 0


def test_bucket__a_request_under_way_does_not_leak_until_it_is_answered() -> None:
    bucket = LeakyBucket(RateLimitConfig(50, 2))
    assert [bucket.reserve(0.0) for _ in range(48)] == [0.0] * 48
    assert bucket.reserve(5.0) > 0
    bucket.landed(1, 5.0)
    bucket.landed(1, 5.0)
    assert bucket.reserve(5.0) > 0
    assert bucket.reserve(6.0) == 0


def test_bucket__a_program_that_was_killed_gives_its_places_back() -> None:
    bucket = LeakyBucket(RateLimitConfig(50, 2))
    assert [bucket.reserve(0.0) for _ in range(48)] == [0.0] * 48
    assert bucket.free(299.0) == 0
    assert bucket.free(301.0) == 48


def test_bucket__a_refusal_means_waiting_and_half_the_pace() -> None:
    bucket = LeakyBucket(RateLimitConfig(50, 2))
    assert bucket.reserve(0.0) == 0.0
    bucket.refused(0.1)
    assert bucket.reserve(0.1) > 1
    assert bucket.pace == 0.5


def test_bucket__answers_refused_together_slow_it_once() -> None:
    bucket = LeakyBucket(RateLimitConfig(50, 2))
    for _ in range(8):
        bucket.refused(5.0)
    assert bucket.pace == 0.5


def test_bucket__quiet_restores_the_pace() -> None:
    bucket = LeakyBucket(RateLimitConfig(50, 2))
    for now in (0.0, 10.0, 20.0):
        bucket.refused(now)
    assert bucket.pace == 1 / 8
    for now in (80.0, 140.0, 200.0):
        bucket.reserve(now)
    assert bucket.pace == 1


def test_bucket__a_fixed_pace_stays_when_asked_for() -> None:
    bucket = LeakyBucket(RateLimitConfig(50, 2, adaptive_enabled=False))
    bucket.refused(0.0)
    assert bucket.pace == 1


def test_bucket__gentle_leaves_half_of_the_burst() -> None:
    bucket = LeakyBucket(RateLimitConfig(50, 2))
    granted = sum(bucket.reserve(0.0, gentle=True) == 0.0 for _ in range(60))
    assert granted == 23
    assert bucket.reserve(0.0) == 0.0


def times(operating: float | None, *, finish: float, reset_in: float | None = 600.0, duration: float = 1.0) -> Times:
    reset_at = None if reset_in is None else finish + reset_in
    return Times(finish=finish, duration=duration, operating=operating, operating_reset_at=reset_at)


def test_ledger__nothing_known_nothing_waits() -> None:
    assert OperatingLedger().wait(0.0, 50) == 0.0


def test_ledger__waits_for_the_reset_by_the_portals_own_clock() -> None:
    ledger = OperatingLedger(limit_s=480)
    ledger.observe(times(479, finish=9_999_999.5, reset_in=42.0), now=10.0)
    # 42 s until the portal drops a basket, whatever its clock says, and one for the fraction it cuts off.
    assert ledger.wait(10.0, 1) == pytest.approx(43.0)


def test_ledger__after_the_reset_one_request_finds_out() -> None:
    ledger = OperatingLedger(limit_s=480)
    ledger.observe(times(479, finish=100.0, reset_in=42.0), now=10.0)
    assert ledger.wait(53.0, 1) == 0.0
    ticket = ledger.begin(53.0, 1)
    assert ledger.wait(53.0, 1) > 0
    ledger.end(ticket)
    ledger.observe(times(100, finish=150.0, reset_in=60.0), now=54.0)
    assert ledger.wait(54.0, 1) == 0.0


def test_ledger__what_is_in_flight_is_reserved() -> None:
    ledger = OperatingLedger(limit_s=100)
    ledger.observe(times(60, finish=1.0, duration=10.0), now=1.0)
    first = ledger.begin(1.0, 3)
    assert ledger.wait(1.0, 1) > 0
    ledger.end(first)
    assert ledger.wait(1.0, 3) == 0.0


def test_ledger__a_request_that_never_reported_back_is_forgotten() -> None:
    ledger = OperatingLedger(limit_s=100)
    ledger.observe(times(60, finish=1.0, duration=10.0), now=1.0)
    ledger.begin(1.0, 3)
    assert ledger.wait(200.0, 1) == 0.0


def test_ledger__growth_leaves_the_window_after_ten_minutes() -> None:
    ledger = OperatingLedger(limit_s=480)
    for minute in range(5):
        now = 60.0 * minute
        ledger.observe(times(90.0 * (minute + 1), finish=now, reset_in=600 - now), now)
    assert ledger.used(240.0) == 450
    assert ledger.used(601.0) == 360
    assert ledger.used(841.0) == 0


def test_ledger__what_was_seen_late_in_a_minute_is_not_forgotten_with_what_was_seen_early_in_it() -> None:
    """Where the portal's minutes begin is not documented, so the later growth may lie in a basket of its own."""
    ledger = OperatingLedger()
    ledger.observe(times(100, finish=0.0), 0.0)
    ledger.observe(times(470, finish=50.0), 50.0)
    assert ledger.used(601.0) == 370
    assert ledger.used(651.0) == 0


def test_ledger__the_short_page_at_the_end_of_a_chain_says_little_of_what_the_next_chain_takes() -> None:
    """16 batches of 50 commands are reserved at once: a tenth too little each is more than is spared of the limit."""
    ledger = OperatingLedger()
    for second in range(500):
        duration = 0.002 if second % 50 == 49 else 0.068
        ledger.observe(times(1, finish=float(second), duration=duration), float(second))
    assert 0.066 < ledger.cost_s <= 0.068


def test_ledger__an_answer_that_arrives_late_does_not_turn_it_back() -> None:
    ledger = OperatingLedger()
    ledger.observe(times(50, finish=20.0), now=20.0)
    ledger.observe(times(30, finish=10.0), now=20.1)
    assert ledger.used(20.1) == 50


@given(st.lists(st.floats(0, 1000), min_size=1, max_size=30))
def test_ledger__the_portals_word_counts(sums: list[float]) -> None:
    ledger = OperatingLedger()
    for second, operating in enumerate(sums):
        ledger.observe(times(operating, finish=float(second)), float(second))
    assert ledger.used(float(len(sums))) == pytest.approx(sums[-1])


def test_ledger__a_refusal_without_counters_waits_one_basket() -> None:
    ledger = OperatingLedger()
    ledger.refused(100.0)
    assert ledger.wait(100.0, 1) == pytest.approx(60.0)
    assert ledger.wait(160.0, 1) == 0.0


def test_ledger__a_refusal_below_the_limit_teaches_a_lower_limit() -> None:
    ledger = OperatingLedger(limit_s=480)
    ledger.observe(times(420, finish=1.0), now=1.0)
    ledger.refused(2.0)
    assert ledger.allowed_s == 420


def test_ledger__a_batch_larger_than_the_limit_still_goes_when_little_is_used() -> None:
    ledger = OperatingLedger(limit_s=480)
    ledger.observe(times(0, finish=1.0, duration=30.0), now=1.0)
    assert ledger.wait(1.0, 50) == 0.0


def limits(portal: str, **params: object) -> Limits:
    return Limits(portal, "app", RestrictionParams(**params))  # type: ignore[arg-type]


def test_limits__two_clients_of_one_portal_share_the_bucket() -> None:
    one, other = limits("shared.example"), limits("shared.example")
    granted = sum(client.reserve(Counter(["m"]), 0.0).seconds == 0 for client in [one, other] * 40)
    assert granted == 48
    assert limits("another.example").reserve(Counter(["m"]), 0.0).seconds == 0


def test_limits__another_application_has_a_ledger_of_its_own() -> None:
    first = Limits("apps.example", "first", RestrictionParams())
    second = Limits("apps.example", "second", RestrictionParams())
    tell(first, 0.0, used_up=["crm.deal.list"])
    assert first.reserve(Counter(["CRM.deal.list"]), 0.0).reason == "operating limit"
    assert first.reserve(Counter(["crm.lead.list"]), 0.0).seconds == 0
    assert second.reserve(Counter(["crm.deal.list"]), 0.0).seconds == 0


def test_limits__a_no_of_the_ledger_takes_nothing_from_the_bucket() -> None:
    view = limits("untouched.example")
    tell(view, 0.0, used_up=["m"])
    for _ in range(100):
        view.reserve(Counter(["m"]), 0.0)
    assert view.reserve(Counter(["other"]), 0.0).seconds == 0


def test_limits__a_walk_slows_down_only_if_its_rest_does_not_fit() -> None:
    view = limits("pace.example", operating_limit=OperatingLimitConfig(limit_s=480))
    tell(view, 0.0, times=[("m", times(400, finish=0.0, reset_in=300, duration=0.1))])
    asked = [view.reserve(Counter(["m"]), 0.0, slow_down=True, remaining=rest) for rest in (100, 10_000, None)]
    assert [one.slowed_down for one in asked] == [False, True, True]
    assert [one.seconds > 0 for one in asked] == [False, True, True]
    assert view.reserve(Counter(["m"]), 0.0).seconds == 0


def test_limits__the_adaptive_pause_can_be_switched_off() -> None:
    view = limits("switch.example", adaptive_config=AdaptiveConfig(enabled=False))
    tell(view, 0.0, times=[("m", times(470, finish=0.0, reset_in=300))])
    assert view.reserve(Counter(["m"]), 0.0, slow_down=True).seconds == 0


def test_ledger__fifty_refused_commands_of_one_batch_are_one_refusal():
    ledger = OperatingLedger()
    ledger.observe(Times(duration=0.02, operating=1.0, operating_reset_at=700.0, finish=100.0), 0.0)
    for _ in range(50):
        ledger.refused(1.0)
    assert ledger.allowed_s == 240.0  # halved once: the portal's limit is lower than we thought, not nothing
    assert ledger.wait(602.0, 1) == 0.0
