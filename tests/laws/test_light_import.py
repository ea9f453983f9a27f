import json
import subprocess
import sys

import pytest

from b24data.cli.main import COMMANDS

HEAVY = {
    "IPython",
    "asyncio",
    "filelock",
    "httpx",
    "ipywidgets",
    "matplotlib",
    "msgspec",
    "numpy",
    "pandas",
    "platformdirs",
}
HEAVY |= {"arro3", "pyarrow", "ssl", "tqdm", "uvicorn"}


def heavy_modules_after(statement: str) -> set[str]:
    """Which of the heavy packages a fresh interpreter holds once it has run the statement."""
    code = f"import json, sys\n{statement}\nprint(json.dumps([name for name in sys.modules]), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return HEAVY & set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize(
    "statement",
    [
        "import b24data",
        "import b24data; b24data.B24OAuthParams, b24data.FetchReport, b24data.SdkError",
        "import b24data; dir(b24data), b24data.__version__",
    ],
)
def test_import__brings_none_of_the_heavy_packages(statement):
    assert heavy_modules_after(statement) == set()


def test_help__of_the_command_line_brings_none_of_the_heavy_packages():
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "b24data", "--help"], capture_output=True, text=True, check=True
    )
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "b24data.cli.main" in loaded
    assert HEAVY & loaded == set()


@pytest.mark.parametrize("command", [name for part in COMMANDS.values() for name in part if name != "sandbox"])
def test_help__of_each_command_brings_none_of_the_heavy_packages(command):
    assert heavy_modules_after(f"from b24data.cli.main import main\nmain([{command!r}, '--help'])") == set()


def test_the_check_itself__sees_a_heavy_package():
    assert "httpx" in heavy_modules_after("import httpx")
