"""What git leaves out, told without git: compared with git itself."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from b24data.doctor.gitignore import is_ignored, matches

PATHS = (".env", "a/.env", "a/b/.env", "a/b/.env.local", "build/x/.env", "ab/.envrc", "a b/.env ")


@pytest.fixture
def repository(tmp_path) -> Path:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    for name in PATHS:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    return tmp_path


def git_says(repository: Path) -> set[str]:
    """What git itself leaves out; the configuration of whoever runs this has no say."""
    asked = "\0".join(PATHS).encode()
    no_other = {"HOME": str(repository), "XDG_CONFIG_HOME": str(repository), "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(
        ["git", "-C", str(repository), "check-ignore", "--stdin", "-z"],
        input=asked, env={**os.environ, **no_other}, capture_output=True, check=False,
    )  # fmt: skip
    return set(filter(None, done.stdout.decode().split("\0")))


def we_say(repository: Path) -> set[str]:
    return {name for name in PATHS if is_ignored(repository / name)}


PATTERNS = [
    "",
    ".env",
    "/.env",
    ".env*",
    "*.local",
    "a/",
    "a",
    "/a/b",
    "a/*",
    "a/**",
    "**/.env",
    "a/**/.env",
    "**/b/",
    "build",
    "# .env",
    r"\#.env",
    "!.env",
    ".env\n!/.env",
    "*\n!*/\n!.env",
    "a/\n!a/.env",
    ".[e]nv",
    ".[!x]nv",
    ".[a-z]nv",
    "?env",
    ".env   ",
    r".env\ ",
    "a b/.env\\ ",
    "a/.env/",
    "*env",
    "a?b",
    "**",
    "*",
    "/*",
    "/*/",
    "[",
    "[]",
    "a[",
    r"\.env",
    "\\",
    ".env\r\n",
    "//",
    "!",
    "a/b/**",
    "**/**",
    "!!.env",
    "[^a]env",
    r"[\.]env",
    "[]-]env",
]


@pytest.mark.parametrize("patterns", PATTERNS)
def test_is_ignored__says_what_git_says(repository, patterns):
    (repository / ".gitignore").write_bytes(patterns.encode())
    assert we_say(repository) == git_says(repository)


@pytest.mark.parametrize("pattern", ["a/***/.env", "a**/.env", "[[:alpha:]]env"])
def test_is_ignored__in_doubt_it_is_not(repository, pattern):
    (repository / ".gitignore").write_text(pattern)
    assert we_say(repository) <= git_says(repository)


def test_is_ignored__patterns_further_in_and_of_the_repository_count(repository):
    (repository / ".git/info/exclude").write_text("*.local\n")
    (repository / ".gitignore").write_text(".env\n")
    (repository / "a/.gitignore").write_text("!/.env\n/b/.env\n")
    assert we_say(repository) == git_says(repository)
    assert "a/.env" not in we_say(repository)


@pytest.mark.parametrize("version", ["2", "4"])
def test_is_ignored__what_is_tracked_all_the_same_is_not(repository, version):
    git = ["git", "-C", str(repository)]
    (repository / ".gitignore").write_text(".env*\n")
    subprocess.run([*git, "config", "index.version", version], check=True)
    subprocess.run([*git, "add", "-f", "a/b/.env", "a/b/.env.local", ".gitignore"], check=True)
    subprocess.run([*git, "update-index", f"--index-version={version}"], check=True)
    assert we_say(repository) == git_says(repository) == {".env", "a/.env", "build/x/.env", "ab/.envrc", "a b/.env "}
    index = (repository / ".git/index").read_bytes()
    (repository / ".git/index").write_bytes(index[: len(index) // 2])
    assert we_say(repository) == set()


def test_is_ignored__in_a_worktree(repository, tmp_path_factory):
    git = ["git", "-C", str(repository), "-c", "user.name=a", "-c", "user.email=a@example.com"]
    (repository / ".gitignore").write_text(".env\n")
    subprocess.run([*git, "add", ".gitignore"], check=True)
    subprocess.run([*git, "commit", "-qm", "x"], check=True)
    other = tmp_path_factory.mktemp("trees") / "other"
    subprocess.run([*git, "worktree", "add", "-q", str(other)], check=True, capture_output=True)
    assert is_ignored(other / ".env")
    assert not is_ignored(other / "notes")


def test_matches__a_pattern_that_would_take_for_ever_takes_a_moment():
    assert not matches("*a" * 200 + "b", "a" * 250)
    assert not matches("**/a/" * 100 + "b", "a/" * 400)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text("ab.env*?/[]!\\ -", min_size=1, max_size=8), max_size=4))
def test_fuzz__never_says_left_out_where_git_does_not(repository, lines):
    (repository / ".gitignore").write_text("\n".join(lines))
    assert we_say(repository) <= git_says(repository)


@pytest.mark.parametrize(
    ("of_init", "after"),
    [
        (["--object-format=sha256"], []),
        ([], ["update-index", "--split-index"]),
        ([], ["update-index", "--index-version", "4"]),
        ([], ["update-index", "--untracked-cache"]),
    ],
    ids=["SHA-256", "split", "version 4", "with an extension"],
)
def test_a_tracked_file__is_not_taken_for_an_ignored_one(tmp_path, of_init, after) -> None:
    subprocess.run(["git", "init", "-q", *of_init, str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text(".env\n")
    (tmp_path / ".env").write_text("x")
    subprocess.run(["git", "-C", str(tmp_path), "add", "-f", ".env"], check=True)
    if after:
        subprocess.run(["git", "-C", str(tmp_path), *after], check=True)
    assert not is_ignored(tmp_path / ".env")


def test_an_index_with_an_extension__still_says_what_is_not_tracked(tmp_path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text(".env\n")
    (tmp_path / ".env").write_text("x")
    subprocess.run(["git", "-C", str(tmp_path), "add", ".gitignore"], check=True)
    subprocess.run(["git", "-C", str(tmp_path), "update-index", "--untracked-cache"], check=True)
    assert is_ignored(tmp_path / ".env")
