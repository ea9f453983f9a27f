"""The site in Russian: every text of its pages has a translation that says the same with the same code and links."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from babel.messages.pofile import read_po

ROOT = Path(__file__).parents[2]
spec = importlib.util.spec_from_file_location("make_translations", ROOT / "docs" / "make_translations.py")
made = importlib.util.module_from_spec(spec)
spec.loader.exec_module(made)

CODE = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
WORD = re.compile(r"[A-Za-z]{4,}")

EVERY = [*made.PAGES, *made.IN_ENGLISH]


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """The texts of each page, as Sphinx finds them."""
    folder = tmp_path_factory.mktemp("texts")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "gettext", "-D", "nb_execution_mode=off"]
    run = subprocess.run([*command, "docs", str(folder)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-5_000:]
    return {page: made.to_translate(page, folder) for page in EVERY}


def test_every_page__is_in_russian_or_named_as_one_in_english():
    pages = {path.stem for path in (ROOT / "docs").glob("*.md")}
    notebooks = {page for page in made.PAGES if "/" in page}
    assert pages | notebooks == set(EVERY)
    assert len(EVERY) == len(set(EVERY))


@pytest.mark.parametrize("page", made.IN_ENGLISH)
def test_a_page_in_english__has_a_russian_title(page):
    assert [re.search("[а-яё]", title) is not None for title in made.translations_of(page).values()] == [True]


@pytest.mark.parametrize("page", EVERY)
def test_a_page__has_every_text_in_russian_and_none_that_is_gone(page, texts):
    known = made.translations_of(page)
    assert [text for text in texts[page] if not known.get(text)] == [], "run `make translations`, then translate these"
    assert [text for text in known if text not in texts[page]] == [], "run `make translations`: these are gone"


@pytest.mark.parametrize("page", made.PAGES)
def test_a_translation__keeps_code_and_links(page):
    for text, russian in made.translations_of(page).items():
        assert sorted(code for _, code in CODE.findall(russian)) == sorted(code for _, code in CODE.findall(text)), text
        assert sorted(LINK.findall(russian)) == sorted(LINK.findall(text)), text


@pytest.mark.parametrize("page", made.PAGES)
def test_a_translation__is_russian(page):
    for text, russian in made.translations_of(page).items():
        prose = LINK.sub("", CODE.sub("", text))
        if " → " not in prose and len(WORD.findall(prose)) > 3:  # a path in the menus of the portal is quoted
            assert re.search(r"[а-яё]", russian), text


@pytest.mark.parametrize("page", made.PAGES)
def test_a_catalogue__has_nothing_unsure_or_left_over(page):
    with (made.LOCALE / f"{page}.po").open("rb") as file:
        catalog = read_po(file)
    assert [message.id for message in catalog if message.fuzzy and message.id] == []
    assert list(catalog.obsolete) == []


@pytest.mark.parametrize("path", sorted(made.NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_in_russian__is_the_english_one_with_its_prose_translated(path):
    russian = (made.NOTEBOOKS / "ru" / path.name).read_text("utf-8")
    assert russian == made.russian_notebook(path.stem), "run `make translations`"
    for cell in nbformat.reads(russian, as_version=4).cells:
        if cell.cell_type == "markdown":
            assert re.search(r"[а-яё]", cell.source), cell.source


def test_the_readme_in_russian__has_the_sections_code_and_figures_of_the_english_one():
    english, russian = ((ROOT / name).read_text("utf-8") for name in ("README.md", "README.ru.md"))
    blocks = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
    assert blocks.findall(russian) == blocks.findall(english)
    assert figures(russian) == figures(english)


def figures(readme):
    """The numbers of its table, row by row."""
    rows = [line for line in readme.splitlines() if line.startswith("| ") and line.count("|") == 6]
    assert len(rows) > 5
    return [re.findall(r"\d+(?:\.\d+)?", row.replace(",", ".")) for row in rows]
