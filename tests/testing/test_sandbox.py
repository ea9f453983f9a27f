"""The sandbox that hands out clients, and the fixture for the tests of others."""

from __future__ import annotations

import subprocess
import sys

import pytest

from b24data import B24Hook, B24OAuth, Sandbox

pytest_plugins = ["pytester"]


@pytest.mark.parametrize("missing", ["uvicorn", "httptools"])
@pytest.mark.parametrize("start", ["from b24data import Sandbox; Sandbox().start()", "main(['sandbox'])"])
def test_missing_server__names_the_pip_line(missing, start):
    code = f"import sys; sys.modules[{missing!r}] = None; from b24data.cli.main import main; {start}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert 'pip install "b24data[demo]"' in done.stderr.splitlines()[-1]
    assert ("Traceback" in done.stderr) is start.startswith("from")


def test_clients__are_of_the_portal_and_take_the_options_of_a_client():
    with Sandbox(deals=3) as portal:
        oauth, hook = portal.connect(timeout=5), portal.hook(timeout=5)
        kinds = type(oauth), type(hook)
        rows = [client.tools.fetch_all("crm.deal.list", ["ID"], progress=False) for client in (oauth, hook)]
    assert kinds == (B24OAuth, B24Hook)
    assert [len(frame) for frame in rows] == [3, 3]


def test_plugin__gives_a_users_test_a_portal_with_clients(pytester):
    pytester.makepyfile(
        """
        def test_mine(b24_sandbox):
            portal = b24_sandbox(deals=60)
            assert portal.truth().count == 60
            assert len(portal.connect().tools.fetch_all("crm.deal.list", ["ID"], progress=False)) == 60
        """
    )
    # In a process of its own: one interpreter can't load numpy twice.
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


def test_plugin__is_light(pytester):
    pytester.makepyfile(
        """
        import sys

        def test_mine():
            assert {"httpx", "msgspec", "pandas", "uvicorn"}.isdisjoint(sys.modules)
        """
    )
    pytester.runpytest_subprocess("-p", "no:hypothesispytest").assert_outcomes(passed=1)
