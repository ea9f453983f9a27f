"""What holds for every test: it leaves no state behind, and nothing that it logs, prints or raises is secret."""

from __future__ import annotations

import atexit
import logging
import os
import re
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from b24data.errors import SdkError

# Before any client is made, and for the programs that tests start.
_FOLDER = tempfile.TemporaryDirectory(prefix="b24data-tests-")
atexit.register(_FOLDER.cleanup)
os.environ["B24DATA_STATE_DIR"] = _FOLDER.name
os.environ["B24DATA_LANG"] = "en"  # whatever the locale of the machine

# The tokens of a sandbox, the code in its webhook's address, and what tests call a secret themselves.
SECRET = re.compile(
    r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])"
    r"|/rest/(?:api/)?\d+/[0-9a-f]{16}(?![0-9a-f])"
    r"|cl13nt-s3cr3t|(?:client_secret|refresh_token|access_token)=(?!\*)\w"
)
_raised: list[str] = []


@pytest.fixture
def common_folder() -> Generator[Path, None, None]:
    """A folder that every user of the machine may enter: those of pytest are for one user, at any depth."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        yield Path(made)


def pytest_configure() -> None:
    for name in ("b24data", "httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    make = SdkError.__init__

    def remember(self: SdkError, description: str = "", **facts: Any) -> None:
        make(self, description, **facts)
        _raised.append(f"{type(self).__name__}: {vars(self)}")  # as it is told, not as it was given

    SdkError.__init__ = remember  # type: ignore[method-assign]


# With several workers, a file is one worker's: those that take half a minute begin first, so that none ends alone.
LONG = [
    "docs/test_site.py",
    "crm/test_thirty_nights.py",
    "docs/test_pages.py",
    "exports/test_killed.py",
    "package/test_package.py",
    "exports/test_trouble.py",
    "sync/test_killed.py",
    "sql/test_property.py",
    "crm/test_killed.py",
    "browser/test_lab.py",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    order = {here / name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: order.get(item.path, len(order)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when != "teardown" or "conformance" in item.path.parts:  # what other people's clients log is theirs
        return report
    shown = [*(text for title, text in report.sections if "Captured" in title), *_raised]
    _raised.clear()
    lines = [line for text in shown for line in text.splitlines() if SECRET.search(line)]
    if lines:
        report.outcome = "failed"
        report.longrepr = "a secret was logged, printed or raised:\n" + "\n".join(lines[:5])
    return report
