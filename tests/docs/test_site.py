"""The site is built without a warning, leads nowhere that is not there, and its notebooks ran."""

import json
import os
import re
import subprocess
import sys
import zlib
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pytest

import b24data
from tests.conftest import SECRET

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The built site in both languages. Its notebooks are executed on the way: half a minute."""
    folder = tmp_path_factory.mktemp("site")
    build(folder / "html")
    build(folder / "html" / "ru", "-D", "language=ru", "-D", "nb_execution_mode=off")
    return folder


def build(folder, *options):
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", *options, "docs", str(folder)]
    portal = {"B24_WEBHOOK": "https://your-portal.bitrix24.com/rest/1/never-asked/"}
    run = subprocess.run(command, cwd=ROOT, env=os.environ | portal, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-5_000:]


class Page(HTMLParser):
    """The links of a page, what it loads, and the places that a link can lead to."""

    def __init__(self, path):
        super().__init__()
        self.links, self.loads, self.ids = [], [], set()
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.ids.add(given.get("id"))
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        if (tag == "link" and given.get("rel") not in ("canonical", "next", "prev")) or given.get("src"):
            self.loads.append(given.get("src") or given.get("href"))


@pytest.fixture(scope="session")
def pages(site):
    return {path: Page(path) for path in (site / "html").rglob("*.html")}


def test_links__lead_to_pages_and_places_that_exist(pages):
    broken = []
    for path, page in pages.items():
        for link in page.links:
            address, _, place = link.partition("#")
            if "://" in address or link.startswith(("mailto:", "#")) or not address:
                target = path if link.startswith("#") else None
            else:
                target = (path.parent / unquote(address)).resolve()
            if target is not None and not (target.is_file() and (not place or _has(pages, target, place))):
                broken.append(f"{path.name}: {link}")
    assert len(pages) > 10
    assert broken == []


def _has(pages, target, place):
    return target not in pages or unquote(place) in pages[target].ids


def test_pages__load_nothing_from_elsewhere(site, pages):
    loaded = {what for page in pages.values() for what in page.loads}
    assert [what for what in loaded if re.match(r"(https?:)?//", what)] == []
    assert any(what.endswith(".css") or ".css?" in what for what in loaded)
    styles = [path.read_text("utf-8", errors="replace") for path in (site / "html").rglob("*.css")]
    assert [text for text in styles if re.search(r"(@import|url\()\s*['\"]?(https?:)?//", text)] == []


def found_by(site, word):
    """The pages that the search of the site finds by a word: one that it has, or one that begins or goes on like it."""
    text = (site / "html" / "searchindex.js").read_text("utf-8")
    index = json.loads(text.removeprefix("Search.setIndex(").rstrip().removesuffix(")"))
    terms = [*index["terms"].items(), *index["titleterms"].items()]
    hits = {page for term, pages in terms if word in term for page in (pages if isinstance(pages, list) else [pages])}
    return {index["docnames"][page] for page in hits}


@pytest.mark.parametrize(
    ("word", "page"),
    [("postgr", "recipes"), ("excel", "recipes"), ("сделки", "lists"), ("сделки", "recipes"), ("вебхук", "start")],
)
def test_search__finds_what_people_call_it(site, word, page):
    assert page in found_by(site, word)


def test_wide_tables__fold_into_cards_that_name_their_columns(site):
    page = (site / "html" / "errors.html").read_text("utf-8")
    assert '<td data-label="what to do"' in page
    assert "docutils b24data-cards" in page
    narrow = (site / "html" / "permissions.html").read_text("utf-8")
    assert "b24data-cards" not in narrow  # two columns have room


def test_a_page_in_english__says_so_in_the_russian_site_and_the_menu_has_its_title_in_russian(site):
    said = "Эта страница на английском языке."
    page, translated = ((site / "html" / "ru" / f"{name}.html").read_text("utf-8") for name in ("portals", "lists"))
    assert page.count(said) == 1
    assert "Много порталов" in translated
    assert said not in translated
    assert said not in (site / "html" / "portals.html").read_text("utf-8")


def test_reference__has_every_public_name(site):
    raw = (site / "html" / "objects.inv").read_bytes().split(b"\n", 4)[4]
    known = {line.split(" ")[0] for line in zlib.decompress(raw).decode().splitlines() if " py:" in line}
    names = {f"b24data.{name}" for name in set(b24data.__all__) - {"__version__"}}
    for module in (b24data.dask, b24data.dlt):
        names.discard(f"b24data.{module.__name__.rpartition('.')[2]}")
        names |= {f"{module.__name__}.{name}" for name in module.__all__}
    assert names - known == set()


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_the_notebook__ran_and_shows_no_secret(name, site):
    done = nbformat.read(site / "jupyter_execute" / "notebooks" / name, as_version=4)
    outputs = [output for cell in done.cells for output in cell.get("outputs", ())]
    assert [output for output in outputs if output.output_type == "error"] == []
    assert [output.text for output in outputs if output.get("name") == "stderr" and "Warning" in output.text] == []
    assert len(outputs) > 4
    assert SECRET.search(nbformat.writes(done)) is None


def test_pages__show_no_secret(site):
    files = [path for path in (site / "html").rglob("*") if path.suffix in (".html", ".txt", ".ipynb", ".js")]
    texts = {path.name: re.sub(r"[0-9a-f]{64}\.(css|png)", "", path.read_text("utf-8")) for path in files}
    assert [name for name, text in texts.items() if SECRET.search(text)] == []
