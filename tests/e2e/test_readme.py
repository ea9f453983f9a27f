"""What README.md shows runs as it stands, on the sandbox in the place of the reader's portal."""

import re
from pathlib import Path

import pytest

from b24data import Sandbox

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


@pytest.fixture(scope="module")
def portal():
    with Sandbox(deals=300) as portal:
        yield portal


@pytest.mark.parametrize("example", EXAMPLES, ids=["oauth", "webhook", "sandbox"])
def test_readme__example_runs(example, portal, monkeypatch, tmp_path, capsys):
    tokens, secret = portal.oauth_params(), portal.oauth_secret()
    monkeypatch.setenv("B24_ACCESS_TOKEN", tokens["access_token"])
    monkeypatch.setenv("B24_REFRESH_TOKEN", tokens["refresh_token"])
    monkeypatch.setenv("B24_CLIENT_ID", secret["client_id"])
    monkeypatch.setenv("B24_CLIENT_SECRET", secret["client_secret"])
    monkeypatch.setenv("B24_WEBHOOK", portal.webhook_url)
    monkeypatch.chdir(tmp_path)
    exec(example.replace("https://your-portal.bitrix24.com", portal.url), {})
    shown = capsys.readouterr().out
    assert "TITLE" in shown or "complete" in shown


def test_readme__shows_the_two_commands_that_the_makefile_has():
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text("utf-8"), flags=re.MULTILINE)
    shown = re.findall(r"^make (\w+)$", README, flags=re.MULTILINE)
    assert shown == ["demo", "test"]
    assert set(shown) <= set(targets)


def test_readme__links_lead_to_files_that_exist():
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert "docs/images/funnel.png" in links
    assert [link for link in links if not (ROOT / link).is_file()] == []
