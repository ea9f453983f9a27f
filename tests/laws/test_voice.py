"""The voice: plain English in the field's terms, in pages, notebooks, docstrings and messages."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# A pattern, and what to write instead. Patterns match whole words, whatever their case.
INSTEAD = {
    r"words? for codes?": "labels",
    r"goes on where": "resumes",
    r"(starts?|began|begins?|started) anew|\banew": "starts over, again",
    r"what comes (of|besides)": "result",
    r"as (fast as )?the portal keeps up( with)?": "as fast as the portal allows",
    r"what can be said": "options",
    r"(?<!there )(is|are|was|were) no (?!longer|more)\w+": "is not a ...; has no ...",
    r"for nothing": "without an effect",
    r"nobody|somebody": "no one, someone, another user",
    r"follows it": "use ... instead",
    r"card names": "set the application's handler URL to ...",
    r"may stand more than once": "repeatable",
    r"besides": "also, as well",
    r"so many": "a number of, this many",
    r"of today": "current, today's",
    r"the likes? of": "such as",
    r"is better known before": "check ... before",
    r"nothing is left to": "you no longer need",
    r"asked (again )?alone": "retried on its own",
    r"as it comes": "as returned by the portal",
    r"on the shelf": "cached",
    r"believed|in doubt": "cached, contradicted",
    r"what came (is|was)": "the rows that arrived",
    r"comes? in no row": "no row has",
    r"in vain": "wasted",
    r"misspelt": "misspelled",
}
BANNED = {re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE): better for pattern, better in INSTEAD.items()}
# Written elsewhere: by people who write the changes of a release, and by the documentation of others.
NOT_OURS = {"CHANGELOG.md"}


def faults(text: str) -> list[str]:
    """The phrases in ``text`` that have a better one.

    >>> faults("It starts anew.")
    ['starts anew: write starts over, again']
    """
    text = " ".join(re.sub(r"`[^`]*`", "``", text).split())
    return [f"{found[0]}: write {better}" for pattern, better in BANNED.items() if (found := pattern.search(text))]


def pages() -> Iterator[tuple[str, str]]:
    for page in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]):
        if page.name not in NOT_OURS and not page.name.endswith(".ru.md"):
            yield page.name, re.sub(r"(?ms)^```.*?^```", "", page.read_text("utf-8"))


def notebooks() -> Iterator[tuple[str, str]]:
    for notebook in sorted(ROOT.glob("notebooks/*.ipynb")):
        if not notebook.stem.endswith(".ru"):
            cells = json.loads(notebook.read_text("utf-8"))["cells"]
            yield notebook.name, "\n\n".join("".join(one["source"]) for one in cells if one["cell_type"] == "markdown")


def docstrings_and_messages() -> Iterator[tuple[str, str]]:
    """Every docstring, and every text with spaces that is not one; of an f-string what is written of it."""
    for path in sorted((ROOT / "b24data").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value.strip():
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node.value.partition(">>>")[0]


@pytest.mark.parametrize("texts", [pages, notebooks, docstrings_and_messages], ids=lambda texts: texts.__name__)
def test_texts__are_plain_english(texts):
    found = [f"{place}: {fault}" for place, text in texts() for fault in faults(text)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "text",
    ["the words for codes", "it goes on where it stopped", "crm.item.list is no\n  list method", "so many rows"],
)
def test_a_phrase_of_the_list__is_found_over_the_end_of_a_line(text):
    assert faults(text)


@pytest.mark.parametrize("text", ["it is no longer there", "`besides` is a name", "labels of codes", "is not a method"])
def test_plain_text__passes(text):
    assert not faults(text)
