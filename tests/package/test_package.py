"""What is handed out: a wheel and an sdist, tried where nothing else is installed."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SURFACE = Path(__file__).with_name("surface.py")


def run(*words: str | Path, cwd: Path) -> str:
    """A program that must not see the source tree, nor be told of it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV"))}
    done = subprocess.run(
        [str(word) for word in words], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory) -> Path:
    """Both, the wheel built from the sdist as an installer would."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "-q", "--outdir", folder, ROOT, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def wheel(dist) -> Path:
    [wheel] = dist.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory) -> Path:
    """An interpreter that has the wheel, its extras, and nothing of ours besides."""
    folder = tmp_path_factory.mktemp("empty")
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    run(python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", f"{wheel}[demo]", cwd=folder)
    return python


def test_wheel__holds_the_package_and_its_facts_and_no_tests(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    tree = {str(path.relative_to(ROOT)) for path in (ROOT / "b24data").rglob("*") if path.is_file()}
    shipped = {name for name in names if name.startswith("b24data/")}
    assert shipped == {name for name in tree if "__pycache__" not in name}
    assert {"b24data/py.typed", "b24data/lists/methods.json", "b24data/lists/filters.json"} <= shipped
    assert "b24data/locale/ru/LC_MESSAGES/b24data.mo" in shipped
    outside = {name.partition("/")[0] for name in names} - {"b24data"}
    assert [name for name in outside if not name.endswith(".dist-info")] == []


def test_sdist__holds_what_it_takes_to_test_it(dist):
    [sdist] = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", "Makefile"} <= names
    assert {
        "environment.yml",
        "tests/conftest.py",
        "docs/conf.py",
        "notebooks/01_quickstart.ipynb",
        "b24data/py.typed",
    } <= names
    assert not [name for name in names if name.startswith((".venv", "demo/", "docs/_build"))]


def test_wheel__does_in_an_empty_environment_what_is_promised(python, tmp_path):
    said = run(python, "-I", SURFACE, cwd=tmp_path)
    assert said.count("ok  ") > 10


def test_wheel__its_dependencies_agree_and_each_extra_can_be_had(python, wheel, tmp_path):
    run(python, "-m", "pip", "check", cwd=tmp_path)
    run(python, "-m", "pip", "install", "-qq", "--dry-run", f"{wheel}[demo,notebook,socks]", cwd=tmp_path)
