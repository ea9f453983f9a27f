"""The check that tests/conftest.py makes of everything that any test logs, prints or raises."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from b24data import Sandbox
from tests.conftest import SECRET

pytest_plugins = ["pytester"]


@pytest.mark.parametrize(
    "line",
    [
        "logging.getLogger('b24data.x').debug('auth is %s', 'ab' * 32)",
        "print('http://127.0.0.1:1/rest/1/0123456789abcdef/profile')",
        "str(SdkError('refused: cl13nt-s3cr3t'))",
    ],
    ids=["logged", "printed", "raised"],
)
def test_the_check_itself__fails_a_test_that_shows_a_secret(
    pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    pytester.makeconftest((Path(__file__).parents[1] / "conftest.py").read_text())
    pytester.makepyfile(f"import logging\nfrom b24data import SdkError\ndef test_it():\n    {line}\n")
    outcome = pytester.runpytest_subprocess("-q")
    capsys.readouterr()  # or this test would be caught as well
    outcome.assert_outcomes(passed=1, errors=1)
    outcome.stdout.fnmatch_lines(["*a secret was logged, printed or raised*"])


def test_the_check_itself__knows_the_secrets_of_a_sandbox() -> None:
    with Sandbox(deals=1) as portal:
        params = portal.oauth_params()
        shown = [portal.webhook_url, params["access_token"], params["refresh_token"]]
    assert [bool(SECRET.search(text)) for text in shown] == [True] * 3


def test_logs__tests_run_at_the_level_of_most_detail() -> None:
    assert logging.getLogger("b24data").getEffectiveLevel() == logging.DEBUG
    assert logging.getLogger("httpcore.http11").isEnabledFor(logging.DEBUG)


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs /proc")
def test_process_list__shows_no_secret_of_a_sandbox_in_a_process_of_its_own() -> None:
    with Sandbox(deals=1, process=True) as portal, portal.connect() as b24:
        b24.auth.refresh_auth()
        secrets = [portal.webhook_url.rstrip("/").rpartition("/")[2], portal.oauth_secret()["client_secret"]]
        secrets += [b24.auth.params.access_token, b24.auth.params.refresh_token]
        commands = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                commands.append(path.read_text(errors="replace"))
            except OSError:
                continue
        assert commands
        assert not [secret for secret in secrets for command in commands if secret in command]
