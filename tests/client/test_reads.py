"""Reading never writes: what reads lists refuses every other method before anything is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from b24data import B24Hook, ConfigError
from b24data.cli.main import main
from b24data.lists.methods import check_reads, documented_names, known_methods, only_reads, spec_of

WRITES = [
    *("crm.deal.delete", "crm.deal.add", "crm.item.update", "user.add", "tasks.task.start", "task.item.addfile"),
    *("event.offline.get", "im.v2.Event.get", "imbot.v2.event.get", "im.notify.read.list", "batch", "BATCH"),
    *("CRM.Deal.Delete", "crm.deal.delete.json", "crm.deal.list.", "crm.deal.list.json", "crm.deal.list.xml"),
    *("partner.thing.getOrCreate", "partner.thing.listAndClear", "partner.thing.list.clear", "partner.thing.do"),
    *("disk.storage.getForApp", "disk.file.getExternalLink", "crm.deal.lists.delete", "getlist.drop", "crm.deal"),
]
MALFORMED = [
    "",
    " crm.deal.list",
    "crm.deal.list/",
    "crm/deal/delete",
    "crm.deal.list?x=1",
    "crm.deal.list\n",
    "список",
]
READS = [
    *("crm.deal.list", "CRM.DEAL.LIST", "partner.thing.list", "partner.thing.get", "bizproc.workflow.instances"),
    *("crm.enum.ownertype", "event.offline.list", "tasks.task.list", "landing.site.getList", "partner.Thing.GetList"),
    *("v3:tasks.task.list", "v3:main.eventlog.tail", "v3:partner.thing.list", "crm.status.entity.items"),
]


class Silent:
    """A portal that nobody may call."""

    def call(self, method: str, params: Any = None, *, request_id: str | None = None) -> Any:
        raise AssertionError(f"{method} was sent")


@pytest.fixture
def b24() -> B24Hook:
    client = B24Hook("https://your-portal.bitrix24.com/rest/1/a-code/")
    for version in ("v2", "v3"):
        client.set_http_client(version, Silent())
    return client


def pages(generator: Iterator[Any]) -> None:
    for _ in generator:
        raise AssertionError("a page came")


READERS: dict[str, Callable[[B24Hook, str, Path], Any]] = {
    "fetch_all": lambda b24, method, _: b24.tools.fetch_all(method, progress=False),
    "fetch_all_to": lambda b24, method, path: b24.tools.fetch_all(method, to=path / "x.parquet", progress=False),
    "fetch_table": lambda b24, method, _: b24.tools.fetch_table(method, progress=False),
    "iter_frames": lambda b24, method, _: pages(b24.tools.iter_frames(method, progress=False)),
    "iter_batches": lambda b24, method, _: pages(b24.tools.iter_batches(method, progress=False)),
    "estimate": lambda b24, method, _: b24.tools.estimate(method),
    "sync": lambda b24, method, path: b24.tools.sync(method, to=path / "data", cursor="ID", progress=False),
    "v2.call_list": lambda b24, method, _: b24.actions.v2.call_list.make(method=method),
    "v2.call_list_id": lambda b24, method, _: b24.actions.v2.call_list.make(method=method, id_key="ID"),
    "v2.fetch_list": lambda b24, method, _: pages(b24.actions.v2.fetch_list.make(method=method)),
    "v3.call_list": lambda b24, method, _: b24.actions.v3.call_list.make(method=method),
    "v3.fetch_list": lambda b24, method, _: pages(b24.actions.v3.fetch_list.make(method=method)),
    "v3.call_tail": lambda b24, method, _: b24.actions.v3.call_tail.make(method=method),
    "v3.fetch_tail": lambda b24, method, _: pages(b24.actions.v3.fetch_tail.make(method=method)),
    "v3.aggregate": lambda b24, method, _: b24.actions.v3.aggregate.make(method=method, select={"count": ["id"]}),
}


@pytest.mark.parametrize("method", [*WRITES, *MALFORMED])
@pytest.mark.parametrize("reader", READERS)
def test_reading__refuses_what_is_not_a_read_before_anything_is_sent(
    reader: str, method: str, b24: B24Hook, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as caught:
        READERS[reader](b24, method, tmp_path)
    assert caught.value.hint


@pytest.mark.parametrize("method", ["crm.deal.delete", "user.add", "crm.deal.list.json", "batch", "event.offline.get"])
@pytest.mark.parametrize("more", [["--dry-run"], ["--to", "x.parquet"]])
def test_fetch__in_a_shell_refuses_what_is_not_a_read(
    method: str, more: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("B24_WEBHOOK", "http://127.0.0.1:9/rest/1/code/")  # a port where nothing answers
    assert main(["fetch", method, *more]) != 0
    assert "NOT_CONNECTED" not in capsys.readouterr().err


@pytest.mark.parametrize("method", READS)
def test_check_reads__lets_reads_through(method: str) -> None:
    check_reads(method)


def test_check_reads__every_list_of_the_documentation_is_a_read_but_those_that_drop_rows() -> None:
    refused = [method for method in known_methods() if not only_reads(method)]
    assert sorted(map(str.lower, refused)) == ["event.offline.get", "im.v2.event.get", "imbot.v2.event.get"]


def test_only_reads__no_documented_method_with_the_name_of_a_write_is_one() -> None:
    verbs = ("add", "update", "delete", "set", "remove", "register", "unregister", "start", "send", "bind", "unbind")
    verbs += ("complete", "move", "upload", "create", "restore", "mark", "pin", "unpin", "reset", "save", "renew")
    names = [name for name in documented_names() if name.rpartition(".")[2].startswith(verbs)]
    assert len(names) > 700
    assert [name for name in names if only_reads(name)] == ["crm.enum.addresstype", "mail.mailbox.senders"]


@pytest.mark.parametrize(
    ("method", "near"),
    [
        ("crm.deal.delete", "crm.deal.list"),
        ("crm.deal.list.json", "crm.deal.list"),
        ("CRM.Item.Add", "crm.item.list"),
        ("tasks.task.start", "tasks.task.list"),
        ("event.offline.get", "event.offline.list"),
    ],
)
def test_check_reads__names_the_list_that_was_meant(method: str, near: str) -> None:
    with pytest.raises(ConfigError, match=f"did you mean {near}"):
        check_reads(method)


def test_reading__of_the_lists_of_a_partner_is_sent(b24: B24Hook) -> None:
    with pytest.raises(AssertionError, match=r"partner.thing.list was sent"):
        b24.tools.estimate("partner.thing.list")
    assert spec_of("partner.thing.list").documented is False


@pytest.mark.parametrize(
    ("method", "near"),
    [
        ("crm.deal.lst", "crm.deal.list"),
        ("crm.deal", "crm.deal."),
        ("crm.deal.udpate", "crm.deal.update"),
        ("crm.deal.delet", "crm.deal.delete"),
        ("tasks.task.lsit", "tasks.task.list"),
        ("CRM.DEAL.LST", "crm.deal.list"),
        ("crm.deal.list.json", "crm.deal.list"),
        ("taks.task.add", "tasks.task.add"),
    ],
)
def test_call__of_a_misspelt_method_offers_the_nearest_name_and_not_a_write(
    method: str, near: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("B24_WEBHOOK", "http://127.0.0.1:9/rest/1/code/")
    assert main(["call", method]) != 0
    said = capsys.readouterr().err
    assert f"did you mean {near}" in said
    assert "--write" not in said


@pytest.mark.parametrize(
    "method", ["crm.deal.add", "CRM.Deal.Update", "im.notify.read.list", "event.offline.get", "xyz.do"]
)
def test_call__of_a_write_asks_for_write(
    method: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("B24_WEBHOOK", "http://127.0.0.1:9/rest/1/code/")
    assert main(["call", method]) != 0
    said = capsys.readouterr().err
    assert "add --write" in said
    assert "NOT_CONNECTED" not in said


def test_call__of_a_misspelt_method_is_sent_if_a_write_is_meant(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("B24_WEBHOOK", "http://127.0.0.1:9/rest/1/code/")
    assert main(["call", "crm.deal.lst", "--write"]) != 0
    assert "did you mean" not in capsys.readouterr().err
