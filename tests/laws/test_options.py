"""The options of a fetch are those of ``FetchOptions``, under one name and with one default wherever they are given."""

from __future__ import annotations

import inspect
from dataclasses import MISSING, fields
from typing import get_type_hints

import msgspec
import pytest

from b24data.client.tools import Tools
from b24data.exports.spec import FullExport, SyncExport
from b24data.fetch.options import FetchOptions, Options
from b24data.syntax.options import LIST_OPTIONS

DEFAULTS = {one.name: one.default for one in fields(FetchOptions)}
ASKED = {"self", "method", "select", "filter"}
GOES = {"to", "csv", "dtype_backend", "resume", "partial"}  # where rows go, and what a fetch that fails leaves
SYNCED = {"to", "cursor", "overlap", "deletes", "max_deletes"}


def keywords(function):
    return {one.name: one.default for one in inspect.signature(function).parameters.values()}


def test_fetch_all__takes_each_with_its_default():
    assert MISSING not in DEFAULTS.values()
    given = keywords(Tools.fetch_all)
    assert {name: default for name, default in given.items() if name not in ASKED | GOES} == DEFAULTS


def test_typed_keywords__are_the_same_with_the_same_types():
    types = get_type_hints(FetchOptions)
    assert get_type_hints(Options) == {name: types[name] for name in DEFAULTS}


def test_sync__takes_those_that_make_sense_there_with_the_same_defaults():
    given = {name: value for name, value in keywords(Tools.sync).items() if name not in ASKED | SYNCED}
    assert given.items() <= DEFAULTS.items()
    assert DEFAULTS.keys() - given.keys() == {"order", "limit", "titles", "count", "recheck"}


def test_words__name_each_that_a_line_can_give():
    words = {name.removeprefix("no-").replace("-", "_") for name in LIST_OPTIONS}
    assert words == (DEFAULTS.keys() - {"progress"}) | {"select", "filter", "partial"}


@pytest.mark.parametrize(("kind", "own"), [(FullExport, {"csv"}), (SyncExport, SYNCED - {"to"})])
def test_exports__name_none_differently(kind, own):
    told = {"name", "target", "profile", "profiles", "every", "on_failure", "mode", "folder", "file"}
    named = {one.name for one in msgspec.structs.fields(kind)} - told - ASKED - own
    assert named <= DEFAULTS.keys()
    assert {"params", "labels", "dtypes", "errors", "tz", "gentle"} <= named
