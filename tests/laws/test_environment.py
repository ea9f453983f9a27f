"""environment.yml names what pyproject.toml names, with the same bounds."""

import ast
import re
import tomllib
from pathlib import Path

from b24data.text.pages import page

ROOT = Path(__file__).parents[2]
# Without Qt, without pandoc, and with its name there.
CONDA_NAMES = {"matplotlib": "matplotlib-base", "nbconvert": "nbconvert-core", "zlib-ng": "python-zlib-ng"}
REQUIREMENT = re.compile(r"([A-Za-z0-9_.-]+)\s*(.*)")


def pinned(requirement: str) -> tuple[str, str]:
    name, bounds = REQUIREMENT.fullmatch(requirement).groups()
    return CONDA_NAMES.get(name, name), bounds.replace(" ", "")


def test_environment_yml__has_the_packages_and_bounds_of_pyproject():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["demo"], *extras["excel"], *extras["notebook"]]
    wanted.append(f"python {project['requires-python']}")

    lines = (ROOT / "environment.yml").read_text("utf-8").splitlines()
    entries = [line.removeprefix("  - ") for line in lines if line.startswith("  - ")]
    given = [entry for entry in entries if entry != "conda-forge" and not entry.startswith("pip")]

    assert sorted(map(pinned, given)) == sorted(map(pinned, wanted))


def test_the_pages_that_hints_name__are_those_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert page("schedules") == f"{project['urls']['Documentation']}schedules.html"
    named = {
        node.args[0].value
        for file in (ROOT / "b24data").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") == "page"
        and isinstance(node.args[0], ast.Constant)
    }
    assert named
    assert [name for name in named if not (ROOT / "docs" / f"{name}.md").is_file()] == []


def test_no_hint__names_a_page_by_its_place_in_a_clone():
    found = [
        (file.name, node.value)
        for file in (ROOT / "b24data").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.keyword) and node.arg == "hint"
        for node in ast.walk(node.value)
        if isinstance(node, ast.Constant) and "docs/" in str(node.value) and "://" not in str(node.value)
    ]
    assert found == []
