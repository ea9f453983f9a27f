"""docs/crm.md and its picture say what the package has."""

from __future__ import annotations

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_page_and_picture__are_made_of_the_tables_and_views_that_there_are():
    made = runpy.run_path(str(ROOT / "docs" / "make_crm.py"))
    for path, text in (("docs/crm.md", made["page"]()), ("docs/images/crm.svg", made["picture"]())):
        assert (ROOT / path).read_text("utf-8") == text, "run python docs/make_crm.py"
