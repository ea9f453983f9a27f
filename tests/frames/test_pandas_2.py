"""The everyday calls on the oldest pandas that is allowed, in a program of their own.

``pip install --target`` puts pandas 2.2.3 and pytz into a folder of the environment of the tests, once (80 MB, ten
seconds); nothing else sees them there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ["pandas==2.2.3", "pytz==2024.2"]
FOLDER = Path(sys.prefix) / "pandas-2.2.3"
# What pandas of 2024 asks of pyarrow of 2026, in rank().
OF_PANDAS_ITSELF = "ignore:Specifying null_placement:FutureWarning"


@pytest.fixture(scope="module")
def pandas_2() -> Path:
    if not FOLDER.exists():
        new = Path(tempfile.mkdtemp(prefix="pandas-", dir=FOLDER.parent))
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q", "install", "--no-deps"]
        done = subprocess.run([*command, "--target", new, *PACKAGES], capture_output=True, text=True, check=False)
        if done.returncode:
            shutil.rmtree(new)
            if os.environ.get("CI"):
                pytest.fail(f"{' and '.join(PACKAGES)} can't be installed: {done.stderr[-500:]}")
            pytest.skip(f"{' and '.join(PACKAGES)} can't be installed here")
        new.rename(FOLDER)
    return FOLDER


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="pandas 2.2 has no wheel for this Python")
def test_the_everyday_calls__work_on_pandas_2_2(pandas_2):
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    env["PYTHONPATH"] = os.pathsep.join([str(pandas_2), str(ROOT)])
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", "--override-ini=addopts="),
            *("-W", OF_PANDAS_ITSELF, "tests/frames/test_everyday.py"),
        ],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    version = subprocess.run(
        [sys.executable, "-c", "import pandas; print(pandas.__version__)"],
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    assert version.stdout.strip() == "2.2.3"
