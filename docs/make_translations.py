"""Bring the Russian texts up to date with the English ones.

`make translations` has put the texts of the pages into docs/_build/gettext. In docs/locale a text keeps its
translation, a new one comes in empty, one that is gone goes. Of a page in ``IN_ENGLISH`` only the title is translated,
for the menus; in the Russian site it says at its top that it is in English. The notebooks of notebooks/ru are those of
notebooks with their prose translated.
"""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parents[1]
FOUND = ROOT / "docs" / "_build" / "gettext"
LOCALE = ROOT / "docs" / "locale" / "ru" / "LC_MESSAGES"
NOTEBOOKS = ROOT / "notebooks"
PAGES = [
    *(
        "index",
        "start",
        "signin",
        "lists",
        "types",
        "notebook",
        "cli",
        "sync",
        "schedules",
        "errors",
        "crm",
        "sql",
        "recipes",
    ),
    *(f"notebooks/{path.stem}" for path in sorted(NOTEBOOKS.glob("*.ipynb"))),
]
# For administrators and developers, or generated.
IN_ENGLISH = [
    "architecture",
    "changelog",
    "contributing",
    "engines",
    "methods",
    "moving",
    "parity",
    "performance",
    "permissions",
    "portals",
    "reference",
    "reliability",
    "sandbox",
    "security",
]
HEADER = rb"""msgid ""
msgstr ""
"Language: ru\n"
"MIME-Version: 1.0\n"
"Content-Type: text/plain; charset=utf-8\n"
"Content-Transfer-Encoding: 8bit\n"

"""


def texts_of(path: Path) -> dict[str, str]:
    """Each text of a catalogue with its translation, which may be empty."""
    with path.open("rb") as file:
        return {str(message.id): str(message.string) for message in read_po(file) if message.id}


def to_translate(page: str, found: Path = FOUND) -> list[str]:
    """The texts of a page that the Russian site has in Russian, in their order: all of them, or only the title."""
    texts = list(texts_of(found / f"{page}.pot"))
    return texts[:1] if page in IN_ENGLISH else texts


def translations_of(page: str) -> dict[str, str]:
    """The texts of a page with their translations, as docs/locale has them."""
    path = LOCALE / f"{page}.po"
    return texts_of(path) if path.is_file() else {}


def russian_notebook(name: str) -> str:
    """A notebook with its prose in Russian. Code and metadata are those of the English one."""
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    known = translations_of(f"notebooks/{name}")
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for text in sorted(known, key=len, reverse=True):
                spaced = r"\s+".join(map(re.escape, text.split()))  # lines of a paragraph are one text
                cell.source = re.sub(rf"(?<!\w){spaced}(?!\w)", lambda _, to=known[text]: to, cell.source)
    return nbformat.writes(notebook) + "\n"


def main() -> None:
    """Write catalogues and notebooks, and name the pages with texts to translate."""
    for page in [*PAGES, *IN_ENGLISH]:
        known, catalog = translations_of(page), Catalog(locale="ru", fuzzy=False)
        for text in to_translate(page):
            catalog.add(text, known.get(text, ""))
        path = LOCALE / f"{page}.po"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.write(HEADER)
            write_po(file, catalog, width=0, omit_header=True)
        missing = sum(1 for message in catalog if message.id and not message.string)
        if missing:
            print(f"{path.relative_to(ROOT)}: {missing} to translate")  # noqa: T201
    (NOTEBOOKS / "ru").mkdir(exist_ok=True)
    for path in NOTEBOOKS.glob("*.ipynb"):
        (NOTEBOOKS / "ru" / path.name).write_text(russian_notebook(path.stem), "utf-8")


if __name__ == "__main__":
    main()
