"""Every code block of README and of the pages runs, and shows what the page says."""

import asyncio
import atexit
import gc
import os
import re
import runpy
import ssl
import sys
from pathlib import Path

import pytest
import trustme
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from b24data import Sandbox, errors
from b24data.auth.profiles import Profile, Profiles
from b24data.http import transport
from b24data.sandbox.faults import KINDS
from b24data.sandbox.quirks import IGNORABLE, LIES
from tests.docs.blocks import RUN, Block, Reader, blocks_of

ROOT = Path(__file__).parents[2]
PAGES = {
    str(path.relative_to(ROOT)): path.read_text("utf-8")
    for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
    if path.name != "CHANGELOG.md"
}
BLOCKS = {page: blocks_of(text) for page, text in PAGES.items()}

# What no test can type, by page; the pages say why.
NOT_RUN = {
    "README.md": ["installs, and takes minutes"],
    "README.ru.md": ["installs, and takes minutes"],
    "docs/crm.md": ["goes on until Ctrl-C"],
    "docs/engines.md": ["installs, and takes minutes", "needs a bucket", "needs a database", "needs profiles"],
    "docs/moving.md": ["JavaScript"],
    "docs/performance.md": ["takes minutes"],
    "docs/sandbox.md": ["goes on until Ctrl-C"],
    "docs/signin.md": ["asks questions"],
    "docs/recipes.md": ["needs a database"],
    "docs/start.md": ["installs, and takes minutes"],
}


@pytest.fixture
def shell(portal, environment, monkeypatch):
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])  # a shell puts one of its own there
    config = Config()
    config.HistoryManager.enabled = False
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(config=config)
    shell.colors = "nocolor"
    shell.displayhook.write_output_prompt = lambda: None
    monkeypatch.setattr(shell, "showtraceback", lambda *_, **__: None)  # the test shows it
    with portal.connect() as b24:
        shell.push({"b24": b24})
        yield shell
    shell.atexit_operations()
    atexit.unregister(shell.atexit_operations)
    InteractiveShell.clear_instance()
    del shell
    gc.collect()  # a page leaves clients open, as a notebook does; they end here and not in a later test


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """Of a portal that is https, as every real one is: the authority's, its own, and its key."""
    folder, authority = tmp_path_factory.mktemp("tls"), trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    issued.private_key_pem.write_to_path(str(folder / "key.pem"))
    issued.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))
    return [str(folder / name) for name in ("ca.pem", "cert.pem", "key.pem")]


@pytest.fixture(scope="module")
def portal(certificates):
    with Sandbox(deals=300, contacts=100, tasks=60, rate_limit=None, tls=tuple(certificates[1:])) as portal:
        yield portal


@pytest.fixture
def environment(portal, certificates, tmp_path, monkeypatch):
    """What the pages name in the environment."""
    tokens, secret = portal.oauth_params(), portal.oauth_secret()
    given = {
        "B24_ACCESS_TOKEN": tokens["access_token"],
        "B24_REFRESH_TOKEN": tokens["refresh_token"],
        "B24_CLIENT_ID": secret["client_id"],
        "B24_CLIENT_SECRET": secret["client_secret"],
        "B24_WEBHOOK": portal.webhook_url,
        "SSL_CERT_FILE": certificates[0],
        "REQUESTS_CA_BUNDLE": certificates[0],
        "B24DATA_CONFIG_DIR": str(tmp_path / "config"),
        "B24DATA_STATE_DIR": str(tmp_path / "state"),
        "IPYTHONDIR": str(tmp_path / "ipython"),
        "HOME": str(tmp_path),
        "MPLBACKEND": "Agg",
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    transport._tls_context.cache_clear()  # what this process trusted before
    theirs = ssl.create_default_context(cafile=certificates[0])
    monkeypatch.setattr("aiohttp.connector._SSL_CONTEXT_VERIFIED", theirs)  # made when it was imported
    yield os.environ | given
    transport._tls_context.cache_clear()


@pytest.fixture
def loop():
    """The thread's event loop: fast_bitrix24 would make one and leave it open."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()


@pytest.mark.usefixtures("loop")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("page", [page for page, blocks in BLOCKS.items() if any(not b.not_run for b in blocks)])
def test_page__runs_from_top_to_bottom(page, portal, environment, shell):
    if page in ("docs/portals.md", "docs/recipes.md"):
        Profiles().save(Profile(name="acme", portal=portal.url, webhook=portal.webhook_url))
    reader = Reader(page, shell, portal, Path.cwd(), environment)
    for block in BLOCKS[page]:
        if not block.not_run:
            reader.type(block)


def test_blocks__that_are_not_run_are_these():
    assert {
        page: left for page, blocks in BLOCKS.items() if (left := sorted({b.not_run for b in blocks} - {""}))
    } == NOT_RUN


def test_blocks__of_every_other_kind_are_run():
    left = [
        (page, block.line, block.language)
        for page, blocks in BLOCKS.items()
        for block in blocks
        if not block.not_run and not block.file and block.language not in RUN
    ]
    assert left == []


PAGE = """
<!-- not run: needs a portal -->

```sh
b24data login
```

```ipython
1 + 1
```

```text
2
```

and a picture:

```text
a -> b
```

```toml
# deals.toml
x = 1
```

```{toctree}
start
```
"""


def test_the_mechanism__reads_blocks_marks_outputs_and_files():
    login, two, toml = blocks_of(PAGE)
    assert login == Block(4, "sh", "b24data login\n", "needs a portal")
    assert two == Block(8, "ipython", "1 + 1\n", "", "2\n")
    assert toml.file == "deals.toml"


@pytest.mark.parametrize(
    ("language", "code", "output"),
    [("python", "1 / 0", None), ("python", "1 + 1", "3"), ("sh", "false\ntrue", None), ("sh", "echo 2", "3")],
)
def test_the_mechanism__fails_where_a_block_does_or_shows_something_else(
    language, code, output, portal, environment, shell
):
    reader = Reader("a page", shell, portal, Path.cwd(), environment)
    with pytest.raises((AssertionError, ZeroDivisionError)):
        reader.type(Block(1, language, code, "", output))


def test_the_mechanism__takes_dots_for_what_differs(portal, environment, shell):
    reader = Reader("a page", shell, portal, Path.cwd(), environment)
    reader.type(Block(1, "python", "print('12 rows in 0.3 s')", "", "12 rows in ... s"))
    reader.type(Block(1, "sh", "echo $B24_WEBHOOK | cut -c 1-7", "", "https:/"))
    reader.type(
        Block(1, "ipython", "%load_ext b24data\nids = %b24 call crm.deal.list --select ID\nlen(ids)", "", "300")
    )


def test_errors__have_a_cure_each():
    told = re.findall(r"^\| `(\w+)` \|", PAGES["docs/errors.md"], flags=re.MULTILINE)
    assert sorted(told) == sorted(errors.__all__)
    tree = PAGES["docs/errors.md"].partition("```text\nSdkError")[2].partition("```")[0]
    assert sorted(["SdkError", *re.findall(r"─ (\w+)", tree)]) == sorted(errors.__all__)
    below = {
        name
        for name in errors.__all__
        if getattr(errors, name).__mro__[1] is errors.SdkError or "_" in getattr(errors, name).__mro__[1].__name__
    }
    assert set(re.findall(r"^[├└]─ (\w+)", tree, flags=re.MULTILINE)) == below


def test_sandbox__has_every_fault_and_every_lie():
    told = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", PAGES["docs/sandbox.md"], flags=re.MULTILINE))
    assert told == {name: what for name, what in IGNORABLE.items() if name.isalpha()} | KINDS | LIES
    assert all(f"`{what}`" in PAGES["docs/sandbox.md"] for what in IGNORABLE)


def test_speed__is_drawn_as_it_was_measured():
    make = runpy.run_path(str(ROOT / "docs" / "make_speed.py"))
    drawn, page = (ROOT / "docs" / "images" / "speed.svg").read_text("utf-8"), PAGES["docs/performance.md"]
    assert drawn == make["chart"](page), "python docs/make_speed.py draws it anew"
    assert make["seconds_of"](page, "wide").keys() == {"b24data", "fast_bitrix24", "b24pysdk", "b24api"}


def cells(text):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]


def test_speed__the_readme_says_what_its_page_says():
    _, _, measured = PAGES["docs/performance.md"].partition("## Results")
    wide, narrow = (cells(measured.split(f"**{case}**:")[1].split("\n\n**")[0])[2:] for case in ("wide", "narrow"))
    wall, cpu, requests, work = 1, 2, 4, 5
    of_page = [[row[wall] for row in case] for case in (wide, narrow)]
    of_page += [[row[column] for row in wide] for column in (work, requests)]
    of_page += [[f"{float(row[cpu].removesuffix(' s')):.1f} s" for row in wide]]
    of_readme = cells(PAGES["README.md"].split("## Compared with other clients")[1].split("\n## ")[0])
    assert [row[1:] for row in of_readme[2:-1]] == of_page


def test_pages__name_tests_and_modules_that_exist():
    named = {
        (page, path) for page, text in PAGES.items() for path in re.findall(r"`((?:tests|docs|b24data)/[\w./]+)`", text)
    }
    assert len(named) > 15
    made = "docs/_build/html"  # by make docs
    assert {(page, path) for page, path in named if not (ROOT / path).exists() and path != made} == set()
