"""The import law: who may import whom, read from the source. What a type checker alone sees does not count."""

import ast
import graphlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "b24data"

# From the foundation upwards: a room imports from itself and from the floors below it. Rooms that share
# a floor do not know each other.
LAYERS = [
    ["text", "version"],
    ["report"],
    ["errors"],
    ["secret"],
    ["tokens"],
    ["params"],
    ["files"],
    ["progress"],
    ["syntax"],
    ["http"],
    ["auth", "lists"],
    ["fields", "actions"],
    ["frames"],
    ["fetch"],
    ["sync"],
    ["crm"],
    ["sql"],
    ["client"],
    ["portals"],
    ["engines"],
    ["signin", "exports", "doctor", "testing"],
    ["jupyter"],
    ["cli"],
    ["__main__"],
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
MOST_LOOSE = 10  # modules that lie directly in b24data, in no room

# Outside packages that only one room may know.
ONLY_IN = {
    "httpx": ["http.transport"],
    "httpcore": ["http.transport"],
    "IPython": ["jupyter.*", "progress", "signin.panel", "signin.prompt"],
    "ipywidgets": ["progress", "signin.form", "signin.panel"],
    "nbclient": ["exports.*"],
    "papermill": ["exports.*"],
    "pytest": ["testing.plugin"],
    "uvicorn": ["sandbox.*"],
    "httptools": ["sandbox.*"],
    "asyncio": ["sandbox.*"],
    "matplotlib": ["cli.chart"],
    "xlsxwriter": ["frames.excel"],
    "duckdb": ["crm.*", "sql.*"],
    "sqlglot": ["sql.*"],
    "adbc_driver_postgresql": ["crm.*"],
    "tqdm": ["progress"],
    "dask": ["engines.*"],
    "fsspec": ["fetch.elsewhere"],
    "dlt": ["engines.*"],
    "distributed": ["engines.*"],
    "psycopg": ["auth.postgres"],
    "cryptography": ["auth.cipher"],
    "keyring": ["auth.cipher"],
}
ONLY_IN_FUNCTIONS = {
    "matplotlib",
    "xlsxwriter",
    "duckdb",
    "sqlglot",
    "adbc_driver_postgresql",
    "dask",
    "dlt",
    "fsspec",
    "psycopg",
    "cryptography",
    "keyring",
    "pandas",
    "IPython",
    "ipywidgets",
}  # imported where used
NEEDS_A_KERNEL = [
    "jupyter.*",
    "signin.form",
    "signin.panel",
    "signin.prompt",
]  # but in these, which nothing else imports at its top


@dataclass(frozen=True)
class Import:
    module: str  # who imports, without "b24data."
    target: str  # what, in full
    in_function: bool


def modules() -> dict[str, Path]:
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports_of(module: str, path: Path) -> Iterator[Import]:
    """Every import that runs, wherever it stands; ``from a import b`` counts as ``a.b`` where that is a module."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]

    def visit(node: ast.AST, in_function: bool) -> Iterator[Import]:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            return
        if isinstance(node, ast.Import):
            yield from (Import(module, alias.name, in_function) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = node.module or ""
            if node.level:
                base = ["b24data", *filter(None, package.split("."))]
                source = ".".join([*base[: len(base) - node.level + 1], *filter(None, [source])])
            for alias in node.names:
                inner = f"{source}.{alias.name}"
                is_module = inner.startswith("b24data.") and inner.removeprefix("b24data.") in MODULES
                yield Import(module, inner if is_module else source, in_function)
        inside = in_function or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            yield from visit(child, inside)

    yield from visit(ast.parse(path.read_text("utf-8")), in_function=False)


MODULES = modules()
IMPORTS = [found for module, path in sorted(MODULES.items()) for found in imports_of(module, path)]


def room(module: str) -> str:
    return module.partition(".")[0]


def is_below(target: str, importer: str) -> bool:
    return room(target) == room(importer) or RANK[room(target)] < RANK[room(importer)]


def obeys_the_order(found: Import) -> bool:
    target = found.target.removeprefix("b24data").removeprefix(".")
    match room(found.module), room(target):
        case "sandbox", other:  # a second implementation, which knows nothing of the first
            return other == "sandbox"
        case importer, "sandbox":
            return importer in ("testing", "cli")
        case "", other:  # what the front door hands out at once is light
            return other in ("errors", "params", "report", "tokens", "version")
        case _, "":  # the front door is for users
            return False
        case _:
            return is_below(target, found.module)


def stays_in_its_room(found: Import) -> bool:
    package = room(found.target)
    homes = ONLY_IN.get(package, [found.module])
    names = {found.module, f"{room(found.module)}.*"}
    at_the_top = package not in ONLY_IN_FUNCTIONS or not names.isdisjoint(NEEDS_A_KERNEL)
    return not names.isdisjoint(homes) and (found.in_function or at_the_top)


def is_ours(found: Import) -> bool:
    return room(found.target) == "b24data"


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports__go_downwards_only(module):
    wrong = [found for found in IMPORTS if found.module == module and is_ours(found) and not obeys_the_order(found)]
    assert wrong == []


def test_top__has_few_modules_that_lie_in_no_room():
    loose = sorted(module for module, path in MODULES.items() if path.parent == PACKAGE)
    assert len(loose) <= MOST_LOOSE, loose


def test_imports__of_outside_packages_stay_in_their_rooms():
    assert [found for found in IMPORTS if not is_ours(found) and not stays_in_its_room(found)] == []


def test_imports__at_the_top_of_modules_have_no_cycle():
    graph: dict[str, set[str]] = {}
    for found in IMPORTS:
        if is_ours(found) and not found.in_function:
            graph.setdefault(f"b24data.{found.module}", set()).add(found.target)
    tuple(graphlib.TopologicalSorter(graph).static_order())  # raises CycleError, which names the cycle


@pytest.mark.parametrize(
    ("importer", "target", "allowed"),
    [
        ("http.retry", "b24data.errors", True),
        ("http.retry", "b24data.lists.ranges", False),
        ("errors", "b24data.http.clock", False),
        ("auth.oauth", "b24data.http.transport", True),
        ("auth.oauth", "b24data.http.session", True),
        ("auth.oauth", "b24data.lists.walk", False),
        ("lists.walk", "b24data.frames.schema", False),
        ("client.tools", "b24data.cli.main", False),
        ("client.tools", "b24data", False),
        ("client.tools", "b24data.sandbox", False),
        ("client.tools", "b24data.version", True),
        ("testing.sandbox", "b24data.sandbox", True),
        ("sandbox.table", "b24data.errors", False),
        ("sandbox.table", "b24data.testing.sandbox", False),
        ("sandbox.table", "b24data", False),
        ("", "b24data.client.client", False),
        ("", "b24data.version", True),
        ("cli.demo", "b24data", False),
        ("exports.runner", "b24data", False),
    ],
)
def test_the_check_itself__knows_right_from_wrong(importer, target, allowed):
    assert obeys_the_order(Import(importer, target, in_function=False)) is allowed


@pytest.mark.parametrize(
    ("importer", "target", "in_function", "allowed"),
    [
        ("http.session", "httpx", False, False),
        ("http.transport", "httpx", False, True),
        ("progress", "ipywidgets", True, True),
        ("progress", "ipywidgets", False, False),
        ("jupyter.magics", "IPython", False, True),
        ("frames.sinks", "pandas", False, False),
        ("sandbox.server", "uvicorn", False, True),
        ("sandbox", "asyncio", False, True),
        ("client.tools", "asyncio", True, False),
    ],
)
def test_the_check_itself__knows_who_may_use_what(importer, target, in_function, allowed):
    assert stays_in_its_room(Import(importer, target, in_function)) is allowed


def test_the_check_itself__reads_every_form_of_import(tmp_path):
    source = tmp_path / "walk.py"
    source.write_text(
        "import os.path\nfrom ..http import clock, retry\nfrom . import methods\nfrom b24data import SdkError\n"
        "if TYPE_CHECKING:\n    import pandas\ndef f():\n    import httpx\n"
    )
    assert [(found.target, found.in_function) for found in imports_of("lists.walk", source)] == [
        ("os.path", False),
        ("b24data.http.clock", False),
        ("b24data.http.retry", False),
        ("b24data.lists.methods", False),
        ("b24data", False),
        ("httpx", True),
    ]


def test_architecture__names_every_room():
    page = (PACKAGE.parent / "docs" / "architecture.md").read_text("utf-8")
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert named == {room(module) for module in MODULES} - {"", "__main__"}
