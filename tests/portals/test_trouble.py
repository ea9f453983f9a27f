"""Twelve portals of which four are in trouble: the others have all their rows, and each failure has its name."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from typing import Any

import pandas as pd
import pytest

import b24data
from b24data import AuthorizationRequiredError, IncompleteFetchError, PortalsError, RestrictionParams, Sandbox
from b24data.auth.profiles import Profile, Profiles
from b24data.exports.exit_codes import ExitCode, exit_code
from tests.portals.conftest import Keep

QUICK = RestrictionParams(retry_delay_s=0.001)
NAMES = [f"p{k:02}" for k in range(12)]
REVOKED, SLOW, DYING, MOVED = "p01", "p04", "p07", "p10"


@pytest.fixture
def twelve(keep: Keep) -> Generator[dict[str, Sandbox], None, None]:
    with contextlib.ExitStack() as held:
        yield {name: keep(name, held.enter_context(Sandbox(**given(name)))) for name in NAMES}


def given(name: str, deals: int = 300) -> dict[str, Any]:
    """A sandbox of its own rows; the one that dies has more than a request brings."""
    number = NAMES.index(name)
    size = max(deals, 5_000) if name == DYING else deals + number
    latency = 0.1 if name == SLOW else 0.0
    return {"deals": size, "seed": number, "cost": 0.0, "rate_limit": None, "latency_s": latency, "users": 2}


def four_in_trouble(portals: dict[str, Sandbox]) -> None:
    """All tokens are dead, so everyone refreshes; four portals have worse troubles."""
    for portal in portals.values():
        portal.expire_tokens()
    portals[REVOKED].revoke()
    portals[DYING].fail("reset", after=5, times=10_000)
    portals[MOVED].move()


def check(deals: pd.DataFrame, portals: dict[str, Sandbox], truth: dict[str, list[int]]) -> None:
    found = {str(name): rows["ID"].tolist() for name, rows in deals.groupby("PORTAL")}
    assert found == {name: truth[name] for name in NAMES if name not in (REVOKED, DYING)}
    assert {name: portal.stats.refreshes for name, portal in portals.items()} == {
        name: 0 if name == REVOKED else 1 for name in NAMES
    }
    assert sum(portal.stats.reused_refresh_tokens for portal in portals.values()) == 0


def check_collected(twelve: dict[str, Sandbox]) -> None:
    """Four portals are in trouble: the rows of the others, and the table of what happened."""
    truth = {name: portal.truth().ids for name, portal in twelve.items()}
    four_in_trouble(twelve)
    with b24data.connect_all(errors="collect", restriction_params=QUICK) as portals:
        deals = portals.tools.fetch_all("crm.deal.list", ["ID", "TITLE"], progress=False)
        outcome = portals.outcome.set_index("portal")
    check(deals, twelve, truth)
    states = dict.fromkeys(NAMES, "ok") | {REVOKED: "sign in again", DYING: "unreachable"}
    assert outcome["state"].to_dict() == states
    assert outcome.loc[REVOKED, "message"].endswith('Hint: b24data.login("p01").')
    assert "rows had come and are not in the result" in outcome.loc[DYING, "message"]
    assert outcome.loc[[REVOKED, DYING], "rows"].tolist() == [0, 0]
    assert deals.attrs["b24data"]["complete"] is False
    assert [one["state"] for one in deals.attrs["b24data"]["outcome"]] == list(states.values())


def test_collect__gives_the_rows_of_the_others_and_names_each_failure(twelve):
    check_collected(twelve)


@pytest.mark.soak
def test_soak__twelve_portals_of_5_000_deals_50_ms_away(keep):
    with contextlib.ExitStack() as held:
        twelve = {}
        for name in NAMES:
            options = given(name, 5_000) | {"latency_s": 0.5 if name == SLOW else 0.05}
            twelve[name] = keep(name, held.enter_context(Sandbox(**options)))
        check_collected(twelve)


def test_raise__has_the_rows_of_the_others_in_the_error(twelve):
    truth = {name: portal.truth().ids for name, portal in twelve.items()}
    four_in_trouble(twelve)
    with b24data.connect_all(restriction_params=QUICK) as portals, pytest.raises(PortalsError) as caught:
        portals.tools.fetch_all("crm.deal.list", ["ID"], progress=False)
    error = caught.value
    check(error.results, twelve, truth)
    assert str(error).startswith("2 of 12 portals failed: p01: sign in again: ")
    assert isinstance(error.errors[REVOKED], AuthorizationRequiredError)
    assert isinstance(error.errors[DYING], IncompleteFetchError)
    assert error.__cause__ is error.errors[REVOKED]
    assert [one["portal"] for one in error.outcome] == NAMES
    assert exit_code(error) == ExitCode.SIGN_IN


@pytest.fixture
def two(keep: Keep) -> Generator[dict[str, Sandbox], None, None]:
    with contextlib.ExitStack() as held:
        portals = {name: held.enter_context(Sandbox(deals=4_000, cost=0.0, rate_limit=None)) for name in ("bad", "ok")}
        yield {name: keep(name, portal) for name, portal in portals.items()}


def test_partial__keeps_what_came_of_a_list_that_broke_off(two):
    two["bad"].fail("reset", after=4, times=10_000)
    with b24data.connect_all(errors="collect", restriction_params=QUICK) as portals:
        deals = portals.tools.fetch_all("crm.deal.list", ["ID"], partial=True, progress=False)
        outcome = portals.outcome.set_index("portal")
    came = deals.loc[deals["PORTAL"] == "bad", "ID"].tolist()
    assert came == two["bad"].truth().ids[: len(came)]
    assert 0 < len(came) < 4_000
    assert outcome.loc["bad", ["state", "rows"]].tolist() == ["partial", len(came)]
    assert outcome.loc["bad", "message"]


def test_a_file_that_broke_off__goes_on_with_the_next_call(two, tmp_path):
    two["bad"].fail("reset", after=4, times=10_000)
    to = str(tmp_path / "{profile}.parquet")
    with b24data.connect_all(errors="collect", restriction_params=QUICK) as portals:
        assert list(portals.tools.fetch_all("crm.deal.list", ["ID"], to=to, progress=False)) == ["ok"]
        assert not (tmp_path / "bad.parquet").exists()
        two["bad"].clear_faults()
        reports = portals.tools.fetch_all("crm.deal.list", ["ID"], to=to, progress=False)
    assert reports["bad"].complete
    assert pd.read_parquet(tmp_path / "bad.parquet")["ID"].tolist() == two["bad"].truth().ids


@pytest.mark.parametrize(
    ("code", "status", "description", "state"),
    [
        ("PAYMENT_REQUIRED", 402, "Subscription has been ended", "payment required"),
        ("LICENSE_EXPIRED", 403, "", "payment required"),
        ("ACCESS_DENIED", 401, "REST API is available only on commercial plans", "payment required"),
        ("OVERLOAD_LIMIT", 503, "REST API is blocked due to overload.", "blocked"),
        ("PORTAL_DELETED", 403, "Portal was deleted", "blocked"),
        ("NO_AUTH_FOUND", 401, "Wrong authorization data", "sign in again"),
        ("INSUFFICIENT_SCOPE", 403, "", "failed"),
    ],
)
def test_state__says_who_has_to_do_something(keep, code, status, description, state):
    with Sandbox(deals=3, cost=0.0, rate_limit=None) as portal:
        keep("acme", portal)
        portal.fail("error", probability=1.0, times=1_000, code=code, status=status, description=description)
        with b24data.connect_all(errors="collect", restriction_params=QUICK) as portals:
            frame = portals.tools.fetch_all("crm.deal.list", progress=False)
            assert portals.outcome["state"].tolist() == [state]
    assert (list(frame), len(frame)) == (["PORTAL"], 0)


def test_state__of_a_portal_that_is_not_there_is_unreachable(keep):
    with Sandbox(deals=3) as portal:
        keep("acme", portal)
    with b24data.connect_all(errors="collect", restriction_params=QUICK) as portals:
        portals.tools.fetch_all("crm.deal.list", progress=False)
        assert portals.outcome["state"].tolist() == ["unreachable"]


def test_a_profile_without_tokens__is_in_the_outcome_or_raised_at_once(two):
    Profiles().save(Profile(name="bad", portal=two["bad"].url))
    with pytest.raises(AuthorizationRequiredError, match="the profile 'bad' has no tokens"):
        b24data.connect_all()
    with b24data.connect_all(errors="collect") as portals:
        deals = portals.tools.fetch_all("crm.deal.list", ["ID"], progress=False)
        assert portals.outcome["state"].tolist() == ["ok", "sign in again"]
    assert deals["PORTAL"].unique().tolist() == ["ok"]


def test_a_damaged_profile__does_not_cost_the_others(two):
    assert Profiles().folder is not None
    (Profiles().folder / "bad.json").write_text("{")
    assert "can't be read" in b24data.profiles().set_index("name").loc["bad", "kind"]
    with b24data.connect_all(errors="collect") as portals:
        assert len(portals.tools.fetch_all("crm.deal.list", ["ID"], progress=False)) == 4_000
        assert portals.outcome.set_index("portal").loc["bad", "state"] == "failed"


PROGRAM = """
import b24data, json
from tests.portals.test_trouble import QUICK
with b24data.connect_all(restriction_params=QUICK) as portals:
    for _ in range(3):
        deals = portals.tools.fetch_all("crm.deal.list", ["ID"], progress=False)
print(json.dumps(deals.groupby("PORTAL").size().to_dict()))
"""


def test_two_programs__share_every_refresh_of_every_portal(keep):
    with contextlib.ExitStack() as held:
        portals = {
            name: held.enter_context(Sandbox(deals=60, token_ttl_requests=5, cost=0.0, rate_limit=None))
            for name in ("acme", "beta")
        }
        for name, portal in portals.items():
            keep(name, portal)
        pipe = subprocess.PIPE
        programs = [
            subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=pipe, stderr=pipe, text=True) for _ in range(2)
        ]
        answers = [program.communicate(timeout=120) for program in programs]
        assert [(json.loads(out), err) for out, err in answers] == [({"acme": 60, "beta": 60}, "")] * 2
        for portal in portals.values():
            assert portal.stats.reused_refresh_tokens == 0
            assert 0 < portal.stats.refreshes <= portal.stats.deaths


STALLED = """
import b24data, sys
with b24data.connect_all() as portals:
    try:
        portals.tools.fetch_all("crm.deal.list", ["ID"], progress=False)
    except KeyboardInterrupt:
        print("stopped")
"""


@pytest.mark.skipif(os.name == "nt", reason="no SIGINT to a program")
def test_ctrl_c__stops_all_portals_at_once(keep):
    with contextlib.ExitStack() as held:
        portals = {name: held.enter_context(Sandbox(deals=60, rate_limit=None)) for name in ("acme", "beta", "gone")}
        for name, portal in portals.items():
            keep(name, portal)
        portals["acme"].fail("stall", probability=1.0, times=100)  # waits for an answer
        portals["beta"].fail("503", probability=1.0, times=100)  # waits for a limit
        portals["gone"].fail("502", probability=1.0, times=100)  # waits for another attempt
        program = subprocess.Popen([sys.executable, "-c", STALLED], stdout=subprocess.PIPE, text=True)
        until(lambda: all(portal.stats.requests for portal in portals.values()))
        program.send_signal(signal.SIGINT)
        out, _ = program.communicate(timeout=60)  # without a stop: minutes
        before = [portal.stats.requests for portal in portals.values()]
        assert out == "stopped\n"
        assert [portal.stats.requests for portal in portals.values()] == before


def until(true: Callable[[], bool]) -> None:
    """Look every 20 ms; a busy machine may need its time."""
    for _ in range(3_000):
        if true():
            return
        threading.Event().wait(0.02)
    raise AssertionError("it did not come to pass within a minute")
