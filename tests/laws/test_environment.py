"""environment.yml names what pyproject.toml names, with the same bounds."""

import re
import tomllib
from pathlib import Path

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
