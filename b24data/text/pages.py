"""Where the documentation is, for who has no clone of the repository. The address is here and in ``pyproject.toml``."""

from __future__ import annotations

_PAGES = "https://b24data.readthedocs.io/en/latest/"


def page(name: str) -> str:
    """The address of a page, by its name in the folder ``docs``.

    >>> page("schedules")
    'https://b24data.readthedocs.io/en/latest/schedules.html'
    """
    return f"{_PAGES}{name}.html"
