"""Exports of 100,000 deals that are killed: five here, a hundred in ``make soak``."""

from __future__ import annotations

import random
import sys

import pytest

from b24data import Sandbox
from tests.exports.kills import PORTAL, Kills, desk_for

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")


@pytest.mark.parametrize("times", [5, pytest.param(100, marks=pytest.mark.soak)])
def test_a_killed_export__goes_on_to_the_truth_and_reads_nothing_twice(at_home, times):
    with Sandbox(**PORTAL) as portal:
        kills = Kills(desk_for(portal, at_home), random.Random(times))
        for _ in range(times):
            kills.once()
        assert kills.killed >= times
        assert kills.resumed_rows  # some of them had something to go on with
        assert portal.stats.reused_refresh_tokens <= kills.signed_in_again
