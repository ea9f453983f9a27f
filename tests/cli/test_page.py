"""docs/cli.md has every command; that what it shows is what is shown, tests/docs finds out."""

from pathlib import Path

import pytest

from b24data.cli import main as cli

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text("utf-8")
COMMANDS = [name for part in cli.COMMANDS.values() for name in part]


@pytest.mark.parametrize("command", COMMANDS)
def test_page__shows_the_help_of_every_command_below_the_line_that_prints_it(command):
    assert f"```sh\nb24data {command} --help\n```\n\n```text\nusage: b24data {command}" in PAGE


@pytest.mark.parametrize("command", COMMANDS)
def test_page__has_every_command_in_a_heading(command):
    headings = [line for line in PAGE.splitlines() if line.startswith("## ")]
    assert any(f"`b24data {command}`" in line or f"`{command}`" in line for line in headings)
