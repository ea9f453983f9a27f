"""What README.md names is there. Its code runs in tests/docs."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


def test_readme__shows_the_two_commands_that_the_makefile_has():
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text("utf-8"), flags=re.MULTILINE)
    shown = re.findall(r"^make (\w+)$", README, flags=re.MULTILINE)
    assert shown == ["demo", "test"]
    assert set(shown) <= set(targets)


def test_readme__links_lead_to_files_that_exist():
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert "docs/images/funnel.png" in links
    assert [link for link in links if not (ROOT / link).is_file()] == []


@pytest.mark.parametrize("page", ["README.md", "README.ru.md", "docs/start.md"])
def test_each_install_line__brings_the_sandbox_that_the_page_uses(page):
    text = (ROOT / page).read_text("utf-8")
    extras = re.findall(r"^pip install .*b24data.*\[([\w,]+)\]", text, flags=re.MULTILINE)
    assert "Sandbox(" in text
    assert [one for one in extras if "demo" not in one.split(",")] == []
    assert len(extras) == 3
